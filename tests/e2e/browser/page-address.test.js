// What an address says: of files that are gone, of revisions, and nothing secret; and what is copied as a link.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { latents, openApp, openLibrary, openPrompt, part, ready, serious } from '../support/app.js';
import { ptFile } from '../support/demo.js';
import { launch, newPage } from '../support/chromium.js';
import { serveHub } from '../support/hub.js';
import { root, serve } from '../support/server.js';

const demo = (path) => join(root, 'web/demo', path);
const MODEL = ['config.json', 'model.safetensors', 'tokenizer.json'].map((name) => demo(`model/${name}`));

let server;
let hub;
let browser;
before(async () => {
  [server, hub] = await Promise.all([serve(), serveHub()]);
  browser = await launch({ webgpu: false });
  server.files.set('catalogue.json', Buffer.from(JSON.stringify({ mirror: hub.origin, models: [], saes: [] })));
});
after(async () => {
  await browser?.close();
  await Promise.all([server?.close(), hub?.close()]);
});

// The start page is one of its own; links lead past it.
async function open(path = '#/prompt') {
  const page = await openApp(browser, server, { path, context: { permissions: ['clipboard-read', 'clipboard-write'] } });
  page.setDefaultTimeout(15_000);
  return page;
}

async function settled(page) {
  await part(page, 'progress').waitFor({ state: 'hidden' });
  await ready(page);
}

/** Loads an SAE from a file, at a hook. */
async function openFile(page, path, hook) {
  await part(page, 'pick-files').setInputFiles(path);
  const sae = part(page, 'found').locator('li').first();
  await sae.waitFor();
  await sae.locator('select').selectOption(hook);
  await part(sae, 'load').click();
  await settled(page);
  await openPrompt(page);
}

/** Loads what a link leads to, at a hook. */
async function openLink(page, link, hook) {
  const field = page.getByRole('textbox', { name: /owner\/name/ });
  await field.fill(link);
  await page.keyboard.press('Enter');
  const sae = part(page, 'found').locator('li').first();
  await sae.waitFor();
  await sae.locator('select').selectOption(hook);
  await part(sae, 'load').click();
  await settled(page);
  await openPrompt(page);
}

const sha256 = async (path) => createHash('sha256').update(await readFile(path)).digest('hex');

const panel = (page) => part(page, 'feature-panel').getAttribute('data-latent');

async function copiedLink(page) {
  await page.getByRole('button', { name: 'Copy link' }).click();
  await part(page, 'note').filter({ hasText: 'Copied' }).waitFor();
  return page.evaluate(() => navigator.clipboard.readText());
}

test('an address that names a file which is gone says which, and shows nothing of another SAE', async () => {
  const page = await open();
  await openLibrary(page);
  await openFile(page, ptFile(5), 'blocks.5.hook_resid_post');
  await part(page, 'token', '[data-index="7"]').click();
  await part(page, 'feature-row').nth(2).click();
  await part(page, 'feature-panel').waitFor();
  const [rows, latent, address] = [await latents(page), await panel(page), page.url()];
  const hash = await sha256(ptFile(5));
  assert.match(address, new RegExp(`sae=file%3Alayer_5~${hash}%40blocks\\.5\\.hook_resid_post&token=7&feature=\\d+`));
  assert.equal(await copiedLink(page), address);

  const other = await open(address.slice(server.url('').length));
  await page.reload();
  await settled(page);
  for (const gone of [page, other]) {
    assert.equal(await gone.evaluate(() => document.body.dataset.state), 'ready');
    const said = await part(gone, 'missing-sae').innerText();
    assert.match(said, new RegExp(`feature ${latent} of the SAE “layer_5” at blocks\\.5\\.hook_resid_post, which was opened from a file`));
    assert.match(said, /Open that file/);
    assert.equal(await part(gone, 'wanted-hash').innerText(), hash);
    assert.equal(await part(gone, 'feature-row').count(), 0);
    assert.equal(await part(gone, 'feature-panel').count(), 0);
    assert.equal(gone.url(), address, 'the address is not lost');
    assert.deepEqual(await serious(gone), []);
    // The prompt and the model are there all the same.
    assert.equal(await part(gone, 'token', '[aria-selected="true"]').getAttribute('data-index'), '7');
  }
  await part(page, 'missing-sae').getByRole('button', { name: 'Open files…' }).click();
  await openFile(page, ptFile(5), 'blocks.5.hook_resid_post');
  await part(page, 'feature-panel').waitFor();
  assert.equal(await panel(page), latent);
  assert.deepEqual(await latents(page), rows);
  // Another one that is there shows features of its own.
  await part(other, 'sae-switch').first().click();
  await part(other, 'feature-row').first().waitFor();
  assert.equal(await part(other, 'missing-sae').count(), 0);
  assert.ok((await latents(other)).includes(Number(await panel(other))));
  assert.deepEqual([...page.seen.errors, ...other.seen.errors], []);
  await Promise.all([page.context().close(), other.context().close()]);
});

