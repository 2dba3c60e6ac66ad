// The library: the catalogue before any download, files, links, progress, removed SAEs, what is stored, and what a link may do.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { STILL, latents, openApp, openLibrary, openPrompt, part, picture, ready, serious, trace } from '../support/app.js';
import { SAES, ptFile } from '../support/demo.js';
import { launch, newPage } from '../support/chromium.js';
import { serveHub } from '../support/hub.js';
import { saelens } from '../support/layouts.js';
import { root, serve } from '../support/server.js';

const demo = (path) => join(root, 'web/demo', path);
const read = (path) => readFile(demo(path));
const MODEL = ['config.json', 'model.safetensors', 'tokenizer.json'];

let server;
let hub;
let browser;
/** The catalogue of most of these tests; the site's own one is not on this host. */
let catalogue;
before(async () => {
  [server, hub] = await Promise.all([serve(), serveHub()]);
  browser = await launch({ webgpu: false });
  const [config, weights, tokenizer, ...saes] = await Promise.all([...MODEL.map((name) => read(`model/${name}`)), ...[1, 3, 5].map((layer) => readFile(ptFile(layer)))]);
  hub.repo('tiny/model', { 'config.json': config, 'model.safetensors': weights, 'tokenizer.json': tokenizer });
  hub.repo('tiny/saes', { 'layer_1.pt': saes[0], 'layer_3.pt': saes[1], 'layer_5.pt': saes[2] });
  const folder = 'tests/fixtures/saelens/blocks.3.hook_resid_post_relu';
  const [cfg, saeWeights] = await Promise.all(['cfg.json', 'sae_weights.safetensors'].map((name) => readFile(join(root, folder, name))));
  const trained = (name, changes) => {
    const { metadata, ...own } = JSON.parse(cfg);
    hub.repo(`tiny/${name}`, { 'cfg.json': { ...own, metadata: { ...metadata, ...changes } }, 'sae_weights.safetensors': saeWeights });
  };
  trained('short', { model_name: 'gpt2-medium', context_size: 4, prepend_bos: true });
  trained('without-bos', { prepend_bos: false });
  trained('named', { model_name: 'tiny/model' });
  const { n_layer: layers, n_embd: dModel, n_head: heads, vocab_size: vocab, n_positions: context } = JSON.parse(config);
  const model = { id: 'tiny', name: 'Tiny', repo: 'tiny/model', licence: 'MIT', parameters: 6e6, layers, dModel, heads, vocab, context, bytes: weights.length + tokenizer.length };
  const release = { id: 'tiny-topk', name: 'TopK, after the block', model: 'tiny', repo: 'tiny/saes', path: 'layer_{L}.pt', layers: [1, 3, 5], hook: 'blocks.{L}.hook_resid_post', architecture: 'topk', dIn: dModel, dSae: 4096, k: 16, context: 256, bos: true, centre: false, licence: 'unknown', bytes: saes[0].length };
  const huge = { ...model, id: 'huge', name: 'Huge', repo: 'tiny/huge', parameters: 4e12, layers: 1000, dModel: 65536, bytes: 16e12 };
  const giant = { ...release, id: 'giant', name: 'Two million latents', dSae: 2_097_152, bytes: 4.3e9, streamable: true };
  catalogue = Buffer.from(JSON.stringify({ mirror: hub.origin, models: [model, huge], saes: [release, giant] }));
  server.files.set('catalogue.json', catalogue);
});
after(async () => {
  await browser?.close();
  await Promise.all([server?.close(), hub?.close()]);
});

/** The library of a page with the demo; what should come and does not is found out within a minute. */
async function open(context = {}) {
  const page = await openApp(browser, server, { context });
  page.setDefaultTimeout(15_000);
  await openLibrary(page);
  return page;
}

/** A row of a list, by what stands in it. */
const row = (page, list, text) => part(page, list).locator('li').filter({ hasText: text });
const model = (page, id) => part(page, 'catalogue-model', `[data-model="${id}"]`);
const release = (page, id) => part(page, 'release', `[data-release="${id}"]`);
const layer = (page, id, number) => release(page, id).locator(`[data-layer="${number}"]`);

const load = (row) => part(row, 'load').click();

/** Says yes to the question about a part of the catalogue. */
const confirm = (page) => part(page, 'load-chosen').click();

async function loadModel(page, id) {
  await load(model(page, id));
  await confirm(page);
}

/** Waits until nothing is being loaded and the prompt is traced. */
async function settled(page) {
  await part(page, 'progress').waitFor({ state: 'hidden' });
  await ready(page);
}

