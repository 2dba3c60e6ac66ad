// Scans of a text of one's own: through the package, and on the page.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';

import { STILL, openApp, part, picture, ready, serious, trace } from '../support/app.js';
import { readTable } from '../support/atlas-format.js';
import { launch, openBare } from '../support/chromium.js';
import { openDemo } from '../support/parity.js';
import { serve } from '../support/server.js';
import { deflated } from '../support/zip.js';

const STORY = 'Once upon a time there was a king who had three sons, and the youngest of them was called the simpleton, because he said little and thought much. <script>alert(1)</script>';

let server;
let browser;
let bare;
before(async () => {
  server = await serve();
  browser = await launch({ webgpu: false });
  bare = await openBare(browser, server);
  await openDemo(bare, { backend: 'cpu' });
});
after(async () => {
  await browser?.close();
  await server?.close();
});

/** A scan in the page: what it gives, its files by their paths, and the stages that it reported. */
async function scan(texts, options = {}) {
  const found = await bare.evaluate(async ([texts, { stopAt, ...options }]) => {
    const stages = [];
    const stop = new AbortController();
    const onProgress = (progress) => {
      if (stages.at(-1) !== progress.stage) stages.push(progress.stage);
      if (progress.tokens >= stopAt) stop.abort();
    };
    const files = texts.map(([name, text]) => new File([typeof text === 'string' ? text : new Uint8Array(text)], name));
    const { files: written, ...scanned } = await engine.scan(files, { signal: stop.signal, onProgress, ...options });
    const inBase64 = (bytes) => {
      let binary = '';
      for (let at = 0; at < bytes.length; at += 0x8000) binary += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
      return btoa(binary);
    };
    return { ...scanned, stages, files: written.map(({ path, bytes }) => [path, inBase64(bytes)]) };
  }, [texts, options]);
  return { ...found, files: new Map(found.files.map(([path, bytes]) => [path, Buffer.from(bytes, 'base64')])) };
}

const refused = (texts, options = {}) =>
  bare.evaluate(([texts, options]) => fault(engine.scan(texts.map(([name, text]) => new File([typeof text === 'string' ? text : new Uint8Array(text)], name)), options)), [texts, options]);

test('statistics of a text are those of its trace, and the atlas is known by the hashes that the demo’s has', async () => {
  const sae = 'openai.layer_3';
  const { files, stages, ...scanned } = await scan([['story.txt', STORY]], { sets: [sae] });
  const traced = await bare.evaluate(([text, sae]) => engine.trace(text, { saes: [sae], bos: 'yes' }), [STORY, sae]);
  const [{ k, latents, activations }] = traced.saes;
  const tokens = traced.tokens.length - 1;
  assert.deepEqual(scanned, { name: 'story.txt', tokens, windows: 1, documents: 1, stopped: false });
  assert.deepEqual(stages, ['load', 'scan', 'describe']);

  const expected = new Map();
  for (let at = k; at < latents.length; at += 1) {
    if (activations[at] <= 0) continue;
    const before = expected.get(latents[at]) ?? { fired: 0, max: 0, sum: 0 };
    expected.set(latents[at], { fired: before.fired + 1, max: Math.max(before.max, activations[at]), sum: before.sum + activations[at] });
  }
  assert.ok(expected.size > 100);
  const rows = readTable(files.get(`${sae}/table.bin`));
  assert.equal(rows.length, 4096);
  const close = (value, wanted, what) => assert.ok(Math.abs(value - wanted) <= 1e-4 * Math.abs(wanted), `${what}: ${value}, expected ${wanted}`);
  for (const { latent, fired, max, mean, up, label } of rows) {
    const { fired: times, max: most, sum } = expected.get(latent) ?? { fired: 0, max: 0, sum: 0 };
    assert.equal(fired, times, `feature ${latent}`);
    close(max, most, `maximum of ${latent}`);
    close(mean, sum / tokens, `mean of ${latent}`);
    assert.equal(up.length, 3, 'tokens that it raises, from the weights');
    if (fired > 0) assert.notEqual(label, '');
  }

  const demo = JSON.parse(await readFile(new URL('../../../web/demo/atlas/atlas.json', import.meta.url)));
  const own = JSON.parse(files.get('atlas.json'));
  assert.deepEqual(own.model, demo.model);
  assert.equal(own.sets.length, 1);
  assert.equal(own.sets[0].sha256, demo.sets.find(({ id }) => id === sae).sha256);
  for (const shard of own.sets[0].shards) assert.equal(files.get(shard.path).length, shard.bytes);
});