test('the same of a model from files', async () => {
  const page = await open();
  await openLibrary(page);
  await part(page, 'pick-files').setInputFiles([...MODEL, ptFile(1)]);
  await part(page, 'found').locator('select').selectOption('blocks.1.hook_resid_post');
  await page.getByRole('button', { name: 'Load all' }).click();
  await settled(page);
  await openPrompt(page);
  await part(page, 'token', '[data-index="4"]').click();
  await part(page, 'feature-row').nth(1).click();
  await part(page, 'feature-panel').waitFor();
  const [latent, address] = [await panel(page), page.url()];
  const [hash, saeHash] = await Promise.all([sha256(MODEL[1]), sha256(ptFile(1))]);
  assert.match(address, new RegExp(`#/prompt\\?model=file%3Amodel~${hash}&sae=file%3Alayer_1~${saeHash}%40blocks`));
  await page.reload();
  const asked = part(page, 'asked');
  await asked.waitFor();
  assert.match(await asked.innerText(), /the model “model”, which was opened from files/);
  assert.equal(await part(page, 'wanted-hash').innerText(), hash);
  assert.equal(await part(page, 'load-asked').count(), 0, 'there is nothing that the page could load');
  assert.equal(await part(page, 'feature-panel').count(), 0);
  await asked.getByRole('button', { name: 'Open files…' }).click();
  await part(page, 'pick-files').setInputFiles([...MODEL, ptFile(1)]);
  // Where the file belongs the address has said.
  assert.equal(await part(page, 'found').locator('select').inputValue(), 'blocks.1.hook_resid_post');
  await page.getByRole('button', { name: 'Load all' }).click();
  await settled(page);
  await openPrompt(page);
  await part(page, 'feature-panel').waitFor();
  assert.equal(await panel(page), latent);
  assert.equal(await part(page, 'token', '[aria-selected="true"]').getAttribute('data-index'), '4');
  assert.deepEqual(page.seen.errors, []);
  // Whoever takes the demo instead sees nothing that the link says of another model.
  const other = await newPage(browser);
  await other.goto(address);
  await other.getByRole('button', { name: 'Use the demo instead' }).click();
  await settled(other);
  assert.equal(await part(other, 'missing-sae').count(), 0);
  assert.ok((await latents(other)).includes(Number(await panel(other))));
  assert.match(other.url(), /#\/prompt\?model=demo&sae=openai/);
  await Promise.all([page.context().close(), other.context().close()]);
});

test('a file of the same name and other contents is refused with both hashes, or taken when the person says so', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'own-file-'));
  try {
    // Layer 3's weights under the name of layer 5's, and layer 5's under another.
    const [wrong, renamed] = [join(folder, 'layer_5.pt'), join(folder, 'a copy.pt')];
    const contents = await Promise.all([3, 5].map((layer) => readFile(ptFile(layer))));
    await Promise.all([writeFile(wrong, contents[0]), writeFile(renamed, contents[1])]);
    const [meant, other] = await Promise.all([sha256(renamed), sha256(wrong)]);
    const hook = 'blocks.5.hook_resid_post';
    const path = `#/prompt?sae=file%3Alayer_5~${meant}%40${hook}&token=7&feature=11&pin=file%3Alayer_5~${meant}@${hook}/12`;
    const page = await open(path);
    await part(page, 'missing-sae').getByRole('button', { name: 'Open files…' }).click();
    await part(page, 'pick-files').setInputFiles(wrong);
    const sae = part(page, 'found').locator('li').first();
    await sae.waitFor();
    assert.equal(await sae.locator('select').inputValue(), hook, 'where it belongs the link has said');
    await part(sae, 'load').click();
    const error = part(page, 'error');
    await error.waitFor();
    assert.equal(await error.getAttribute('data-code'), 'other-file');
    const said = await error.innerText();
    assert.ok(said.includes(meant) && said.includes(other), said);
    assert.deepEqual(await page.evaluate(async () => (await window.saeExplorer.info()).saes.map(({ id }) => id).sort()), [1, 3, 5].map((layer) => `openai.layer_${layer}`));
    assert.deepEqual(await serious(page), []);
    await openPrompt(page);
    await part(page, 'missing-sae').waitFor();
    assert.ok(page.url().includes(`layer_5~${meant}`), 'the address is not lost');
    await error.getByRole('button', { name: 'Use it anyway' }).click();
    await part(page, 'feature-panel').waitFor();
    assert.equal(await panel(page), '11');
    const taken = decodeURIComponent(page.url());
    assert.ok(taken.includes(`sae=file:layer_5~${other}@${hook}`) && taken.includes(`pin=file:layer_5~${other}@${hook}/12`) && !taken.includes(meant), taken);
    // The right contents under another name are the right file.
    const right = await open(path);
    await part(right, 'missing-sae').getByRole('button', { name: 'Open files…' }).click();
    await openFile(right, renamed, hook);
    await part(right, 'feature-panel').waitFor();
    assert.equal(await panel(right), '11');
    assert.ok(right.url().includes(`sae=file%3Alayer_5~${meant}`), right.url());
    // A link without a hash takes the file of that name, and says that it does.
    const old = await open(`#/prompt?sae=file%3Alayer_5%40${hook}&token=7&feature=11`);
    assert.match(await part(old, 'missing-sae').innerText(), /does not say its SHA-256/);
    await part(old, 'missing-sae').getByRole('button', { name: 'Open files…' }).click();
    await openFile(old, ptFile(5), hook);
    await part(old, 'feature-panel').waitFor();
    assert.ok(old.url().includes(`sae=file%3Alayer_5~${await sha256(ptFile(5))}`), old.url());
    assert.equal(await panel(old), '11');
    assert.deepEqual([...page.seen.errors, ...right.seen.errors, ...old.seen.errors], []);
    await Promise.all([page, right, old].map((one) => one.context().close()));
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('the SHA-256 of a large file is taken with progress, and can be stopped', async () => {
  const page = await open();
  const result = await page.evaluate(async () => {
    const seen = [];
    const { SaeExplorer } = window;
    const engine = await SaeExplorer.create({ backend: 'cpu', onProgress: (progress) => seen.push(progress) });
    try {
      const header = new TextEncoder().encode(JSON.stringify({ W_enc: { dtype: 'F32', shape: [1], data_offsets: [0, 4] } }));
      const length = new Uint8Array(8);
      new DataView(length.buffer).setBigUint64(0, BigInt(header.length), true);
      const part = new Uint8Array(8 << 20).fill(7);
      const weights = new File([length, header, ...Array(24).fill(part)], 'sae_weights.safetensors');
      const files = [new File([JSON.stringify({ d_in: 4, d_sae: 8 })], 'cfg.json'), weights];
      const started = performance.now();
      const { sha256, bytes } = await engine.sha256({ files });
      const seconds = (performance.now() - started) / 1000;
      const whole = new Uint8Array(await crypto.subtle.digest('SHA-256', await weights.arrayBuffer()));
      const want = [...whole].map((byte) => byte.toString(16).padStart(2, '0')).join('');
      const stop = new AbortController();
      const stopped = engine.sha256({ files }, { signal: stop.signal }).catch(({ code }) => code);
      setTimeout(() => stop.abort(), 100);
      const code = await stopped;
      // The engine answers as before.
      const { backend } = await engine.info();
      return { same: sha256 === want, bytes, size: weights.size, seconds, code, backend, seen: seen.filter(({ stage }) => stage === 'hash') };
    } finally {
      await engine.dispose();
    }
  });
  assert.ok(result.same);
  assert.equal(result.bytes, result.size);
  assert.deepEqual([result.code, result.backend], ['cancelled', 'cpu']);
  assert.ok(result.seen.length > 3, 'progress is told');
  assert.ok(result.seen.every(({ loaded, total, name }) => loaded <= total && total === result.size && name === 'sae_weights.safetensors'));
  console.log(`SHA-256 of ${(result.size / 1e6).toFixed(0)} MB in the worker: ${result.seconds.toFixed(2)} s`);
  await page.context().close();
});

test('a copied link is that of the screen, also before the address has followed', async () => {
  const page = await open();
  const before = page.url();
  // In one go, as a fast hand: the address follows typing after a pause.
  await part(page, 'prompt').fill('A link to this very text');
  const link = await copiedLink(page);
  assert.notEqual(link, before);
  assert.match(link, /prompt=A\+link\+to\+this\+very\+text/);
  assert.match(link, /^http:\/\/127\.0\.0\.1:\d+\/#\/prompt\?model=demo&sae=openai\.layer_3/);
  const other = await open(link.slice(server.url('').length));
  assert.equal(await part(other, 'prompt').inputValue(), 'A link to this very text');
  await Promise.all([page.context().close(), other.context().close()]);
});

test('a link keeps the revision of a repository', async () => {
  const [one, three] = await Promise.all([1, 3].map((layer) => readFile(ptFile(layer))));
  // What is on the main branch under the same name is another SAE.
  hub.repo('tiny/saes', { 'one.pt': three });
  hub.repo('tiny/saes', { 'one.pt': one }, { revision: 'v2' });
  const page = await open();
  await openLibrary(page);
  await openLink(page, 'tiny/saes@v2:one.pt', 'blocks.1.hook_resid_post');
  await part(page, 'token', '[data-index="6"]').click();
  const rows = await latents(page);
  const address = page.url();
  assert.match(address, /sae=tiny%2Fsaes%40v2%3Aone\.pt%40blocks\.1\.hook_resid_post/);
  hub.requests.length = 0;
  const other = await newPage(browser);
  await other.goto(address);
  const download = part(other, 'download');
  await download.waitFor();
  assert.match(await download.innerText(), new RegExp(`^From ${hub.origin.slice('http://'.length)}: its size is known once the host is asked\\.$`));
  assert.deepEqual(hub.requests, []);
  await part(other, 'load-asked').click();
  await part(other, 'feature-row').first().waitFor();
  assert.deepEqual(await latents(other), rows);
  assert.deepEqual(hub.requests.filter(({ path }) => /main/.test(path)), []);
  assert.ok(hub.requests.some(({ path }) => /resolve\/v2\/one\.pt/.test(path)));
  await Promise.all([page.context().close(), other.context().close()]);
});

test('a link names the commit that was loaded, so that others see the same weights', async () => {
  const [one, three] = await Promise.all([1, 3].map((layer) => readFile(ptFile(layer))));
  const [before, later] = ['a', 'b'].map((digit) => digit.repeat(40));
  hub.repo('tiny/moving', { 'one.pt': one }, { commit: before });
  const page = await open();
  await openLibrary(page);
  await openLink(page, 'tiny/moving:one.pt', 'blocks.1.hook_resid_post');
  await part(page, 'token', '[data-index="6"]').click();
  await part(page, 'feature-row').nth(1).click();
  const [rows, latent, address] = [await latents(page), await panel(page), page.url()];
  assert.match(address, new RegExp(`sae=tiny%2Fmoving%40${before}%3Aone\\.pt%40blocks\\.1\\.hook_resid_post`));
  assert.equal(await copiedLink(page), address);
  // Going back and forth asks for nothing: it is loaded.
  await part(page, 'token', '[data-index="3"]').click();
  await page.goBack();
  await page.waitForFunction(() => document.querySelector('[data-testid="token"][aria-selected="true"]')?.dataset.index === '6');
  assert.equal(await part(page, 'asked').count(), 0);
  assert.equal(await panel(page), latent);
  // Meanwhile the branch has moved on to other weights.
  hub.repo('tiny/moving', { 'one.pt': three }, { commit: later });
  hub.repo('tiny/moving', { 'one.pt': one }, { revision: before, commit: before });
  const other = await newPage(browser);
  await other.goto(address);
  await part(other, 'load-asked').click();
  await part(other, 'feature-panel').waitFor();
  assert.deepEqual(await latents(other), rows);
  assert.equal(await panel(other), latent);
  assert.equal(other.url(), address);
  await Promise.all([page.context().close(), other.context().close()]);
});

test('a link leaves out the query of an address, which may be a key', async () => {
  hub.put('private/one.pt', await readFile(ptFile(1)));
  const page = await open();
  await openLibrary(page);
  await openLink(page, `${hub.origin}/private/one.pt?key=hush`, 'blocks.1.hook_resid_post');
  await part(page, 'feature-row').first().waitFor();
  const said = async () => [page.url(), await copiedLink(page)];
  for (const link of await said()) {
    assert.match(link, /sae=http%3A%2F%2F127\.0\.0\.1%3A\d+%2Fprivate%2Fone\.pt%40blocks/);
    assert.doesNotMatch(link, /hush|key/);
  }
  assert.doesNotMatch(await page.evaluate(() => document.documentElement.outerHTML), /hush/);
  assert.deepEqual(page.seen.errors, []);
  await page.context().close();
});
