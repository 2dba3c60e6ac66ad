// Opening models and SAEs: the dialog, the catalogue, files, links, progress, what is stored, and what a link may do.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { STILL, latents, openApp, part, picture, ready, serious, trace } from '../support/app.js';
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
  const { n_layer: layers, n_embd: dModel, n_head: heads, vocab_size: vocab, n_positions: context } = JSON.parse(config);
  const model = { id: 'tiny', name: 'Tiny', repo: 'tiny/model', licence: 'MIT', parameters: 6e6, layers, dModel, heads, vocab, context, bytes: weights.length + tokenizer.length };
  const release = { id: 'tiny-topk', name: 'TopK, after the block', model: 'tiny', repo: 'tiny/saes', path: 'layer_{L}.pt', layers: [1, 3, 5], hook: 'blocks.{L}.hook_resid_post', architecture: 'topk', dIn: dModel, dSae: 4096, k: 16, context: 256, bos: true, centre: false, licence: 'unknown', bytes: saes[0].length };
  const huge = { ...model, id: 'huge', name: 'Huge', repo: 'tiny/huge', parameters: 4e12, layers: 1000, dModel: 65536, bytes: 16e12 };
  const giant = { ...release, id: 'giant', name: 'Two million latents', dSae: 2_097_152, bytes: 4.3e9, streamable: true };
  server.files.set('catalogue.json', Buffer.from(JSON.stringify({ mirror: hub.origin, models: [model, huge], saes: [release, giant] })));
});
after(async () => {
  await browser?.close();
  await Promise.all([server?.close(), hub?.close()]);
});

/** The page with the demo; what should come and does not is found out within a minute. */
async function open(context = {}) {
  const page = await openApp(browser, server, { context });
  page.setDefaultTimeout(15_000);
  return page;
}

/** Opens the dialog by its key, at a section. */
async function openDialog(page, section = 'Catalogue') {
  await page.evaluate(() => document.activeElement?.blur());
  await page.keyboard.press('o');
  await part(page, 'open-dialog').waitFor();
  await page.getByRole('button', { name: section, exact: true }).click();
}

/** A row of one of the dialog's lists, by what stands in it. */
const row = (page, list, text) => part(page, list).locator('li').filter({ hasText: text });

const load = (row) => row.getByRole('button', { name: 'Load', exact: true }).click();

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

test('the catalogue: what fits is loaded by a click, and each SAE shows its numbers', async () => {
  const page = await open();
  await openDialog(page);
  await part(page, 'catalogue-models').waitFor();
  assert.match(await row(page, 'catalogue-models', 'Tiny').innerText(), /14 MB · MIT · fits/);
  const huge = row(page, 'catalogue-models', 'Huge');
  assert.match(await huge.innerText(), /needs .+ available/);
  assert.ok(await huge.getByRole('button', { name: 'Load' }).isDisabled());
  // The demo's numbers, taken when somebody looks.
  const shown = await numbers(page, 'openai.layer_3');
  const { fvu, l0, deltaCe, kl } = await page.evaluate(async () => {
    const { saes } = await window.saeExplorer.trace(window.SAMPLE_TEXT, { saes: ['openai.layer_3'] });
    return saes[0].metrics;
  });
  assert.deepEqual(shown, [fvu.toFixed(3), l0.toFixed(1), deltaCe.toFixed(3), kl.toFixed(3)].map(Number));
  assert.ok(fvu > 0 && fvu < 0.5 && l0 > 1 && l0 <= 16 && kl > 0, `${fvu} ${l0} ${kl}`);
  assert.equal(await part(page, 'doubt').count(), 0);
  // The demo's loss by NumPy in float64 is 4.7825 nats.
  assert.match(await part(page, 'sample-loss').innerText(), /: 4\.78 nats per token \(N = \d+; usual for a trained model: less than 6\.31; chance: 9\.01\)/);
  assert.equal(await part(page, 'sample-loss-caution').count(), 0);
  await load(row(page, 'catalogue-models', 'Tiny'));
  await settled(page);
  assert.deepEqual(await loaded(page), ['tiny']);
  assert.match(await part(page, 'sample-loss').innerText(), /4\.78 nats/, 'the model that is loaded now, which is the same');
  const saes = row(page, 'catalogue-saes', 'TopK');
  assert.match(await saes.innerText(), /8.5 MB · licence not stated · fits/);
  const giant = row(page, 'catalogue-saes', 'Two million');
  assert.match(await giant.innerText(), /does not fit whole: needs .+ available .+ It stays in its file, which is read through for every prompt: that needs 0\.\d GB/);
  assert.ok(await giant.getByRole('button', { name: 'Load' }).isEnabled());
  await saes.locator('select').selectOption('5');
  await load(saes);
  await settled(page);
  assert.deepEqual(await loaded(page), ['tiny', 'tiny-topk@5']);
  const [fvu5] = await numbers(page, 'tiny-topk@5');
  assert.ok(fvu5 > 0 && fvu5 < 0.5, String(fvu5));
  await page.keyboard.press('Escape');
  await part(page, 'open-dialog').waitFor({ state: 'hidden' });
  assert.ok((await latents(page)).length > 0);
  assert.match(page.url(), /model=tiny&sae=tiny-topk%405/);
  await openDialog(page);
  await page.getByRole('button', { name: 'Remove tiny-topk@5' }).click();
  await part(page, 'loaded-sae').waitFor({ state: 'hidden' });
  assert.deepEqual(await loaded(page), ['tiny']);
  assert.deepEqual(page.seen.errors, []);
  await page.context().close();
});

