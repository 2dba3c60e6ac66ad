// The page of a feature: what an atlas says about it, and what the model says here.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { openApp, part, picture, ready, serious, STILL } from '../support/app.js';
import { FEATURES, id, putAtlas } from '../support/atlas.js';
import { launch, newPage } from '../support/chromium.js';
import { asset, serve } from '../support/server.js';

let server;
let browser;
before(async () => {
  server = await serve();
  putAtlas(server);
  browser = await launch({ webgpu: false });
});
after(async () => {
  await browser?.close();
  await server?.close();
});

const there = (page) => part(page, 'feature-page', '[data-ready="true"]').waitFor();
const shown = (page) => part(page, 'feature-page').getAttribute('data-latent');
const fetched = ({ requests }) => requests.filter((one) => one.includes('demo/atlas/')).map((one) => one.replace('GET demo/atlas/', ''));

/** Opens the page of a feature. */
async function open(latent, context = {}) {
  const page = await newPage(browser, context);
  await page.goto(server.url(`#/features/layer-3/${latent}`));
  await there(page);
  return page;
}

/** Waits until the page shows another feature. */
async function turned(page, latent) {
  await page.waitForFunction((wanted) => document.querySelector('[data-testid="feature-page"]')?.dataset.latent === wanted, String(latent));
  await there(page);
}

test('the first load fetches nothing of the atlas, the page of a feature its own parts once', async () => {
  server.requests.length = 0;
  const page = await openApp(browser, server);
  assert.deepEqual(fetched(server), []);
  await page.getByRole('link', { name: 'Features', exact: true }).click();
  await part(page, 'browse-row').first().waitFor();
  await page.goto(server.url('#/features/layer-3/903'));
  await there(page);
  await page.waitForFunction(() => document.querySelector('[data-testid="atlas-similar"] .label')?.textContent === 'before');
  assert.deepEqual(fetched(server).toSorted(), ['atlas.json', 'layer-3/features-0014.bin', 'layer-3/table.bin', 'vocabulary.bin']);
  assert.deepEqual(page.seen.errors, []);
  await page.context().close();
});

test('a deep link shows the feature while the engine is not there', async () => {
  let release;
  server.rules.push({ match: new RegExp(asset('engine.wasm')), hold: new Promise((resolve) => (release = resolve)) });
  const page = await open(903, STILL);
  assert.equal(await page.evaluate(() => document.body.dataset.state), 'loading');
  assert.match(await part(page, 'feature-statistics').innerText(), /density 0\.400%.*fires on 400 tokens.*largest 4\.000.*E\[a\] 0\.0080.*E\[a²\] 0\.0200.*skew 21\.50.*kurtosis 520\.25.*N = 100,000 tokens of tales and scripture/s);
  assert.equal(await part(page, 'feature-label').innerText(), '<b>king</b> → who automatic');
  assert.equal(await part(page, 'context').count(), 6);
  assert.match(await part(page, 'own-text-result').innerText(), /on their way/);
  const first = part(page, 'context').first();
  assert.match(await first.locator('.from').getAttribute('title'), /tales · The king and his daughters, from its token 64/);
  assert.equal(await first.locator('.chip:not(.t0)').allInnerTexts().then((texts) => texts.join('|')), '␣king|␣daughters');
  assert.equal(await part(page, 'context-group').nth(1).locator('h3').innerText(), 'Interval 2.00 – 4.00 · 17 windows');
  assert.match(await part(page, 'context').nth(1).innerText(), /<script>/);
  assert.match(await part(page, 'atlas-logits').innerText(), /␣who\s*\+0\.500/);
  assert.match(await part(page, 'atlas-tokens').innerText(), /␣king\s+300\s+75\.0%/);
  assert.match(await part(page, 'atlas-sources').innerText(), /tales\s*0\.500%\s*kjv\s*0\.250%/);
  assert.match(await part(page, 'atlas-coactive').innerText(), /902.*12 tokens.*\+2\.50/s);
  assert.match(await part(page, 'atlas-heads').innerText(), /layer 1 · head 3\s*2\.25/);
  await picture(page, 'feature');
  release();
  server.rules.length = 0;
  await ready(page);
  assert.deepEqual(page.seen.errors, []);
  await page.context().close();
});

test('what a record does not have is said, not left out', async () => {
  const page = await open(905);
  assert.match(await part(page, 'atlas-logits').innerText(), /Not computed/);
  assert.match(await part(page, 'atlas-similar').innerText(), /No other feature/);
  await page.keyboard.press('k');
  await turned(page, 904);
  assert.match(await page.locator('.feature-main').innerText(), /never fires/);
  await page.context().close();
});