test('an SAE is identified by its numbers, in whatever file they are', async () => {
  const { sets } = JSON.parse(await readFile(new URL('../../../web/demo/atlas/atlas.json', import.meta.url)));
  const { sha256 } = sets.find(({ id }) => id === 'openai.layer_3');
  const found = await bare.evaluate(async () => {
    const hook = 'blocks.3.hook_resid_post';
    const at = (path) => new URL(`fixtures/${path}`, document.baseURI).href;
    await engine.loadSae(at('openai/layer_3.pt'), { hook, id: 'same' });
    await engine.loadSae(at(`saelens/${hook}_relu/`), { id: 'other' });
    const hashes = [];
    for (const id of ['openai.layer_3', 'same', 'other']) hashes.push(await engine.identify(id));
    for (const id of ['same', 'other']) await engine.unloadSae(id);
    await engine.loadNeurons('blocks.0.mlp.hook_post', { id: 'neurons' });
    const faults = [await fault(engine.identify('neurons')), await fault(engine.identify('same'))];
    await engine.unloadSae('neurons');
    return { hashes, faults: faults.map(({ code, message }) => [code, message]) };
  });
  assert.deepEqual(found.hashes.slice(0, 2), [sha256, sha256], 'f16 safetensors and the .pt it was made from');
  assert.match(found.hashes[2], /^[0-9a-f]{64}$/);
  assert.notEqual(found.hashes[2], sha256);
  assert.deepEqual(found.faults.map(([code]) => code), ['unknown-sae', 'unknown-sae']);
  assert.match(found.faults[0][1], /neurons/);
});

test('JSON lines and gzip are read, with sources and limits', async () => {
  const line = (text, source) => `${JSON.stringify({ body: text, source })}\n`;
  const lines = line('The king was old and had a daughter.', 'tales') + line('fn main() { let a = 1; let b = 2; }', 'code');
  const { gzipSync } = await import('node:zlib');
  const { files, ...scanned } = await scan([['two.jsonl.gz', [...gzipSync(lines)]], ['story.txt', STORY]], { sets: ['openai.layer_1'], textField: 'body', context: 32, name: 'mine' });
  assert.equal(scanned.documents, 3);
  const { corpus, settings } = JSON.parse(files.get('atlas.json'));
  assert.deepEqual([corpus.name, corpus.sources, settings.context], ['mine', ['code', 'story', 'tales'], 32]);
  const limited = await scan([['story.txt', STORY.repeat(20)]], { sets: ['openai.layer_1'], limitTokens: 100 });
  assert.ok(limited.tokens >= 100 && limited.tokens < 164, `${limited.tokens}`);
});

test('what cannot be scanned is refused with the file and what to do', async () => {
  for (const [texts, options, code, pattern] of [
    [[['a.parquet', 'x']], {}, 'bad-corpus', /a\.parquet cannot be read in a browser.*command line/],
    [[['a.pdf', 'x']], {}, 'bad-corpus', /a\.pdf is not known by its name/],
    [[['a.txt', '']], {}, 'bad-corpus', /a\.txt holds no document/],
    [[['a.txt', [65, 0xff, 66]]], {}, 'bad-corpus', /a\.txt, line 1: byte 1 is not UTF-8/],
    [[['a.jsonl', '{"text": 1}\n']], {}, 'bad-corpus', /a\.jsonl, line 1.*not a text/],
    [[['a.txt.gz', [31, 139, 8, 0, 0, 0, 0, 0, 0, 3, 1]]], {}, 'bad-corpus', /a\.txt\.gz ends in the middle/],
    [[['a.txt', STORY]], { sets: ['nothing'] }, 'unknown-sae', /nothing is not loaded/],
    [[['a.txt', STORY]], { context: 4096 }, 'bad-option', /context of 4096 tokens: it must be from 9 to/],
    [[['a.txt', STORY]], { context: 'long' }, 'bad-option', /context is "long"/],
    [[], {}, 'bad-option', /at least one file/],
  ]) {
    const found = await refused(texts, { sets: ['openai.layer_1'], ...options });
    assert.equal(found.code, code, JSON.stringify(found));
    assert.match(found.message, pattern);
  }
  // What answers the page was not touched by any of them.
  assert.equal(await bare.evaluate(async () => (await engine.trace('a king')).saes.length), 3);
});