test('local files: recognised, named where they lack something, loaded and traced', async () => {
  const page = await open();
  await openDialog(page, 'Files');
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
  assert.match(page.url(), /#\/\?model=file%3Amodel&sae=file%3Alayer_3%40blocks\.3\.hook_resid_post&/);
  await page.keyboard.press('Escape');
  assert.ok((await latents(page)).length > 0);
  assert.deepEqual(page.seen.errors, []);
  await page.context().close();
});

test('a folder picked on the page', async () => {
  const page = await open();
  await openDialog(page, 'Files');
  await part(page, 'pick-folder').setInputFiles(demo('model'));
  const model = row(page, 'found', 'model');
  await model.waitFor();
  assert.match(await model.innerText(), /model · GPT-2, 6 layers of width 256, 14 MB · fits/);
  await load(model);
  await settled(page);
  assert.deepEqual(await loaded(page), ['file:model']);
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
  await openDialog(page, 'Link');
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
  await page.keyboard.press('Escape');
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
  await openDialog(page, 'Files');
  const narrow = saelens();
  const files = Object.entries(narrow).map(([name, content]) => ({ name, mimeType: '', buffer: Buffer.isBuffer(content) ? content : Buffer.from(JSON.stringify(content)) }));
  await part(page, 'pick-files').setInputFiles(files);
  const found = part(page, 'found').locator('li');
  await found.first().waitFor();
  const says = /does not belong to .*6×256.*: it reads 8 values, and blocks\.1\.hook_resid_post has 256 there/;
  assert.match(await found.first().innerText(), says);
  assert.doesNotMatch(await found.first().innerText(), /fits/);
  hub.repo('tiny/narrow', narrow);
  await page.getByRole('button', { name: 'Link', exact: true }).click();
  await page.getByRole('textbox', { name: /owner\/name/ }).fill('tiny/narrow');
  await page.keyboard.press('Enter');
  const linked = row(page, 'found', 'narrow');
  await linked.waitFor();
  assert.match(await linked.innerText(), says);
  assert.doesNotMatch(await linked.innerText(), /fits/);
  // Loading it all the same says the same.
  await load(linked);
  await part(page, 'error').waitFor();
  assert.match(await part(page, 'error').innerText(), /Not loaded: narrow\..*\b8\b.*256/s);
  await page.context().close();
});

test('files dropped on the page; a wrong hook is doubted', async () => {
  const page = await open();
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
  const caution = /mine@blocks\.0\.hook_attn_out does not reconstruct this activation: FVU is \d.*A wrong hook, normalisation or model/;
  await part(page, 'doubt').nth(1).waitFor();
  assert.match(await part(page, 'doubt').nth(1).innerText(), caution);
  // The same beside its features, on the prompt; and not beside those of an SAE that is where it belongs.
  await page.keyboard.press('Escape');
  assert.match(await part(page, 'caution').innerText(), caution);
  await part(page, 'sae-switch', '[data-sae="openai.layer_5"]').click();
  await part(page, 'caution').waitFor({ state: 'detached' });
  await page.context().close();
});

test('a link: what it leads to is listed before anything is loaded', async () => {
  const page = await open();
  await openDialog(page, 'Catalogue');
  await part(page, 'catalogue-models').waitFor();
  await page.getByRole('button', { name: 'Link', exact: true }).click();
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
  await page.waitForFunction(() => /nothing/.test(document.querySelector('.section')?.textContent ?? ''));
  await page.context().close();
});

test('neurons need no SAE', async () => {
  const page = await open();
  await openDialog(page, 'Neurons');
  await page.getByRole('combobox', { name: 'layer' }).selectOption('2');
  await page.getByRole('button', { name: 'Load', exact: true }).click();
  await settled(page);
  assert.ok((await loaded(page)).includes('neurons:blocks.2.mlp.hook_post'));
  await page.keyboard.press('Escape');
  await part(page, 'feature-row').first().waitFor();
  await part(page, 'feature-row').first().click();
  await part(page, 'feature-panel').waitFor();
  assert.match(page.url(), /sae=neurons%3Ablocks.2.mlp.hook_post/);
  assert.deepEqual(page.seen.errors, []);
  await page.context().close();
});

test('progress, cancel, a broken connection, and going on from there', async () => {
  const page = await open();
  await openDialog(page);
  await part(page, 'catalogue-models').waitFor();
  hub.misbehave(/model\.safetensors/, { pause: 40 });
  await load(row(page, 'catalogue-models', 'Tiny'));
  await page.waitForFunction(() => /MB\/s|kB\/s/.test(document.querySelector('[data-testid="progress"]')?.textContent ?? ''));
  const told = await part(page, 'progress').innerText();
  assert.match(told, /Loading Tiny/);
  assert.match(told, /\d [kM]B of 14 MB · .*B\/s · \d+ s left/);
  assert.match(told, /model\.safetensors from the network/);
  await part(page, 'cancel').click();
  await part(page, 'progress').waitFor({ state: 'hidden' });
  assert.equal(await part(page, 'error').count(), 0);
  assert.deepEqual(await loaded(page), ['demo', ...SAES]);
  // Now the connection breaks as soon as it is made.
  hub.misbehave(/model\.safetensors/, { cutAfter: 0 });
  await load(row(page, 'catalogue-models', 'Tiny'));
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

test('what is stored: listed, kept on request, deleted', async () => {
  const page = await open();
  await openDialog(page);
  await part(page, 'catalogue-models').waitFor();
  await load(row(page, 'catalogue-models', 'Tiny'));
  await settled(page);
  await page.getByRole('button', { name: 'Storage', exact: true }).click();
  const weights = row(page, 'stored', 'model.safetensors').filter({ hasText: '/tiny/model' });
  await weights.waitFor();
  assert.match(await weights.innerText(), /MB · complete( · SHA-256 verified)? · last used just now · from .+\/tiny\/model$/m);
  const before = await part(page, 'stored').locator('li').count();
  await weights.getByRole('button', { name: /Delete/ }).click();
  await page.waitForFunction((count) => document.querySelectorAll('[data-testid="stored"] li').length === count - 1, before);
  await part(page, 'delete-all').click();
  await page.getByText('Nothing is stored.').waitFor();
  assert.deepEqual(await loaded(page), ['tiny'], 'what is loaded stays loaded');
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
  assert.match(await part(page, 'download').innerText(), new RegExp(`^From ${hub.origin.slice('http://'.length)}: 23 MB in all\\.$`));
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
  { name: 'open', viewport: { width: 1440, height: 1000 }, colorScheme: 'light' },
  { name: 'open-dark', viewport: { width: 1440, height: 1000 }, colorScheme: 'dark' },
  { name: 'open-narrow', viewport: { width: 360, height: 800 }, colorScheme: 'light' },
];
for (const { name, ...context } of VIEWS) {
  test(`${name}: everything in the dialog fits, axe-core finds nothing serious`, async () => {
    // The site's own catalogue, which is as long as it will be.
    server.files.delete('catalogue.json');
    const page = await open({ ...context, ...STILL });
    await openDialog(page);
    await part(page, 'catalogue-models').waitFor();
    await numbers(page, 'openai.layer_5');
    for (const section of ['Files', 'Link', 'Neurons', 'Storage', 'Catalogue']) {
      await page.getByRole('button', { name: section, exact: true }).click();
      const widths = await part(page, 'open-dialog').evaluate((dialog) => [dialog.scrollWidth, dialog.clientWidth]);
      assert.ok(widths[0] <= widths[1], `${section}: ${widths[0]} px of content in a dialog of ${widths[1]} px`);
      assert.deepEqual(await serious(page), [], section);
    }
    await part(page, 'catalogue-models').waitFor();
    if (name === 'open') await picture(page, name);
    assert.deepEqual(page.seen.errors, []);
    await page.context().close();
  });
}
