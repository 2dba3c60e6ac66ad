// What each active feature causes: the page's numbers are those of PyTorch; ranking, stopping, what is refused.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';

import { STILL, copiedTable, during, openApp, part, picture, serious } from '../support/app.js';
import { launch } from '../support/chromium.js';
import { serve } from '../support/server.js';

let server;
let browser;
let reference;
before(async () => {
  server = await serve();
  browser = await launch({ webgpu: false });
  reference = JSON.parse(await readFile(new URL('../../fixtures/demo-steering.json', import.meta.url)));
});
after(async () => {
  await browser?.close();
  await server?.close();
});

const address = (prompt, sae = 'openai.layer_3') => `#/steer/effects?sae=${sae}&prompt=${encodeURIComponent(prompt)}`;

async function open(path, context = STILL) {
  const page = await openApp(browser, server, { path, context });
  await part(page, 'effects').waitFor();
  await page.waitForFunction(() => document.querySelector('[data-testid="effects-start"]')?.disabled === false);
  return page;
}

/** Measures, and waits for the end. */
async function measure(page) {
  await part(page, 'effects-start').click();
  await part(page, 'effects-result').getByText('Clean run').waitFor();
}

/** The rows as they are shown. */
const rows = (page) => part(page, 'effect').evaluateAll((bodies) => bodies.map((body) => {
  const read = (name) => body.querySelector(`[data-testid="${name}"]`)?.textContent.replace('−', '-');
  return { latent: Number(body.dataset.latent), kl: Number(read('effect-kl')), loss: Number(read('effect-loss')), target: Number(read('effect-target')) };
}));

test('every active feature has the effects that PyTorch computes, ranked as is chosen', async () => {
  const { effects } = reference;
  const first = await open(address('a king', effects.sae));
  const { prompt, texts } = await first.evaluate(async ([ids, track]) => {
    const { tokens } = await window.saeExplorer.trace(new Uint32Array(ids), { saes: [] });
    const { tracked } = await window.saeExplorer.edited(new Uint32Array(ids), [], { track });
    return { prompt: tokens.slice(1).map(({ text }) => text).join(''), texts: tracked.map(({ text }) => text) };
  }, [effects.ids, [effects.target, effects.distractor]]);
  await first.context().close();
  const page = await open(address(prompt, effects.sae));
  await part(page, 'effects-target').fill(texts[0]);
  await part(page, 'effects-distractor').fill(texts[1]);
  // Bounded, as by default on the CPU: off by no more than is said.
  await measure(page);
  const bounded = await copiedTable(page, 'effects-copy', 'latent');
  const named = ({ header, lines }) => lines.map((line) => Object.fromEntries(header.map((name, at) => [name, Number(line[at])])));
  const truth = new Map(effects.effects.map((effect) => [effect.latent, effect]));
  assert.equal(bounded.lines.length, truth.size);
  for (const { latent, kl, within, loss_difference: loss } of named(bounded)) {
    const wanted = truth.get(latent);
    assert.ok(Math.abs(kl - wanted.kl) <= within + 1e-3 * wanted.kl + 1e-8, `KL of ${latent}: ${kl} ± ${within}, expected ${wanted.kl}`);
    assert.ok(within <= 0.0502 * kl, `${latent}: ± ${within} of ${kl}`);
    assert.ok(Math.abs(loss - wanted.loss) <= within + 1e-3 * Math.abs(wanted.loss) + 4e-6, `loss of ${latent}`);
  }
  assert.ok(await part(page, 'effect-within').count() > 10);
  await part(page, 'effects-bounded').waitFor();
  await part(page, 'effects-exact').check();
  await part(page, 'effects-start').click();
  await part(page, 'effects-bounded').waitFor({ state: 'detached' });
  await part(page, 'effects-result').getByText('Clean run').waitFor();
  assert.equal(Number(await part(page, 'effects-status').getAttribute('data-measured')), effects.effects.length);
  // As a table, with every digit.
  const { header, lines } = await copiedTable(page, 'effects-copy', 'latent');
  const copied = named({ header, lines });
  assert.equal(copied.length, effects.effects.length);
  await part(page, 'effects-all').click();
  const expected = new Map(effects.effects.map((effect) => [effect.latent, effect]));
  const shown = await rows(page);
  assert.equal(shown.length, expected.size);
  const near = (value, wanted, relative, absolute, what) => assert.ok(Math.abs(value - wanted) <= relative * Math.abs(wanted) + absolute, `${what}: ${value}, expected ${wanted}`);
  for (const { latent, kl, loss_difference: loss, logit_difference: target, direct_path: direct } of copied) {
    const wanted = expected.get(latent);
    near(kl, wanted.kl, 1e-3, 1e-8, `KL of ${latent}`);
    near(loss, wanted.loss, 1e-3, 4e-6, `loss of ${latent}`);
    near(target, wanted.logit_difference, 1e-3, 5e-5, `logit difference of ${latent}`);
    near(direct, wanted.direct, 1e-3, 1e-5, `direct path of ${latent}`);
  }
  // On screen they are rounded.
  for (const { latent, kl, loss, target } of shown) {
    const wanted = expected.get(latent);
    near(kl, wanted.kl, 0.05, 6e-5, `shown KL of ${latent}`);
    near(loss, wanted.loss, 0, 6e-5, `shown loss of ${latent}`);
    near(target, wanted.logit_difference, 1e-3, 1e-4, `shown logit difference of ${latent}`);
  }
  const ranked = async (button, key) => {
    await part(page, 'effects-by', `[data-by="${button}"]`).click();
    await part(page, 'effects-by', `[data-by="${button}"][aria-pressed="true"]`).waitFor();
    const sizes = (await rows(page)).map((row) => Math.abs(expected.get(row.latent)[key]));
    for (let at = 1; at < sizes.length; at += 1) assert.ok(sizes[at] <= sizes[at - 1] * 1.001 + 1e-5, `${button}, row ${at}`);
  };
  await ranked('loss', 'loss');
  await ranked('target − distractor', 'logit_difference');
  await ranked('KL', 'kl');
  assert.deepEqual(await serious(page), []);

  // One feature along the prompt; it can be ablated while the model writes.
  const { latent } = shown[0];
  await part(page, 'effect-open').first().click();
  await part(page, 'effect-along').waitFor();
  await picture(page, 'effects');
  await part(page, 'effect-steer').click();
  await part(page, 'edit-line').waitFor();
  assert.equal(await part(page, 'edit-text').inputValue(), `${effects.sae}:${latent}=0`);
  // Back: what was measured is still there.
  await page.goBack();
  await part(page, 'effect').first().waitFor();
  assert.deepEqual(page.seen.errors, []);
  await page.context().close();
});