/** What is loaded, by its ids. */
const loaded = (page) =>
  page.evaluate(async () => {
    const { model, saes } = await window.saeExplorer.info();
    return [model?.id, ...saes.map(({ id }) => id)];
  });

/** An SAE's numbers in the list of what is loaded, as shown: FVU, L0, ΔCE, KL. */
async function numbers(page, sae) {
  const cells = part(page, 'loaded-sae', `[data-sae="${sae}"]`).locator('td.number');
  await page.waitForFunction((id) => /\d/.test(document.querySelector(`[data-testid="loaded-sae"][data-sae="${id}"] td.number`)?.textContent ?? ''), sae);
  return (await cells.allTextContents()).slice(0, 4).map((text) => Number(text.replace('−', '-')));
}

/** The element that has the focus, by its text or name. */
const focused = (page) => page.evaluate(() => document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.textContent);

test('every model and release is seen before anything is downloaded, even before a model is there', async () => {
  server.files.delete('catalogue.json');
  let release;
  server.rules = [{ match: /model\.safetensors$/, hold: new Promise((resolve) => (release = resolve)) }];
  const page = await newPage(browser);
  await page.goto(server.url('#/library'));
  const rows = part(page, 'release');
  await rows.first().waitFor();
  const { models, saes } = JSON.parse(await readFile(join(root, 'web/catalogue.json')));
  assert.equal(saes.length, 20);
  assert.equal(await page.evaluate(() => document.body.dataset.state), 'loading');
  const told = await part(page, 'catalogue-model').evaluateAll((all) => all.map((one) => one.dataset.model));
  assert.deepEqual(told, ['demo', ...models.map(({ id }) => id)]);
  assert.equal(await rows.count(), 20);
  for (const { id, name, hook, dSae, layers, licence } of saes) {
    const one = part(page, 'release', `[data-release="${id}"]`);
    const text = await one.innerText();
    for (const said of [name, hook.replace('blocks.{L}.', ''), dSae.toLocaleString('en-US'), / [kM]B/, /fits|does not fit/, licence === 'unknown' ? 'not stated' : licence]) {
      assert.ok(said instanceof RegExp ? said.test(text) : text.includes(said), `${id}: ${said} in ${text}`);
    }
    assert.deepEqual(await one.locator('[data-testid="layer"]').allInnerTexts(), layers.map(String));
  }
  assert.equal(await part(page, 'catalogue-model', '[data-model="gpt2"]').locator('[data-testid="release"]').count(), 20);
  assert.deepEqual(page.seen.requests.filter((url) => !url.startsWith(server.origin)), []);
  assert.deepEqual(page.seen.errors, []);
  release();
  server.rules = [];
  await page.context().close();
  server.files.set('catalogue.json', catalogue);
});

