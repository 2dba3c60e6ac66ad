// One decision whether a BOS goes first, for all that is loaded and every question; and which positions count.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { openApp, openLibrary, openPrompt, part, ready, serious, trace } from '../support/app.js';
import { launch } from '../support/chromium.js';
import { root, serve } from '../support/server.js';

const PROMPT = 'Once upon a time there was a king';

let server;
let browser;
let folder;
before(async () => {
  server = await serve();
  browser = await launch({ webgpu: false });
  const at = join(root, 'tests/fixtures/saelens/blocks.3.hook_resid_post_relu');
  const [cfg, weights] = await Promise.all(['cfg.json', 'sae_weights.safetensors'].map((name) => readFile(join(at, name))));
  /** A folder with the same SAE, of which its settings say something else. */
  folder = (changes) => {
    const { metadata, ...own } = JSON.parse(cfg);
    const settings = Buffer.from(JSON.stringify({ ...own, metadata: { ...metadata, ...changes } }));
    return [{ name: 'cfg.json', mimeType: '', buffer: settings }, { name: 'sae_weights.safetensors', mimeType: '', buffer: weights }];
  };
});
after(async () => {
  await browser?.close();
  await server?.close();
});

async function open(path = `#prompt=${PROMPT.replaceAll(' ', '+')}`) {
  const page = await openApp(browser, server, { path });
  page.setDefaultTimeout(20_000);
  return page;
}

/** Loads an SAE from files. */
async function openFiles(page, files) {
  await openLibrary(page);
  await part(page, 'pick-files').setInputFiles(files);
  await part(page, 'found').locator('[data-testid="load"]').click();
  await part(page, 'progress').waitFor({ state: 'hidden' });
  await ready(page);
  await openPrompt(page);
}

const choose = async (page, bos) => {
  await part(page, 'bos').locator(`[data-bos="${bos}"]`).click();
  await page.waitForFunction((one) => document.querySelector(`[data-bos="${one}"]`).ariaPressed === 'true', bos);
  await ready(page);
};
const selected = async (page) => {
  const token = part(page, 'token', '[aria-selected="true"]');
  return [Number(await token.getAttribute('data-index')), await token.textContent()];
};
const count = (page) => part(page, 'token').count();

test('the decision is shown with its reason, changed by the person, and stands in the address', async () => {
  const page = await open();
  assert.match(await part(page, 'bos').innerText(), /BOS: added\. \S.+\.\s/);
  const all = await count(page);
  await part(page, 'token', '[data-index="4"]').click();
  const [, word] = await selected(page);
  assert.doesNotMatch(page.url(), /bos=/);
  await choose(page, 'no');
  assert.match(await part(page, 'bos').innerText(), /BOS: not added\. \S/);
  assert.equal(await count(page), all - 1);
  assert.deepEqual(await selected(page), [3, word], 'the same word is selected');
  assert.match(page.url(), /&bos=no&/);
  assert.equal(await part(page, 'token').first().textContent(), 'Once');
  assert.deepEqual(await serious(page), []);
  // A link to it shows the same.
  const other = await open(page.url().slice(server.url('').length));
  assert.deepEqual([await count(other), ...(await selected(other))], [all - 1, 3, word]);
  await other.context().close();
  await page.goBack();
  await page.waitForFunction((tokens) => document.querySelectorAll('[data-testid="token"]').length === tokens, all);
  assert.deepEqual(await selected(page), [4, word]);
  await choose(page, 'yes');
  assert.match(page.url(), /&bos=yes&/);
  assert.deepEqual(await selected(page), [4, word]);
  assert.deepEqual(page.seen.errors, []);
  await page.context().close();
});

test('what is asked about a trace is asked about its tokens', async () => {
  const page = await open();
  await choose(page, 'no');
  await part(page, 'token', '[data-index="3"]').click();
  await part(page, 'feature-row').first().click();
  const latent = Number(await part(page, 'feature-panel').getAttribute('data-latent'));
  await part(page, 'ablate').click();
  await part(page, 'edited').waitFor();
  const [, from, to] = /loss\s+(\S+)\s+→\s+(\S+)\s+nats/.exec(await part(page, 'edited').innerText());
  const expected = await page.evaluate(
    async ([prompt, edit]) => {
      const { tokens, loss } = await window.saeExplorer.trace(prompt, { bos: 'no' });
      const ids = tokens.map(({ id }) => id);
      const edited = await window.saeExplorer.edited(ids, edit);
      const generated = await window.saeExplorer.generate(ids, { maxTokens: 6 });
      return { loss, edited: edited.loss, text: generated.text, tokens: ids.length };
    },
    [PROMPT, { sae: 'openai.layer_3', latent, value: 0, positions: [3] }],
  );
  assert.equal(expected.tokens, await count(page));
  assert.deepEqual([from, to], [expected.loss.toFixed(3), expected.edited.toFixed(3)]);
  assert.match(await part(page, 'edited').innerText(), /at position 3/);
  const panel = part(page, 'generate');
  await panel.getByLabel('tokens at most').fill('6');
  await panel.getByRole('button', { name: 'Continue' }).click();
  await panel.getByRole('button', { name: 'Use as prompt' }).waitFor();
  assert.equal(await part(page, 'generated').textContent(), expected.text);
  assert.deepEqual(page.seen.errors, []);
  await page.context().close();
});