test('positions limit what is ablated, and a changed prompt says that the table is of another', async () => {
  const page = await open(address('Once upon a time there was a king'));
  const all = await page.evaluate(async () => {
    const { saes: [sae] } = await window.saeExplorer.trace('Once upon a time there was a king', { saes: ['openai.layer_3'] });
    return [...sae.latents.subarray(3 * sae.k, 4 * sae.k)].filter((latent, slot) => latent >= 0 && sae.activations[3 * sae.k + slot] > 0);
  });
  await part(page, 'effects-positions').fill('3');
  await measure(page);
  await page.waitForFunction((wanted) => document.querySelectorAll('[data-testid="effect"]').length === Math.min(30, wanted), all.length);
  if (all.length > 30) await part(page, 'effects-all').click();
  const shown = await rows(page);
  assert.deepEqual(shown.map(({ latent }) => latent).sort((a, b) => a - b), all.sort((a, b) => a - b));
  await part(page, 'prompt-line').fill('Another text');
  await part(page, 'effects-stale').waitFor();
  assert.equal(await part(page, 'effect').count(), Math.min(shown.length, await part(page, 'effect').count()));
  await page.context().close();
});

test('it stops, and keeps what was measured', async () => {
  const page = await open(address('And the king said unto the queen, Behold, I have seen in the night a great tree that stood in the midst of the garden, and the height of it reached unto heaven. '.repeat(2)));
  await part(page, 'effects-start').click();
  await during(page, '[data-testid="effect"]', 1, 'effects-stop');
  await part(page, 'effects-ended').getByText('Stopped.').waitFor();
  const measured = Number(await part(page, 'effects-status').getAttribute('data-measured'));
  assert.ok(measured > 0);
  assert.match(await part(page, 'effects-status').innerText(), new RegExp(`${measured} of [\\d,\\s]+ active features were measured`, 'u'));
  assert.ok(await part(page, 'effect').count() > 0);
  // The engine answers at once.
  assert.equal(await page.evaluate(async () => (await window.saeExplorer.trace('a king')).tokens.length > 0), true);
  await page.context().close();
});

test('what cannot be measured says why, with what was typed', async () => {
  const page = await open(address('Once upon a time'));
  await part(page, 'effects-target').fill(' king');
  await part(page, 'effects-start').click();
  await part(page, 'effects-ended').getByText(/both a target and a distractor/).waitFor();
  await part(page, 'effects-distractor').fill(' queenqueen');
  await part(page, 'effects-start').click();
  await part(page, 'effects-ended').getByText(/“ queenqueen” is \d tokens .* not one/).waitFor();
  await part(page, 'effects-target').fill('');
  await part(page, 'effects-distractor').fill('');
  await part(page, 'effects-positions').fill('two');
  await part(page, 'effects-start').click();
  await part(page, 'effects-ended').waitFor();
  assert.equal(await part(page, 'effects-positions').inputValue(), 'two');
  await part(page, 'effects-positions').fill('99');
  await part(page, 'effects-start').click();
  await part(page, 'effects-ended').getByText(/99, but the prompt has 5 tokens/).waitFor();
  await page.context().close();
});

test('it fits a phone, in the dark', async () => {
  const page = await open(address('Once upon a time there was a king'), { ...STILL, viewport: { width: 390, height: 844 }, colorScheme: 'dark' });
  await measure(page);
  const { width, wide } = await page.evaluate(() => ({ width: document.documentElement.scrollWidth, wide: innerWidth }));
  assert.ok(width <= wide, `${width} pixels on ${wide}`);
  assert.deepEqual(await serious(page), []);
  await picture(page, 'effects-phone');
  await page.context().close();
});