test('the catalogue: a model is loaded after one question, and each SAE shows its numbers', async () => {
  const page = await open();
  await model(page, 'tiny').waitFor();
  assert.match(await model(page, 'tiny').innerText(), /\d layers × 256 · context \d+ tokens · 14 MB · MIT · fits/);
  const huge = model(page, 'huge');
  assert.match(await huge.innerText(), /does not fit: needs .+ available/);
  await load(huge);
  assert.match(await part(page, 'why').innerText(), /^It needs .+ available .+\.$/);
  assert.ok(await part(page, 'load-chosen').isDisabled());
  // The demo's numbers, taken when somebody looks.
  const shown = await numbers(page, 'openai.layer_3');
  const { fvu, l0, deltaCe, kl } = await page.evaluate(async () => {
    const { saes } = await window.saeExplorer.trace(window.SAMPLE_TEXT, { saes: ['openai.layer_3'] });
    return saes[0].metrics;
  });
  assert.deepEqual(shown, [fvu.toFixed(3), l0.toFixed(1), deltaCe.toFixed(3), kl.toFixed(3)].map(Number));
  assert.ok(fvu > 0 && fvu < 0.5 && l0 > 1 && l0 <= 16 && kl > 0, `${fvu} ${l0} ${kl}`);
  assert.equal(await part(page, 'doubt').count(), 0);
  // The demo's loss by NumPy in float64.
  const { sample_loss: computed } = JSON.parse(await readFile(join(root, 'tests/fixtures/demo-metrics.json'), 'utf8'));
  const chance = Math.log(JSON.parse(await read('model/config.json')).vocab_size);
  const [loss, usual] = [computed, 0.7 * chance].map((nats) => nats.toFixed(2));
  const says = await part(page, 'sample-loss').innerText();
  assert.match(says, /\(N = \d+;/);
  for (const words of [`: ${loss} nats per token (`, `; usual for a trained model: less than ${usual}; chance: ${chance.toFixed(2)})`]) assert.ok(says.includes(words), says);
  assert.equal(await part(page, 'sample-loss-caution').count(), 0);
  await load(model(page, 'tiny'));
  const question = part(page, 'question');
  assert.match(await question.innerText(), /Load Tiny\?.* takes the place of demo .* and its 3 SAEs\. They can be had back\./s);
  await confirm(page);
  await settled(page);
  assert.deepEqual(await loaded(page), ['tiny']);
  assert.match(await part(page, 'sample-loss').innerText(), new RegExp(`${loss.replace('.', '\\.')} nats`), 'the model that is loaded now, which is the same');
  assert.match(await release(page, 'tiny-topk').innerText(), /8.5 MB.*fits.*not stated/s);
  assert.match(await release(page, 'giant').innerText(), /stays in its file, needs \d+ MB/);
  await layer(page, 'giant', 3).click();
  assert.match(await part(page, 'why').innerText(), /does not fit whole: needs .+ available .+ It stays in its file, which is read through for every prompt: that needs 0\.\d GB/);
  assert.ok(await part(page, 'load-chosen').isEnabled());
  await layer(page, 'tiny-topk', 5).click();
  assert.equal(await question.count(), 1, 'one question at a time');
  await confirm(page);
  await settled(page);
  assert.deepEqual(await loaded(page), ['tiny', 'tiny-topk@5']);
  assert.equal(await layer(page, 'tiny-topk', 5).getAttribute('aria-label'), 'layer 5, loaded');
  const [fvu5] = await numbers(page, 'tiny-topk@5');
  assert.ok(fvu5 > 0 && fvu5 < 0.5, String(fvu5));
  await openPrompt(page);
  assert.ok((await latents(page)).length > 0);
  assert.match(page.url(), /#\/prompt\?model=tiny&sae=tiny-topk%405/);
  await page.goBack();
  await part(page, 'library').waitFor();
  assert.match(page.url(), /#\/library\?model=tiny&sae=tiny-topk%405/);
  assert.deepEqual(page.seen.errors, []);
  await page.context().close();
});

test('SAEs load their model after one question with total size, host and time', async () => {
  const page = await open();
  hub.requests.length = 0;
  await layer(page, 'tiny-topk', 1).click();
  const question = part(page, 'question');
  const asked = async () => (await question.innerText()).replaceAll(/\s+/g, ' ');
  // The model's weights and tokenizer, and one SAE or two: 13.8 + 0.2 and 8.5 MB each.
  const host = hub.origin.slice('http://'.length);
  assert.match(await asked(), new RegExp(`^Load Tiny and TopK, after the block, layer 1\\? 23 MB from ${host}: about \\d+ (s|min) at [\\d.]+ [kM]B/s, (measured|assumed|the )`));
  await layer(page, 'tiny-topk', 5).click();
  assert.match(await asked(), new RegExp(`^Load Tiny and 2 SAEs\\? 31 MB from ${host}: about `));
  assert.match(await asked(), /It needs about \d+ MB of the .+ available on the device\. It takes the place of demo .* and its 3 SAEs/);
  assert.deepEqual(hub.requests, [], 'nothing is asked of the host before the answer');
  await layer(page, 'tiny-topk', 1).click();
  assert.match(await asked(), /^Load Tiny and TopK, after the block, layer 5\?/);
  await page.getByRole('button', { name: 'Not now' }).click();
  assert.equal(await question.count(), 0);
  assert.equal(await focused(page), 'layer 5');
  await layer(page, 'tiny-topk', 5).click();
  await layer(page, 'tiny-topk', 3).click();
  hub.misbehave(/model\.safetensors|layer_5\.pt/, { pause: 20 });
  await confirm(page);
  assert.equal(await focused(page), 'layer 5', 'the focus stays where the question was');
  // One total over the model and both SAEs.
  await page.waitForFunction(() => /\(1 of 3\).* of 31 MB/s.test(document.querySelector('[data-testid="jobs"]')?.innerText ?? ''));
  await page.waitForFunction(() => /layer 5 \(2 of 3\)\s*\d\d MB of 31 MB/s.test(document.querySelector('[data-testid="jobs"]')?.innerText ?? ''));
  await settled(page);
  hub.misbehave(/model\.safetensors|layer_5\.pt/, null);
  assert.deepEqual(await loaded(page), ['tiny', 'tiny-topk@5', 'tiny-topk@3']);
  // What is stored is not downloaded again, and the time that a download takes is known by now.
  await page.getByRole('button', { name: 'Remove tiny-topk@3' }).click();
  await part(page, 'removed-sae').waitFor();
  await page.waitForFunction(() => document.querySelector('[data-release="tiny-topk"] [data-layer="3"]').getAttribute('aria-label') === 'layer 3, stored in this browser');
  await layer(page, 'tiny-topk', 3).click();
  assert.match(await asked(), /^Load TopK, after the block, layer 3\? 8\.5 MB, stored in this browser: nothing is downloaded\./);
  await layer(page, 'tiny-topk', 3).click();
  await layer(page, 'tiny-topk', 1).click();
  assert.match(await asked(), /layer 1\? 8\.5 MB from .*, measured on the last download\./);
  assert.deepEqual(page.seen.errors, []);
  await page.context().close();
});

test('what was removed is had back by one click, in its place', async () => {
  const page = await open();
  const ids = () => page.locator('[data-testid="loaded"] [data-sae]').evaluateAll((rows) => rows.map(({ dataset }) => (dataset.testid === 'removed-sae' ? `×${dataset.sae}` : dataset.sae)));
  const all = SAES;
  await page.getByRole('button', { name: `Remove ${all[1]}` }).focus();
  await page.keyboard.press('Enter');
  await part(page, 'removed-sae').waitFor();
  assert.deepEqual(await loaded(page), ['demo', all[0], all[2]]);
  assert.deepEqual(await ids(), [all[0], `×${all[1]}`, all[2]]);
  assert.equal(await focused(page), `Load ${all[1]} again`, 'the focus is where it was');
  await page.keyboard.press('Enter');
  await settled(page);
  await part(page, 'removed-sae').waitFor({ state: 'detached' });
  assert.deepEqual(await ids(), all);
  assert.deepEqual((await loaded(page)).sort(), ['demo', ...all]);
  assert.equal(await focused(page), `Remove ${all[1]}`);
  // A file that was dropped is still at hand, and so is the model before.
  await part(page, 'pick-files').setInputFiles([...MODEL.map((name) => demo(`model/${name}`)), ptFile(1)]);
  await part(page, 'found').locator('select').selectOption('blocks.1.hook_resid_post');
  await page.getByRole('button', { name: 'Load all' }).click();
  await settled(page);
  const [own, file] = await loaded(page);
  await page.getByRole('button', { name: `Remove ${file}` }).click();
  await page.getByRole('button', { name: `Load ${file} again` }).click();
  await settled(page);
  assert.deepEqual(await loaded(page), [own, file]);
  const earlier = part(page, 'earlier');
  assert.match(await earlier.innerText(), /Before: demo/);
  await load(earlier);
  await settled(page);
  assert.deepEqual((await loaded(page)).sort(), ['demo', ...all]);
  assert.match(await earlier.innerText(), /Before: model with 1 SAE/);
  await load(earlier);
  await settled(page);
  assert.deepEqual(await loaded(page), [own, file]);
  assert.deepEqual(page.seen.errors, []);
  await page.context().close();
});

test('local files: recognised, named where they lack something, loaded and traced', async () => {
  const page = await open();
  await part(page, 'pick-files').setInputFiles([...MODEL.map((name) => demo(`model/${name}`)), ptFile(3), join(root, 'tests/fixtures/odd.safetensors')]);
  await part(page, 'found').locator('li').first().waitFor();
  const sae = row(page, 'found', 'layer_3');
  assert.match(await sae.innerText(), /SAE · .+ · it does not say where it belongs/);
  assert.match(await row(page, 'found', 'odd.safetensors').innerText(), /odd\.safetensors\s+\S/);
  const all = page.getByRole('button', { name: 'Load all' });
  assert.ok(await all.isDisabled(), 'a .pt does not say where it belongs');
  await sae.locator('select').selectOption('blocks.3.hook_resid_post');
  await all.click();
  await settled(page);
  const [model, one] = await loaded(page);
  assert.match(model, /^file:/);
  assert.match(one, /^file:.*@blocks\.3\.hook_resid_post$/);
  const [fvu] = await numbers(page, one);
  assert.ok(fvu < 0.5);
  // The address names what its reader has to open; page-address.test.js opens it.
  assert.match(page.url(), /#\/library\?model=file%3Amodel~[0-9a-f]{64}&sae=file%3Alayer_3~[0-9a-f]{64}%40blocks\.3\.hook_resid_post&/);
  await openPrompt(page);
  assert.ok((await latents(page)).length > 0);
  assert.deepEqual(page.seen.errors, []);
  await page.context().close();
});

test('an SAE from a link or files brings the model that it names, or says which one it needs', async () => {
  // The address is about another model, which nobody loads: there is none.
  const page = await newPage(browser);
  page.setDefaultTimeout(15_000);
  await page.goto(server.url('#/library?model=tiny'));
  await part(page, 'asked').waitFor();
  const look = async (link) => {
    await page.getByRole('textbox', { name: /owner\/name/ }).fill(link);
    await page.keyboard.press('Enter');
    const found = row(page, 'found', link.split('/')[1]);
    await found.waitFor();
    return found;
  };
  const other = await look('tiny/short');
  assert.match(await part(other, 'needs-model').innerText(), /trained on gpt2-medium, which the list above does not have: load that model first/);
  assert.ok(await part(other, 'load').isDisabled());
  const found = await look('tiny/named');
  const needs = part(found, 'needs-model');
  const said = await needs.innerText();
  assert.match(said, /trained on Tiny\. Load that model \(14 MB\) with it\? From 127\.0\.0\.1:\d+: 14 MB and 1 of 2 parts/);
  assert.deepEqual(await serious(page), []);
  await part(needs, 'load').click();
  await settled(page);
  const [model, sae, ...more] = await loaded(page);
  assert.deepEqual([model, more], ['tiny', []]);
  assert.match(sae, /^tiny\/named/);
  await openPrompt(page);
  assert.ok((await latents(page)).length > 0);
  // With its model there is nothing to ask.
  await openLibrary(page);
  assert.equal(await part(await look('tiny/named'), 'needs-model').count(), 0);
  // The demo in its place: the model that an SAE names is offered, too.
  await load(part(page, 'catalogue-model', '[data-model="demo"]'));
  await settled(page);
  assert.match(await part(await look('tiny/named'), 'needs-model').innerText(), /make room for them; they can be had back/);
  assert.match(await part(page, 'demo-size').innerText(), /^2[67]\.?\d* MB$/);
  const licences = await page.request.get(server.url(await page.getByRole('link', { name: /licences of its sources/ }).getAttribute('href')));
  assert.equal(licences.status(), 200);
  assert.match(await licences.text(), /licences/);
  assert.deepEqual(page.seen.errors, []);
  await page.context().close();
});

test('a folder picked on the page', async () => {
  const page = await open();
  await part(page, 'pick-folder').setInputFiles(demo('model'));
  const model = row(page, 'found', 'model');
  await model.waitFor();
  assert.match(await model.innerText(), /model · GPT-2, 6 layers of width 256, 14 MB · fits/);
  await load(model);
  await settled(page);
  assert.match((await loaded(page)).join(), /^file:model~[0-9a-f]{64}$/);
  // One of several folders deep, with an SAE in it.
  await part(page, 'pick-folder').setInputFiles(join(root, 'tests/fixtures/saelens'));
  const saes = part(page, 'found').locator('li');
  await page.waitForFunction(() => document.querySelectorAll('[data-testid="found"] li').length === 2);
  await load(saes.filter({ hasText: 'hook_resid_post_relu' }));
  await settled(page);
  assert.equal((await loaded(page)).length, 2);
  assert.deepEqual(page.seen.errors, []);
  await page.context().close();
});

test('an SAE that meets what it was not trained for', async () => {
  const page = await open();
  const field = page.getByRole('textbox', { name: /owner\/name/ });
  for (const name of ['short', 'without-bos']) {
    await field.fill(`tiny/${name}`);
    await page.keyboard.press('Enter');
    const sae = row(page, 'found', name);
    await sae.waitFor();
    await load(sae);
    await settled(page);
  }
  assert.match(await part(page, 'other-model').innerText(), /trained on gpt2-medium; the loaded model seems to be another/);
  await openPrompt(page);
  // Of the three at this layer the first is the demo's, which says nothing of its training.
  const told = async (place) => {
    await page.getByRole('button', { name: 'layer 3', exact: true }).nth(place).click();
    return (await part(page, 'caution').allInnerTexts()).join(' ');
  };
  assert.equal(await told(0), '');
  assert.match(await told(1), /trained on gpt2-medium; the loaded model seems to be another one\. 2\d tokens are read at once; \S+ was trained on contexts of 4\.$/);
  assert.match(await told(2), /^\S+ was trained without a BOS; here one stands before the text\.$/);
  await trace(page, 'a');
  assert.doesNotMatch(await told(1), /contexts of 4/);
  assert.deepEqual(page.seen.errors, []);
  await page.context().close();
});

test('an SAE of another width does not fit, however small it is', async () => {
  const page = await open();
  const narrow = saelens();
  const files = Object.entries(narrow).map(([name, content]) => ({ name, mimeType: '', buffer: Buffer.isBuffer(content) ? content : Buffer.from(JSON.stringify(content)) }));
  await part(page, 'pick-files').setInputFiles(files);
  const found = part(page, 'found').locator('li');
  await found.first().waitFor();
  const says = /does not belong to .*6×256.*: it reads 8 values, and blocks\.1\.hook_resid_post has 256 there/;
  assert.match(await found.first().innerText(), says);
  assert.doesNotMatch(await found.first().innerText(), /fits/);
  hub.repo('tiny/narrow', narrow);
  await page.getByRole('textbox', { name: /owner\/name/ }).fill('tiny/narrow');
  await page.keyboard.press('Enter');
  const linked = part(page, 'link').locator('li').filter({ hasText: 'narrow' });
  await linked.waitFor();
  assert.match(await linked.innerText(), says);
  assert.doesNotMatch(await linked.innerText(), /fits/);
  // Loading it all the same says the same.
  await load(linked);
  await part(page, 'error').waitFor();
  assert.match(await part(page, 'error').innerText(), /Not loaded: narrow\..*\b8\b.*256/s);
  await page.context().close();
});

test('files dropped anywhere lead to the library; a wrong hook is doubted', async () => {
  const page = await open();
  await openPrompt(page);
  const bytes = (await readFile(ptFile(5))).toString('base64');
  const transfer = await page.evaluateHandle((encoded) => {
    const data = new DataTransfer();
    data.items.add(new File([Uint8Array.from(atob(encoded), (letter) => letter.charCodeAt(0))], 'mine.pt'));
    return data;
  }, bytes);
  await page.dispatchEvent('body', 'dragover', { dataTransfer: transfer });
  assert.equal(await page.locator('body').getAttribute('data-over'), 'true');
  await page.dispatchEvent('body', 'drop', { dataTransfer: transfer });
  assert.equal(await page.locator('body').getAttribute('data-over'), 'false');
  const sae = row(page, 'found', 'mine');
  await sae.waitFor();
  assert.match(page.url(), /#\/library/);
  assert.equal(await focused(page), 'Your files');
  await sae.locator('select').selectOption('blocks.0.hook_mlp_out');
  await load(sae);
  await settled(page);
  await part(page, 'doubt').waitFor();
  assert.match(await part(page, 'doubt').innerText(), /normalisation or the hook/);
  assert.equal((await loaded(page)).length, 5, 'what was there before is still there');
  // Where it does not reconstruct at all, that is said as the engine says it.
  await sae.locator('select').selectOption('blocks.0.hook_attn_out');
  await load(sae);
  await settled(page);
  const caution = /mine \(SHA-256 [0-9a-f]{8}…\) at blocks\.0\.hook_attn_out does not reconstruct this activation: FVU is \d.*A wrong hook, normalisation or model/;
  await part(page, 'doubt').nth(1).waitFor();
  assert.match(await part(page, 'doubt').nth(1).innerText(), caution);
  // The same beside its features, on the prompt; and not beside those of an SAE that is where it belongs.
  await openPrompt(page);
  assert.match(await part(page, 'caution').innerText(), caution);
  await part(page, 'sae-switch', '[data-sae="openai.layer_5"]').click();
  await part(page, 'caution').waitFor({ state: 'detached' });
  await page.context().close();
});

test('a link: what it leads to is listed before anything is loaded', async () => {
  const page = await open();
  const field = page.getByRole('textbox', { name: /owner\/name/ });
  await field.fill('tiny/saes:layer_1.pt');
  hub.requests.length = 0;
  await page.keyboard.press('Enter');
  const sae = row(page, 'found', 'layer_1');
  await sae.waitFor();
  await sae.locator('select').selectOption('blocks.1.hook_resid_post');
  await load(sae);
  await settled(page);
  assert.ok((await loaded(page)).includes('tiny/saes:layer_1.pt@blocks.1.hook_resid_post'));
  assert.match(page.url(), /sae=tiny%2Fsaes%3Alayer_1.pt%40blocks.1.hook_resid_post/);
  await field.fill('tiny/nothing');
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => /nothing/.test(document.querySelector('[data-testid="link"] [role="alert"]')?.textContent ?? ''));
  await page.context().close();
});

test('neurons need no SAE', async () => {
  const page = await open();
  await page.getByRole('combobox', { name: 'layer' }).selectOption('2');
  await load(part(page, 'neurons'));
  await settled(page);
  assert.ok((await loaded(page)).includes('neurons:blocks.2.mlp.hook_post'));
  await openPrompt(page);
  await part(page, 'feature-row').first().waitFor();
  await part(page, 'feature-row').first().click();
  await part(page, 'feature-panel').waitFor();
  assert.match(page.url(), /sae=neurons%3Ablocks.2.mlp.hook_post/);
  assert.deepEqual(page.seen.errors, []);
  await page.context().close();
});

test('progress, cancel, a broken connection, and going on from there', async () => {
  const page = await open();
  hub.misbehave(/model\.safetensors/, { pause: 40 });
  await loadModel(page, 'tiny');
  await page.waitForFunction(() => /MB\/s|kB\/s/.test(document.querySelector('[data-testid="progress"]')?.textContent ?? ''));
  const told = await part(page, 'jobs').innerText();
  assert.match(told, /Loading Tiny/);
  assert.match(told, /\d [kM]B of 14 MB · .*B\/s · \d+ s left/);
  assert.match(told, /model\.safetensors from the network/);
  await part(page, 'cancel-job').click();
  await part(page, 'progress').waitFor({ state: 'hidden' });
  assert.match(await part(page, 'jobs').innerText(), /Nothing is being loaded\./);
  assert.equal(await part(page, 'error').count(), 0);
  assert.deepEqual((await loaded(page)).sort(), ['demo', ...SAES].sort());
  // Now the connection breaks as soon as it is made.
  hub.misbehave(/model\.safetensors/, { cutAfter: 0 });
  await loadModel(page, 'tiny');
  const error = part(page, 'error');
  await error.waitFor();
  assert.match(await error.innerText(), /model\.safetensors/);
  assert.equal((await loaded(page))[0], 'demo');
  hub.misbehave(/model\.safetensors/, null);
  await error.getByRole('button', { name: 'Resume' }).click();
  await error.waitFor({ state: 'hidden' });
  await settled(page);
  assert.deepEqual(await loaded(page), ['tiny']);
  await page.context().close();
});

test('what is stored: listed by model, kept on request, deleted after a question', async () => {
  const page = await open();
  await layer(page, 'tiny-topk', 3).click();
  await confirm(page);
  await settled(page);
  const shelf = (id) => part(page, 'shelf', `[data-model="${id}"]`);
  const summary = (id) => shelf(id).locator('summary');
  await page.waitForFunction(() => /the model and 1 SAE/.test(document.querySelector('[data-testid="shelf"][data-model="tiny"] summary')?.textContent ?? ''));
  assert.match(await summary('tiny').innerText(), /Tiny\s+the model and 1 SAE · 4 files · 23 MB/);
  assert.match(await summary('demo').innerText(), /Demo\s+its model and SAEs · \d+ files · \d+ MB/);
  await summary('tiny').click();
  const files = shelf('tiny').locator('li');
  assert.deepEqual((await files.locator('b').allInnerTexts()).at(-1), 'TopK, after the block, layer 3 · layer_3.pt', "the model's own files come first");
  const weights = files.filter({ hasText: 'model.safetensors' });
  assert.match(await weights.innerText(), /MB · complete( · SHA-256 verified)? · last used just now · from .+\/tiny\/model$/m);
  await weights.getByRole('button', { name: /Delete/ }).click();
  await page.waitForFunction(() => document.querySelectorAll('[data-testid="shelf"][data-model="tiny"] li').length === 3);
  assert.equal(await focused(page), 'Stored in this browser', 'the focus is not lost with the button');
  // Those of a model, and all: each after a question, which can be answered with no.
  await shelf('tiny').getByRole('button', { name: 'Delete what is stored of Tiny…' }).click();
  const question = part(page, 'delete-question');
  assert.match(await question.innerText(), /Delete the model and 1 SAE of Tiny, 8\.7 MB\? What is on the device stays there/);
  await question.getByRole('button', { name: 'Keep' }).click();
  await question.waitFor({ state: 'detached' });
  assert.equal(await files.count(), 3);
  await shelf('tiny').getByRole('button', { name: 'Delete what is stored of Tiny…' }).click();
  await part(page, 'delete-confirmed').click();
  await shelf('tiny').waitFor({ state: 'detached' });
  assert.equal(await shelf('demo').count(), 1);
  await part(page, 'delete-all').click();
  assert.match(await question.innerText(), /Delete \d+ files, \d+ MB\?/);
  assert.ok((await page.evaluate(async () => (await window.saeExplorer.storage()).entries.length)) > 0, 'nothing is deleted before the answer');
  await part(page, 'delete-confirmed').click();
  await page.getByText('Nothing is stored.').waitFor();
  assert.deepEqual(await loaded(page), ['tiny', 'tiny-topk@3'], 'what is loaded stays loaded');
  await page.context().close();
});

test('a link to something else downloads nothing before the person says so', async () => {
  hub.requests.length = 0;
  const page = await newPage(browser);
  await page.goto(server.url('#model=tiny&sae=tiny-topk@3&token=3&feature=7&prompt=Once+upon+a+time'));
  const button = part(page, 'load-asked');
  await page.waitForFunction(() => /14 MB/.test(document.querySelector('[data-testid="load-asked"]')?.textContent ?? ''));
  assert.match(await button.innerText(), /^Load Tiny \(14 MB\) and 1 SAE\?$/);
  // The model's weights and tokenizer and one SAE: 13.8 + 0.2 + 8.5 MB.
  assert.match(await part(page, 'download').innerText(), new RegExp(`^From ${hub.origin.slice('http://'.length)}: 23 MB in all, about \\d+ (s|min) at .*\\.$`));
  assert.deepEqual(hub.requests, []);
  await button.click();
  await part(page, 'asked').waitFor({ state: 'hidden' });
  await page.waitForFunction(() => document.body.dataset.state === 'ready' && document.querySelector('[data-testid="feature-panel"]') !== null);
  assert.deepEqual(await loaded(page), ['tiny', 'tiny-topk@3']);
  assert.equal(await part(page, 'prompt').inputValue(), 'Once upon a time');
  assert.equal(await part(page, 'feature-panel').getAttribute('data-latent'), '7');
  assert.deepEqual(page.seen.errors, []);
  await page.context().close();
  const other = await newPage(browser);
  await other.goto(server.url('#model=tiny&sae=tiny-topk@3'));
  await other.getByRole('button', { name: 'Use the demo instead' }).click();
  await settled(other);
  assert.equal((await loaded(other))[0], 'demo');
  await other.context().close();
});

const VIEWS = [
  { name: 'library', viewport: { width: 1440, height: 1000 }, colorScheme: 'light' },
  { name: 'library-dark', viewport: { width: 1440, height: 1000 }, colorScheme: 'dark' },
  { name: 'library-forced', viewport: { width: 1440, height: 1000 }, forcedColors: 'active' },
  { name: 'library-tablet', viewport: { width: 1024, height: 800 }, hasTouch: true, isMobile: true },
  { name: 'library-phone', viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true },
  { name: 'library-narrow', viewport: { width: 360, height: 800 }, hasTouch: true, isMobile: true },
];
for (const { name, ...context } of VIEWS) {
  test(`${name}: everything fits, can be hit and is free of serious faults`, async () => {
    // The site's own catalogue, which is as long as it will be.
    server.files.delete('catalogue.json');
    const page = await open({ ...context, ...STILL });
    await layer(page, 'res-jb', 8).waitFor();
    await numbers(page, SAES.at(-1));
    assert.deepEqual(await serious(page), []);
    await layer(page, 'res-jb', 8).click();
    await part(page, 'question').waitFor();
    await part(page, 'delete-all').click();
    await part(page, 'shelf').locator('summary').first().click();
    await page.getByText('Mirror', { exact: true }).click();
    assert.deepEqual(await serious(page), []);
    const { wide, small } = await page.evaluate(() => {
      const { scrollWidth, clientWidth } = document.documentElement;
      const targets = [...document.querySelectorAll('.library :is(button, a, summary, select, input:not(.sr), label.pick)')];
      const boxes = targets.map((one) => [one, one.getBoundingClientRect()]).filter(([, { width }]) => width > 0);
      return { wide: scrollWidth - clientWidth, small: boxes.filter(([, { width, height }]) => Math.min(width, height) < 24).map(([{ textContent }]) => textContent) };
    });
    assert.ok(wide <= 0, `${wide} px more than the window`);
    if (context.hasTouch) assert.deepEqual(small, []);
    if (name === 'library') {
      await page.getByText('Mirror', { exact: true }).click();
      await part(page, 'delete-all').click();
      await part(page, 'shelf').locator('summary').first().click();
      await picture(page, name);
    }
    assert.deepEqual(page.seen.errors, []);
    await page.context().close();
  });
}

test('the library by keyboard alone', async () => {
  server.files.set('catalogue.json', catalogue);
  const page = await open();
  await layer(page, 'tiny-topk', 1).focus();
  await page.keyboard.press('Space');
  await page.keyboard.press('Tab');
  assert.equal(await focused(page), 'layer 3');
  await page.keyboard.press('Enter');
  assert.match(await part(page, 'question').innerText(), /Load Tiny and 2 SAEs\?/);
  // From the last layer over the link to the source: the answer is next.
  while ((await focused(page)) !== 'Load') await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await settled(page);
  assert.deepEqual(await loaded(page), ['tiny', 'tiny-topk@1', 'tiny-topk@3']);
  assert.equal(await focused(page), 'layer 1, loaded');
  // Keys that are about the prompt do nothing here.
  const { hash } = new URL(page.url());
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('/');
  assert.equal(new URL(page.url()).hash, hash);
  assert.equal(await focused(page), 'layer 1, loaded');
  assert.deepEqual(page.seen.errors, []);
  await page.context().close();
});
