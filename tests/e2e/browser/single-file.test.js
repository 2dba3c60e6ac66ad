// The page in one file, opened from a disk: no server, and no request.

import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';

import { latents, openPrompt, part, ready, serious, trace } from '../support/app.js';
import { launch, newPage } from '../support/chromium.js';
import { SAES, recorded } from '../support/demo.js';
import { assertFound } from '../support/parity.js';
import { RECORDED, recorder } from '../support/recorder.js';
import { root } from '../support/server.js';

const FILE = process.env.SAE_EXPLORER_SINGLE_FILE;
const FIXTURE = 'gloss';

let proxy;
let browser;
before(async () => {
  assert.ok(FILE, 'SAE_EXPLORER_SINGLE_FILE names the file, which `cargo xtask test --only build` makes');
  proxy = await recorder();
  browser = await launch({ webgpu: false, ...RECORDED });
});
after(async () => {
  await browser?.close();
  await proxy?.close();
});

const address = (hash = '', file = FILE) => `${pathToFileURL(file)}${hash}`;

/** Opens the file, and ends with an assertion that nothing was requested; what is gets no answer. */
async function open(t, hash = '', from = browser) {
  const page = await newPage(from, proxy.context);
  t.after(async () => {
    await page.context().close();
    assert.deepEqual(proxy.requests, []);
    const others = page.seen.requests.filter((url) => !/^(file|blob|data):/.test(url));
    assert.deepEqual(others, []);
  });
  await page.goto(address(hash));
  await ready(page);
  return page;
}

/** Compares the engine of the page with PyTorch's numbers; the page can fetch nothing, so that it is handed them. */
async function compared(page) {
  const read = async (ending) => [`${FIXTURE}.${ending}`, (await readFile(join(root, 'tests/fixtures', `${FIXTURE}.${ending}`))).toString('base64')];
  const files = Object.fromEntries(await Promise.all([read('json'), read('safetensors')]));
  const code = (await readFile(join(root, 'tests/e2e/page/parity.js'), 'utf8')).replaceAll(/^export /gm, '');
  await page.evaluate((given) => (window.fixtures = given), files);
  return page.evaluate(`((fetch, document) => { ${code}; return compare(window.saeExplorer, '${FIXTURE}', ${JSON.stringify(Object.fromEntries(SAES.map((id) => [id, id])))}, false); })(
    async (url) => new Response(Uint8Array.from(atob(window.fixtures[String(url).split('/').pop()]), (one) => one.charCodeAt(0))),
    { baseURI: 'https://fixtures.invalid/' })`);
}

test('from a disk, without a network, it computes what PyTorch does, on the CPU', async (t) => {
  const page = await open(t);
  assert.equal(await page.evaluate(() => window.saeExplorer.info().then(({ backend }) => backend)), 'cpu');
  assert.equal(await part(page, 'prompt').inputValue(), recorded.prompt.text);
  assertFound(FIXTURE, await compared(page), { every: false });
  await openPrompt(page);
  await trace(page, 'The wolf ran into the wood');
  assert.ok((await latents(page)).length > 0);
  assert.deepEqual(await part(page, 'sae-switch').evaluateAll((all) => all.map((one) => one.dataset.sae)), SAES);
  assert.deepEqual(page.seen.errors, []);
});

test('a file on a disk has WebGPU in Chromium, and it computes the same there', async (t) => {
  const from = await launch(RECORDED);
  const page = await open(t, '', from);
  t.after(() => from.close());
  assert.equal(await page.evaluate(() => window.isSecureContext), true);
  assert.equal(await page.evaluate(() => window.saeExplorer.info().then(({ backend }) => backend)), 'gpu');
  assertFound(FIXTURE, await compared(page), { every: false });
  assert.deepEqual(page.seen.errors, []);
});

test('links into it work: a feature with its statistics, a figure, a graph, the library', async (t) => {
  const { id } = recorded.sae;
  const page = await open(t, `#/features/${id}/9`);
  await part(page, 'context').first().waitFor();
  const contexts = await part(page, 'context').count();
  assert.ok(contexts > 0 && contexts <= 3, `${contexts} contexts`);
  const go = async (hash) => {
    await page.goto('about:blank');
    await page.goto(address(hash));
    await ready(page);
  };
  await go('#/embed/next-token?prompt=The+wolf+ran');
  await part(page, 'figure').waitFor();
  await go('#/library');
  assert.equal(await part(page, 'offline').getAttribute('data-offline'), 'inside');
  const said = await part(page, 'offline').innerText();
  assert.match(said, /one file.*no network.*lacks .*the statistics of neurons/s);
  assert.deepEqual(await serious(page), []);
  // The list of what is published is there, before anything is requested.
  await part(page, 'catalogue-model').first().waitFor();
  await go('#/features');
  await part(page, 'browse-row').first().waitFor();
  await go('#/circuits/live');
  await part(page, 'circuits', '[data-recorded="true"]').waitFor();
  assert.deepEqual(page.seen.errors.filter((error) => !/WebGL|no picture/.test(error)), []);
});

test('a text is scanned by a worker that is in the file, too', async (t) => {
  const page = await open(t);
  const found = await page.evaluate(async (id) => {
    const text = new File(['Once upon a time there was a king. '.repeat(20)], 'a.txt');
    const { files } = await window.saeExplorer.scan([text], { sets: [id] });
    return files.map(({ path }) => path);
  }, SAES[0]);
  assert.ok(found.includes('atlas.json'), found.join());
  // Chromium stores what a person makes here, as it does for a site.
  const kept = await page.evaluate(async () => {
    await ownAtlases.save('mine', [{ path: 'atlas.json', bytes: Uint8Array.of(7) }]);
    const [id] = await ownAtlases.list();
    const bytes = await ownAtlases.read(`own-atlas/${id}/atlas.json`);
    await ownAtlases.remove(id);
    return [id, ...bytes, await ownAtlases.list()];
  });
  assert.deepEqual(kept, ['mine', 7, []]);
  assert.deepEqual(page.seen.errors, []);
});

test('what is not in it is said, and no host but Hugging Face is asked', async (t) => {
  const page = await open(t);
  const fault = await page.evaluate(() => window.saeExplorer.loadSae('https://example.org/sae').then(String, ({ code, message }) => `${code}: ${message}`));
  assert.match(fault, /^not-chosen: .*example\.org.*huggingface\.co/);
  await page.evaluate(() => document.activeElement?.blur());
  await page.keyboard.press('Control+k');
  await page.keyboard.type('Copy embed');
  await page.keyboard.press('Enter');
  await part(page, 'note').getByText('a file on your disk').waitFor();
});

test('a copy that is damaged, or was cut off, says so', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'sae-explorer-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const whole = await readFile(FILE);
  const at = whole.indexOf('data-file="demo/model/model.safetensors"') + 5_000_000;
  const damaged = Buffer.concat([whole.subarray(0, at), whole.subarray(at + 8)]);
  const page = await newPage(browser);
  t.after(() => page.context().close());
  for (const [name, bytes, expected] of [
    ['damaged.html', damaged, /could not start: demo\/model\/model\.safetensors in it cannot be read.*damaged/s],
    ['short.html', whole.subarray(0, at), /ends too early/],
  ]) {
    await writeFile(join(folder, name), bytes);
    await page.goto(address('', join(folder, name)));
    assert.match(await ready(page, { error: true }), expected);
  }
});