test('a scan that is stopped keeps what was read', async () => {
  const text = `${STORY}\n<|endoftext|>\n`.repeat(2000);
  const { files, ...scanned } = await scan([['long.txt', text]], { sets: ['openai.layer_1'], stopAt: 500 });
  assert.equal(scanned.stopped, true);
  assert.ok(scanned.tokens >= 500 && scanned.tokens < 40_000, `${scanned.tokens}`);
  assert.equal(JSON.parse(files.get('atlas.json')).corpus.tokens, scanned.tokens);
  // Before anything was read there is nothing to keep.
  const code = await bare.evaluate(async (text) => (await fault(engine.scan([new File([text], 'a.txt')], { signal: AbortSignal.abort() }))).code, STORY);
  assert.equal(code, 'cancelled');
});

/** A text of one megabyte: the project's own documents, line by line in another order each time. */
async function megabyte() {
  const names = ['README.md', 'ARCHITECTURE.md', 'CHANGELOG.md', 'docs/files.md', 'docs/metrics.md', 'docs/atlas.md'];
  const all = await Promise.all(names.map((name) => readFile(new URL(`../../../${name}`, import.meta.url), 'utf8')));
  const lines = all.join('\n').split('\n').filter((line) => line.trim() !== '');
  const parts = [`${STORY}\n<|endoftext|>\n`];
  let [length, state] = [parts[0].length, 7];
  while (length < 1 << 20) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const line = `${lines[state % lines.length]}\n${state % 16 === 0 ? '<|endoftext|>\n' : ''}`;
    parts.push(line);
    length += line.length;
  }
  return parts.join('');
}