test('an SAE with another BOS beside the others moves no edit to another token', async () => {
  const page = await open();
  // The demo's SAEs were trained with a BOS, this one without: the prompt keeps its tokens, and the reason names both.
  const tokens = await count(page);
  await openFiles(page, folder({ prepend_bos: false }));
  assert.match(await part(page, 'bos').innerText(), /BOS: added\. openai.* with a BOS; .* without/);
  assert.equal(await count(page), tokens);
  await part(page, 'sae-switch', '[data-sae="openai.layer_3"]').click();
  await part(page, 'token', '[data-index="3"]').click();
  await part(page, 'feature-row').first().click();
  await part(page, 'ablate').click();
  await part(page, 'edited').waitFor();
  // Nothing before the clicked token changes, and something from it on does.
  const { latent } = await part(page, 'feature-panel').evaluate(({ dataset }) => dataset);
  const changes = await page.evaluate(
    async ([prompt, edit]) => {
      const { tokens } = await window.saeExplorer.trace(prompt);
      const { klByPosition } = await window.saeExplorer.edited(tokens.map(({ id }) => id), edit);
      return [...klByPosition];
    },
    [PROMPT, { sae: 'openai.layer_3', latent: Number(latent), value: 0, positions: [3] }],
  );
  assert.ok(changes.slice(0, 3).every((kl) => Math.abs(kl) < 1e-9) && changes[3] > 0, String(changes));
  const [, shown] = /after the selected token\s+(\S+)\s+nats/.exec(await part(page, 'edited').innerText());
  const [sign, exponent] = [Number(shown.replace('−', '-')), changes[3]];
  assert.ok(Math.abs(sign - exponent) <= Math.max(0.00006, exponent * 0.06), `${shown} is shown, it is ${exponent}`);
  assert.deepEqual(page.seen.errors, []);
  await page.context().close();
});

test('positions that do not count are marked, and where none counts there is no number', async () => {
  const page = await open();
  await openFiles(page, folder({ seqpos_slice: [2, null] }));
  await page.waitForFunction(() => document.querySelector('[data-testid="token"][data-skipped]') !== null);
  const marked = await part(page, 'token', '[data-skipped]').evaluateAll((all) => all.map(({ dataset, title }) => [dataset.index, /does not count/.test(title)]));
  assert.deepEqual(marked, [['1', true]], 'position 0 is the BOS');
  const positions = await count(page);
  const n = part(page, 'metrics-table').locator('tr').filter({ hasText: 'N positions' }).locator('td');
  assert.equal(await n.last().innerText(), String(positions - 2));
  // Of an SAE without a slice nothing is marked.
  await part(page, 'sae-switch', '[data-sae="openai.layer_3"]').click();
  await part(page, 'token', '[data-skipped]').waitFor({ state: 'detached' });
  assert.equal(await n.nth(1).innerText(), String(positions - 1));
  await trace(page, 'a');
  await ready(page);
  await part(page, 'none-counts').waitFor();
  for (const name of ['FVU', 'L0', 'relative error', 'spliced loss', 'KL']) {
    const cell = part(page, 'metrics-table').locator('tr').filter({ hasText: name }).locator('td').last();
    assert.equal(await cell.innerText(), '–', name);
    assert.match(await cell.getAttribute('title'), /No position counts/, name);
  }
  assert.doesNotMatch(await part(page, 'metrics-table').innerText(), /NaN|not a number/);
  assert.deepEqual(page.seen.errors, []);
  await page.context().close();
});

test('what was assumed of the files is there to read, beside the features and in the dialog', async () => {
  const page = await open();
  assert.equal(await part(page, 'notice').count(), 0, 'nothing is open about the demo');
  // A file in OpenAI's layout says nothing of a BOS.
  await page.evaluate(() => window.saeExplorer.loadSae(new URL('fixtures/openai/layer_3.pt', document.baseURI).href, { hook: 'blocks.3.hook_resid_post', id: 'own' }));
  const note = part(page, 'notice');
  await note.waitFor();
  await ready(page);
  assert.equal(await note.count(), 1);
  await note.locator('summary').click();
  assert.match(await note.innerText(), /1 note about its files\s+Nothing states if a BOS .*\.$/s);
  await openLibrary(page);
  await part(page, 'loaded').locator('[data-testid="notice"]').first().waitFor();
  assert.deepEqual(await serious(page), []);
  await page.context().close();
});