test('numbers that an imported atlas was not told are dashes, never zeros', async () => {
  const bare = await serve();
  putAtlas(bare, { unknown: ['fired', 'windows', 'density', 'max', 'mean', 'mean-square', 'corpus-tokens', 'tokens', 'sources', 'interval-windows', 'example-document', 'example-start'] });
  const page = await newPage(browser);
  await page.goto(bare.url('#/features/layer-3/903'));
  await there(page);
  assert.match(await part(page, 'feature-statistics').innerText(), /density –.*fires on – tokens.*largest –.*E\[a\] –.*E\[a²\] –.*skew 21\.50.*N = – tokens of tales and scripture/s);
  for (const name of ['atlas-tokens', 'atlas-sources', 'atlas-documents']) assert.match(await part(page, name).innerText(), /do not state it/);
  assert.match(await part(page, 'context-group').nth(1).innerText(), /2\.00 – 4\.00 · – windows/);
  // Nobody knows that one never fires.
  await page.goto(bare.url('#/features/layer-3/904'));
  await turned(page, 904);
  assert.match(await page.locator('.feature-main').innerText(), /no context of it/);
  await page.goto(bare.url('#/features/layer-3'));
  await part(page, 'browse-row').first().waitFor();
  const table = await part(page, 'browse').innerText();
  assert.match(table, /whose number of tokens is not stated, from files of sae-dashboard: a dash is a number/);
  assert.doesNotMatch(table, /never fires|0\.000%|almost always on \(/);
  assert.deepEqual(page.seen.errors, []);
  await page.context().close();
  await bare.close();
});

test('the token under the pointer or with the focus is marked in the histogram', async () => {
  const page = await open(903);
  const tokens = part(page, 'context').first().locator('[data-testid="context-token"]');
  await tokens.nth(7).hover();
  assert.equal(await part(page, 'histogram-marker').first().getAttribute('data-value'), '4.000');
  assert.match(await part(page, 'hovered').innerText(), /␣king 4\.000/);
  await page.mouse.move(0, 0);
  await part(page, 'histogram-marker').waitFor({ state: 'detached' });
  await tokens.nth(7).focus();
  await page.keyboard.press('End');
  assert.match(await part(page, 'hovered').innerText(), /␣daughters 1\.500/);
  await page.keyboard.press('ArrowLeft');
  assert.match(await part(page, 'hovered').innerText(), /␣three 0\.000/);
  assert.equal(await shown(page), '903', 'arrows belong to the line that has the focus');
  // A long context is cut around its peak, and opens.
  const long = part(page, 'context').nth(2);
  assert.ok((await long.locator('.chip').count()) < 30);
  await long.locator('[data-testid="context-whole"]').click();
  assert.equal(await long.locator('.chip').count(), 48);
  await page.context().close();
});

test('the next feature, the one before, a random one', async () => {
  const page = await open(903);
  await ready(page);
  await part(page, 'feature-next').click();
  await turned(page, 904);
  await page.evaluate(() => document.activeElement?.blur());
  await page.keyboard.press('j');
  await turned(page, 905);
  await page.keyboard.press('k');
  await page.keyboard.press('ArrowLeft');
  await turned(page, 903);
  assert.match(page.url(), /#\/features\/layer-3\/903\?/);
  assert.equal(await page.title(), '903 of layer-3 · sae-explorer');
  await part(page, 'atlas-similar').getByRole('link', { name: '902' }).click();
  await turned(page, 902);
  await page.goBack();
  await turned(page, 903);
  await page.waitForFunction(() => document.querySelector('[data-testid="atlas-similar"] .label')?.textContent === 'before');
  await part(page, 'feature-random').click();
  await page.waitForFunction((firing) => firing.includes(document.querySelector('[data-testid="feature-page"]').dataset.latent), Object.keys(FEATURES));
  await part(page, 'pin-button').click();
  await page.waitForFunction(() => document.querySelector('.pins li') !== null);
  // Keys of a single character can be switched off.
  await page.keyboard.press('?');
  await part(page, 'single-keys').uncheck();
  await page.keyboard.press('Escape');
  const before = await shown(page);
  await page.keyboard.press('j');
  assert.equal(await shown(page), before);
  await page.evaluate(() => localStorage.clear());
  await page.context().close();
});

test('a token of a context opens it as the prompt, with the feature selected', async () => {
  const page = await open(903);
  await ready(page);
  await part(page, 'context').first().locator('[data-testid="context-token"]').nth(7).click();
  await part(page, 'prompt').waitFor();
  await page.waitForFunction(() => document.querySelectorAll('[data-testid="token"]').length === 13);
  await ready(page);
  assert.equal(await part(page, 'prompt').inputValue(), 'Once upon a time there was a king who had three daughters');
  assert.equal(await part(page, 'feature-panel').getAttribute('data-latent'), '903');
  assert.equal(await part(page, 'token', '[aria-selected="true"]').getAttribute('data-index'), '8');
  assert.equal(await part(page, 'dock-label').innerText(), '<b>king</b> → who');
  await part(page, 'dock-page').click();
  await turned(page, 903);
  await page.context().close();
});

test('a text of one’s own has the activations that the package gives', async () => {
  const page = await open(903);
  await ready(page);
  const typed = 'The king had a daughter.';
  await part(page, 'own-text').fill(typed);
  await page.waitForFunction(() => document.querySelector('[data-testid="own-text-result"] [data-testid="context-token"]') !== null);
  const expected = await page.evaluate(async (prompt) => {
    const { tokens, bosPrepended, saes: [{ latents, activations, k }] } = await window.saeExplorer.trace(prompt, { saes: ['openai.layer_3'] });
    const at = (token) => [...latents.slice(token * k, (token + 1) * k)].indexOf(903);
    const along = tokens.map((_, token) => (at(token) < 0 ? 0 : activations[token * k + at(token)]));
    return { along: along.slice(Number(bosPrepended)), count: tokens.length - Number(bosPrepended) };
  }, typed);
  const tokens = part(page, 'own-text-result').locator('[data-testid="context-token"]');
  assert.equal(await tokens.count(), expected.count);
  const largest = Math.max(...expected.along);
  assert.ok(largest > 0, 'feature 903 fires on this text');
  assert.match(await part(page, 'own-text-result').innerText(), new RegExp(`active on ${expected.along.filter((value) => value > 0).length} of ${expected.count} tokens\\s*largest activation ${largest.toFixed(3)}`));
  await tokens.nth(expected.along.indexOf(largest)).hover();
  assert.equal(await part(page, 'histogram-marker').first().getAttribute('data-value'), largest.toFixed(3));
  await page.context().close();
});

test('ablations in its strongest contexts are measured', async () => {
  const page = await open(903);
  await ready(page);
  await part(page, 'ablation-run').click();
  await page.waitForFunction(() => document.querySelectorAll('[data-testid="ablation-results"] > li').length === 3);
  const tokens = [8191, ...['Once', ' upon', ' a', ' time', ' there', ' was', ' a', ' king', ' who', ' had', ' three', ' daughters'].map(id)];
  const expected = await page.evaluate(async (prompt) => {
    const clean = await window.saeExplorer.trace(prompt, { saes: [] });
    const edited = await window.saeExplorer.edited(prompt, { sae: 'openai.layer_3', latent: 903, value: 0, positions: [8] });
    const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
    return { loss: mean([...edited.tokenLosses].slice(8).map((loss, at) => loss - clean.tokenLosses[8 + at])), kl: mean([...edited.klByPosition].slice(8)) };
  }, tokens);
  const text = await part(page, 'ablation-results').locator('li').first().innerText();
  const [, loss] = /loss of later tokens ([+−]?[\d.]+) nats, N = 4/.exec(text);
  assert.ok(Math.abs(Number(loss.replace('−', '-')) - expected.loss) < 6e-4, `${loss} and ${expected.loss}`);
  const [, kl] = /KL of the ablation ([\d.]+(?:e−\d+)?) nats, N = 5/.exec(text);
  assert.ok(expected.kl > 0 && Math.abs(Number(kl.replace('−', '-')) - expected.kl) < 0.06 * expected.kl, `${kl} and ${expected.kl}`);
  await part(page, 'ablation-cancel').waitFor({ state: 'detached' });
  await picture(page, 'feature-live');
  await page.context().close();
});

test('a damaged shard costs that shard, and can be requested again', async () => {
  const broken = await serve();
  const files = putAtlas(broken);
  const path = 'demo/atlas/layer-3/features-0014.bin';
  const whole = files.get('layer-3/features-0014.bin');
  const damaged = Buffer.from(whole);
  damaged[damaged.length - 1] ^= 1;
  broken.files.set(path, damaged);
  const page = await newPage(browser);
  await page.goto(broken.url('#/features/layer-3/903'));
  await part(page, 'part-failed').waitFor();
  assert.match(await part(page, 'part-failed').innerText(), /layer-3\/features-0014\.bin is damaged: .*SHA-256/);
  await page.goto(broken.url('#/features/layer-3/70'));
  await there(page);
  await page.goto(broken.url('#/features/layer-3/903'));
  await part(page, 'part-failed').waitFor();
  broken.files.set(path, whole);
  await part(page, 'part-retry').click();
  await there(page);
  assert.deepEqual(page.seen.errors, []);
  // A feature that the atlas does not have, and a set.
  await page.goto(broken.url('#/features/layer-3/5000'));
  assert.match(await part(page, 'atlas-missing').innerText(), /no feature 5000: this SAE has 4096/);
  await page.goto(broken.url('#/features/layer-9/3'));
  await page.waitForFunction(() => document.querySelector('[data-testid="atlas-missing"]')?.textContent.includes('layer-9'));
  await page.context().close();
  await broken.close();
});

test('a site without an atlas says so; an atlas of another model is not used for this one', async () => {
  const plain = await serve();
  plain.files.set('demo/demo.json', Buffer.from(JSON.stringify({ ...(await import('../support/demo.js')).manifest, atlas: undefined })));
  const page = await openApp(browser, plain, { path: '#/features/layer-3/903' });
  assert.match(await part(page, 'atlas-missing').innerText(), /no atlas/);
  await page.getByRole('link', { name: 'Prompt', exact: true }).click();
  await part(page, 'dock').waitFor();
  assert.equal(await part(page, 'dock-page').count(), 0);
  assert.deepEqual(page.seen.errors, []);
  assert.deepEqual(fetched(plain), []);
  await page.context().close();
  putAtlas(plain, { name: 'another model' });
  const other = await openApp(browser, plain, { path: '#/features/layer-3/903' });
  await there(other);
  assert.match(await part(other, 'atlas-misfit').innerText(), /This atlas is of another model; the loaded model is/);
  assert.equal(await part(other, 'ablation-run').count(), 0);
  await other.context().close();
  await plain.close();
});

test('an atlas is not used for another SAE of the same hook and width', async () => {
  const page = await open(903);
  await ready(page);
  await part(page, 'ablation-run').waitFor();
  const load = (path, id) =>
    page.evaluate(
      async ([path, id]) => {
        const { saeExplorer: engine } = window;
        for (const { id } of engine.loaded.saes) if (id === 'openai.layer_3' || id === 'own') await engine.unloadSae(id);
        const url = new URL(`fixtures/${path}`, document.baseURI).href;
        await engine.loadSae(url, { hook: 'blocks.3.hook_resid_post', id });
      },
      [path, id],
    );
  await load('saelens/blocks.3.hook_resid_post_relu/', 'own');
  await page.waitForFunction(() => /own has other numbers/.test(document.querySelector('[data-testid="atlas-misfit"]')?.textContent));
  assert.equal(await part(page, 'ablation-run').count(), 0);
  // The same numbers in another file.
  await load('openai/layer_3.pt', 'own');
  await part(page, 'ablation-run').waitFor();
  assert.equal(await part(page, 'atlas-misfit').count(), 0);
  assert.deepEqual(page.seen.errors, []);
  await page.context().close();
});

test('the page is drawn soon after its shard’s arrival', async (t) => {
  const page = await open(903);
  await ready(page);
  const times = [];
  for (const latent of [130, 903, 200, 903]) {
    // Another page load, so that the shard comes from the host.
    await page.goto('about:blank');
    await page.goto(server.url(`#/features/layer-5/${latent}`));
    await part(page, 'feature-page').waitFor();
    times.push(
      await page.evaluate(async () => {
        const drawn = await new Promise((resolve) => {
          const look = () => (document.querySelector('[data-testid="feature-page"][data-ready="true"]') === null ? requestAnimationFrame(look) : requestAnimationFrame(() => resolve(performance.now())));
          look();
        });
        const arrivals = performance.getEntriesByType('resource').filter(({ name }) => /features-|vocabulary/.test(name));
        return drawn - Math.max(...arrivals.map(({ responseEnd }) => responseEnd));
      }),
    );
  }
  t.diagnostic(`drawn after ${times.map((time) => time.toFixed(0)).join(', ')} ms`);
  // A bound that a busy machine keeps; the time itself is reported.
  assert.ok(Math.min(...times) < 1500, `${times} ms`);
  await page.context().close();
});

test('axe finds nothing in light, dark and narrow', async () => {
  for (const [name, context] of [
    ['feature-light', { ...STILL }],
    ['feature-dark', { ...STILL, colorScheme: 'dark' }],
    ['feature-narrow', { ...STILL, viewport: { width: 390, height: 844 }, hasTouch: true }],
  ]) {
    const page = await open(903, context);
    await ready(page);
    await picture(page, name);
    assert.deepEqual(await serious(page), [], name);
    const { scroll, client } = await page.evaluate(() => ({ scroll: document.documentElement.scrollWidth, client: document.documentElement.clientWidth }));
    assert.ok(scroll <= client, `${name}: ${scroll} px in ${client}`);
    await page.context().close();
  }
});