test('on the page: a megabyte is scanned beside everything else, browsed, kept, exported and deleted', async () => {
  const page = await openApp(browser, server, { path: '?backend=cpu#/features', context: STILL });
  await part(page, 'scan-open').click();
  await part(page, 'scan-missing').getByText('Choose a text first.').waitFor();
  await page.setInputFiles('[data-testid="scan-files"]', { name: 'documents.txt', mimeType: 'text/plain', buffer: Buffer.from(await megabyte()) });
  await part(page, 'scan-texts').getByText(/documents\.txt \(1[\d.]*.MB\)/).waitFor();
  await page.waitForFunction(() => document.querySelectorAll('[data-set]').length === 3);
  for (const set of ['openai.layer_3', 'openai.layer_5']) await page.locator(`[data-set="${set}"]`).uncheck();
  assert.deepEqual(await serious(page), []);
  await picture(page, 'scan-form');
  await part(page, 'scan-start').click();
  await part(page, 'scan-progress', '[data-stage="scan"]').getByText(/tokens per second, .* left/).waitFor();
  await picture(page, 'scan-progress');
  // Meanwhile a prompt is traced, on another page of the application.
  await page.getByRole('link', { name: 'Prompt', exact: true }).click();
  await trace(page, 'The king said');
  await page.getByRole('link', { name: 'Features', exact: true }).click();
  await part(page, 'scan-progress').waitFor();
  await page.waitForFunction(() => location.hash.includes('atlas='), null, { timeout: 600_000 });
  await part(page, 'listed-count', '[data-count]').waitFor();
  const chosen = await part(page, 'atlas-choice').locator('option:checked').innerText();
  assert.match(chosen, /^documents\.txt \([\d,\u2009\u202f]+ tokens\)$/);
  assert.ok(Number(await part(page, 'listed-count').getAttribute('data-count')) > 3000);
  await picture(page, 'scan-result');

  // A feature's page, with contexts from the text; markup in it is text.
  const hash = await page.evaluate(() => location.hash);
  const id = new URLSearchParams(hash.split('?')[1]).get('atlas');
  await part(page, 'browse-row').first().getByRole('link').first().click();
  await page.locator('[data-testid="feature-page"][data-ready="true"]').waitFor();
  await part(page, 'context').first().waitFor();
  assert.equal(await page.evaluate(() => new URLSearchParams(location.hash.split('?')[1]).get('atlas')), id);
  assert.equal(await page.locator('[data-testid="feature-page"] script').count(), 0);

  // It is there again after the page was loaded again, and comes as a zip file.
  await page.goto('about:blank');
  await page.goto(server.url(`?backend=cpu#/features?atlas=${id}`));
  await part(page, 'listed-count', '[data-count]').waitFor();
  await ready(page);
  const [download] = await Promise.all([page.waitForEvent('download'), part(page, 'atlas-export').click()]);
  assert.equal(download.suggestedFilename(), `atlas-${id}.zip`);
  const zip = await readFile(await download.path());
  assert.equal(zip.subarray(0, 4).toString('latin1'), 'PK\x03\x04');
  for (const name of ['atlas.json', 'vocabulary.bin', 'openai.layer_1/features-0063.bin']) assert.ok(zip.includes(name), name);

  // In another browser the file is opened; a damaged one says what is wrong.
  const other = await openApp(browser, server, { path: '?backend=cpu#/features' });
  await part(other, 'atlas-import').setInputFiles({ name: 'no.zip', mimeType: 'application/zip', buffer: Buffer.from('PK none') });
  await part(other, 'scan-failed').getByText(/The archive cannot be read/).waitFor();
  const broken = Buffer.from(zip);
  const at = zip.indexOf('vocabulary.bin') + 60;
  broken.fill(0, at, at + 40);
  await part(other, 'atlas-import').setInputFiles({ name: 'broken.zip', mimeType: 'application/zip', buffer: broken });
  await part(other, 'scan-failed').getByText(/cannot be read|vocabulary\.bin/).waitFor();
  await part(other, 'atlas-import').setInputFiles({ name: 'atlas.zip', mimeType: 'application/zip', buffer: zip });
  await other.waitForFunction((one) => location.hash.includes(`atlas=${one}`), id);
  await part(other, 'listed-count', '[data-count]').waitFor();
  assert.equal(await part(other, 'atlas-choice').locator('option:checked').innerText(), chosen);
  assert.equal(await part(other, 'scan-failed').count(), 0);
  // The same files from a folder, compressed by another program; what leads out of the archive is left out.
  const files = await other.evaluate(async (list) => (await window.saeExplorer.unarchive(Uint8Array.from(atob(list), (one) => one.charCodeAt(0)))).map(({ path, bytes }) => ({ path, text: btoa(bytes.reduce((all, byte) => all + String.fromCharCode(byte), '')) })), zip.toString('base64'));
  const folder = deflated([{ path: '../outside.txt', bytes: Buffer.from('x') }, ...files.map(({ path, text }) => ({ path: `my atlas/${path}`, bytes: Buffer.from(text, 'base64') }))]);
  const names = await other.evaluate(async (list) => (await window.saeExplorer.unarchive(Uint8Array.from(atob(list), (one) => one.charCodeAt(0)))).map(({ path }) => path), folder.toString('base64'));
  assert.deepEqual(names, files.map(({ path }) => `my atlas/${path}`));
  await part(other, 'atlas-delete').click();
  await part(other, 'atlas-delete-yes').click();
  await other.waitForFunction(() => !location.hash.includes('atlas='));
  await part(other, 'atlas-import').setInputFiles({ name: 'folder.zip', mimeType: 'application/zip', buffer: folder });
  await other.waitForFunction((one) => location.hash.includes(`atlas=${one}`), id);
  await part(other, 'listed-count', '[data-count]').waitFor();
  assert.deepEqual(other.seen.errors, []);
  await other.context().close();

  await part(page, 'atlas-delete').click();
  await part(page, 'atlas-delete-yes').click();
  await page.waitForFunction(() => !location.hash.includes('atlas='));
  assert.equal(await part(page, 'atlas-choice').count(), 0);
  // An address of what is no longer here says so, and leads back.
  await page.goto('about:blank');
  await page.goto(server.url(`?backend=cpu#/features?atlas=${id}`));
  await part(page, 'part-failed').getByText(/is in the browser that made it/).waitFor();
  await part(page, 'atlas-choice').selectOption('');
  await part(page, 'listed-count', '[data-count]').waitFor();
  assert.deepEqual(page.seen.errors, []);
  await page.context().close();
});
