// The selected feature: what selects it, what keeps it, and its counterpart in another SAE.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { openApp, part, ready, serious, STILL, trace } from '../support/app.js';
import { demoHash, goToHash, sharedPage } from '../support/shared-page.js';

let server;
let browser;
let page;
const shared = sharedPage((all) => ({ server, browser, page } = all));

const PROMPT = 'Once upon a time there was a king who had three daughters.';

/** Goes to a place of that prompt, in a history of its own. */
const goTo = (place) => goToHash(shared, demoHash({ prompt: PROMPT, ...place }));

const selected = async () => Number(await part(page, 'feature-panel').getAttribute('data-latent'));

/** The features of each token as the engine computes them: from latent to activation. */
const computed = (sae) =>
  page.evaluate(
    async ([prompt, id]) => {
      const { saes, tokens, bosPrepended } = await window.saeExplorer.trace(prompt);
      const { latents, activations, k } = saes.find((one) => one.id === id);
      const rows = tokens.map((_, at) => [...latents.slice(at * k, (at + 1) * k)].map((latent, slot) => [latent, activations[at * k + slot]]).filter(([latent]) => latent >= 0));
      return { rows, first: Number(bosPrepended) };
    },
    [PROMPT, sae],
  );

/** The latent of a token with the largest |a| · ln((1 + N) / n): from the definition, apart from the page's own code. */
function mostSpecific({ rows, first }, token) {
  const own = rows.slice(first);
  const measure = ([latent, activation]) => {
    const n = own.filter((row) => row.some(([other, value]) => other === latent && value !== 0)).length;
    return Math.abs(activation) * Math.log((1 + own.length) / Math.max(1, n));
  };
  return rows[token].toSorted((a, b) => measure(b) - measure(a))[0][0];
}

test('an address without a feature, opened while the page runs, describes the feature that it selects', async () => {
  await goTo({ sae: 'openai.layer_3' });
  await part(page, 'feature-panel').getByText('nearest by decoder cosine').waitFor();
  const before = await selected();
  // As by a link, or a bookmark: no new document.
  await page.evaluate(() => {
    location.hash = '#/library';
  });
  await part(page, 'library').waitFor();
  await part(page, 'feature-panel').getByText('nearest by decoder cosine').waitFor();
  assert.equal(await selected(), before, 'the page chooses as it did at first');
});

test('a token selects its most specific feature, unless the selected one is active there', async () => {
  await goTo({ sae: 'openai.layer_3', token: 1 });
  const features = await computed('openai.layer_3');
  await ready(page);
  for (const token of [3, 5, 8, 11]) {
    const before = await selected();
    const stays = features.rows[token].some(([latent]) => latent === before);
    await part(page, 'token', `[data-index="${token}"]`).click();
    const want = stays ? before : mostSpecific(features, token);
    await page.waitForFunction((latent) => document.querySelector('[data-testid="feature-panel"]')?.dataset.latent === String(latent), want);
    assert.ok(features.rows[token].some(([latent]) => latent === want));
  }
  // By keyboard as well, and the list shows which one it is.
  await page.keyboard.press('ArrowRight');
  const after = await selected();
  assert.ok(features.rows[12].some(([latent]) => latent === after));
  assert.equal(await part(page, 'feature-row', '.on').getAttribute('data-latent'), String(after));
});

test('another prompt leaves no feature that is nowhere in it', async () => {
  await goTo({ sae: 'openai.layer_3', token: 6 });
  await trace(page, 'fn main() { println!("{}", 1 + 2); }');
  const latent = await selected();
  const active = await page.evaluate(
    async ([id]) => {
      const { saes } = await window.saeExplorer.trace(document.querySelector('[data-testid="prompt"]').value);
      return [...saes.find((one) => one.id === id).latents];
    },
    ['openai.layer_3'],
  );
  assert.ok(active.includes(latent), `feature ${latent} is active in this prompt`);
  await ready(page);
  // A link may ask for any feature, also one that is not active: it is what its reader is to see.
  await goTo({ sae: 'openai.layer_3', token: 6, feature: 4000 });
  assert.equal(await selected(), 4000);
});

test('another layer selects the counterpart by decoder cosine and says so, and back restores the feature', async () => {
  // Latents with a counterpart and without one, as NumPy has them (tests/fixtures/demo-matches.json).
  await goTo({ sae: 'openai.layer_3', token: 6, feature: 903 });
  const address = page.url();
  await part(page, 'sae-switch', '[data-sae="openai.layer_5"]').click();
  await page.waitForFunction(() => document.querySelector('[data-testid="about-match"]')?.textContent.includes('→'));
  const [near] = await page.evaluate(() => window.saeExplorer.matches('openai.layer_3', 903, 'openai.layer_5'));
  assert.equal(await selected(), near.latent);
  assert.equal(await part(page, 'about-match').textContent(), `Feature 903 of layer 3 → ${near.latent} of layer 5, decoder cosine ${near.cosine.toFixed(2)}.`);
  assert.match(page.url(), new RegExp(`sae=openai.layer_5.*feature=${near.latent}`));
  assert.deepEqual(await serious(page), []);
  await page.goBack();
  await page.waitForFunction((url) => location.href === url, address);
  await page.waitForFunction(() => document.querySelector('[data-testid="feature-panel"]')?.dataset.latent === '903');
  assert.equal(await part(page, 'about-match').count(), 0);

  await goTo({ sae: 'openai.layer_3', token: 6, feature: 2047 });
  await part(page, 'sae-switch', '[data-sae="openai.layer_5"]').click();
  await page.waitForFunction(() => document.querySelector('[data-testid="about-match"]')?.textContent.startsWith('No counterpart'));
  assert.match(await part(page, 'about-match').textContent(), /No counterpart of feature 2047 of layer 3 in layer 5: the nearest, \d+, has decoder cosine 0\.\d\d, below 0\.5/);
  const features = await computed('openai.layer_5');
  assert.equal(await selected(), mostSpecific(features, 6));
});

test('what cannot be compared says why', async () => {
  await goTo({ sae: 'openai.layer_3', token: 6, feature: 903 });
  await page.evaluate(() => window.saeExplorer.loadNeurons('blocks.3.mlp.hook_post'));
  await ready(page);
  // Loaded by a script, it is selected.
  await page.waitForFunction(() => document.querySelector('[data-testid="about-match"]')?.textContent.includes('bases'));
  assert.match(await part(page, 'about-match').textContent(), /No counterpart of feature 903 of layer 3 in .*different bases/);
  await part(page, 'feature-panel').waitFor();
});

test('on a phone the sheet shows the feature and what became of it', async () => {
  const context = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, ...STILL };
  const phone = await openApp(browser, server, { context, path: `#/prompt?${new URLSearchParams({ prompt: PROMPT, sae: 'openai.layer_3', token: 6, feature: 903 })}` });
  await part(phone, 'sae-switch', '[data-sae="openai.layer_5"]').tap();
  await part(phone, 'about-match').waitFor({ state: 'visible' });
  await part(phone, 'dock').locator('.handle').tap();
  await part(phone, 'feature-panel').waitFor({ state: 'visible' });
  assert.deepEqual(await serious(phone), []);
  await phone.context().close();
});
