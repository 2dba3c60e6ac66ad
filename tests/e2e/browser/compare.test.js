// Evaluations of SAEs in the page: the program's numbers, what is refused, stopping, and the page of comparisons.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';

import { STILL, during, openApp, part, picture, serious } from '../support/app.js';
import { launch, openBare } from '../support/chromium.js';
import { openDemo } from '../support/parity.js';
import { root, serve } from '../support/server.js';

const PROGRAM = process.env.SAE_EXPLORER_PROGRAM ?? join(process.env.CARGO_TARGET_DIR ?? join(root, 'target'), 'debug/sae-explorer');
const HOOK = 'blocks.3.hook_resid_post';
const SMALL = { hook: 'blocks.2.hook_resid_post', latents: 64, k: 4, batch: 64, tokens: 64 * 40, seed: 3 };

let server;
let browser;
let bare;
let text;
before(async () => {
  server = await serve();
  browser = await launch({ webgpu: false });
  bare = await openBare(browser, server);
  await openDemo(bare, { backend: 'cpu' });
  text = (await readFile(join(root, 'docs/metrics.md'), 'utf8')).slice(0, 12_000);
});
after(async () => {
  await browser?.close();
  await server?.close();
});

/** What differs between two results by more than a tolerance, as a list of paths with both values. */
function differences(found, expected, tolerance, at = '') {
  if (typeof expected === 'number' && typeof found === 'number') {
    return Math.abs(found - expected) <= tolerance * Math.max(Math.abs(expected), 0.02) ? [] : [`${at}: ${found}, ${expected}`];
  }
  if (expected === null || typeof expected !== 'object') return Object.is(found, expected) ? [] : [`${at}: ${found}, ${expected}`];
  const names = [...new Set([...Object.keys(expected), ...Object.keys(found ?? {})])];
  return names.flatMap((name) => differences(found?.[name], expected[name], tolerance, `${at}.${name}`));
}

test('every number is that of the program, with everything that it measures', async () => {
  const fixture = JSON.parse(await readFile(join(root, 'tests/fixtures/demo-evaluation.json'), 'utf8'));
  const corpus = fixture.records.map((record) => JSON.stringify(record)).join('\n');
  const { context, ablations, seed } = fixture;
  const evaluated = await bare.evaluate(
    async ([corpus, options, hook]) => {
      for (const { id } of engine.loaded.saes) await engine.unloadSae(id);
      const at = (path) => new URL(`fixtures/${path}`, document.baseURI).href;
      await engine.loadSae(at('openai/layer_3.pt'), { hook });
      await engine.loadSae(at('saelens/blocks.3.hook_resid_post_relu/'));
      const progress = [];
      const found = await engine.evaluate([new File([corpus], 'corpus.jsonl')], { ...options, onProgress: (one) => progress.push(one) });
      return { ...found, progress };
    },
    [corpus, { context, ablations, seed, bos: 'yes', recovery: true, probes: true, ablation: true }, HOOK],
  );
  const folder = await mkdtemp(join(tmpdir(), 'compare-'));
  const [file, out] = ['corpus.jsonl', 'result.json'].map((name) => join(folder, name));
  await writeFile(file, corpus);
  const saes = [`${join(root, 'tests/fixtures/openai/layer_3.pt')}@${HOOK}`, join(root, 'tests/fixtures/saelens/blocks.3.hook_resid_post_relu')];
  const options = ['--context', context, '--ablations', ablations, '--seed', seed, '--bos', 'yes', '--all', '--backend', 'cpu', '--out', out].map(String);
  await promisify(execFile)(PROGRAM, ['evaluate', ...saes.flatMap((sae) => ['--sae', sae]), '--corpus', file, ...options]);
  const expected = JSON.parse(await readFile(out, 'utf8'));
  await rm(folder, { recursive: true });

  // The file that is downloaded has the program's fields, names that it had before among them.
  const found = JSON.parse(evaluated.json);
  const where = ({ backend, adapter, ...rest }) => rest;
  const plain = (result) => ({ ...where(result), saes: result.saes.map(({ weightFormat, ...sae }) => sae) });
  assert.deepEqual(differences(plain(found), plain(expected), 2e-3), []);
  assert.ok(found.saes[0].probes.tasks.length > 3 && found.saes[0].ablation.mean > 0 && found.saes[0].recovery.jumpRelu.fvu > 0);
  assert.deepEqual(Object.keys(found), Object.keys(expected));
  assert.deepEqual([evaluated.failures, evaluated.evaluations.stopped], [[], false]);
  assert.deepEqual(evaluated.tables.map(({ title }) => title), ['Reconstruction', 'Density', 'Other latents than in training', 'Refinement', 'Probe loss', 'Sparse probing', 'Ablation sparsity']);
  assert.ok(evaluated.tables.every(({ rows, notes }) => rows.every((row) => row.length === rows[0].length) && notes.length > 0));

  // Results came part by part.
  const parts = evaluated.progress.filter(({ stage }) => stage === 'found').map(({ evaluated }) => evaluated.evaluations.saes.at(-1));
  assert.deepEqual(parts.slice(0, 4).map(({ ablation, probes, recovery }) => [ablation, probes, recovery].map((part) => part !== null)), [
    [false, false, false], [true, false, false], [true, true, false], [true, true, true],
  ]);
  const stages = new Set(evaluated.progress.map(({ stage }) => stage));
  assert.deepEqual([...stages].sort(), ['found', 'load', 'part', 'read']);
});

test('trainings and loaded SAEs are evaluated together, one that fails costs itself only, and stopping keeps what there is', async () => {
  const found = await bare.evaluate(
    async ([text, options]) => {
      const file = () => new File([text], 'text.txt');
      const { info } = await engine.train([file()], options).done;
      const ids = engine.loaded.saes.map(({ id }) => id);
      const result = {};
      const both = await engine.evaluate([file()], { saes: [ids[0], { training: info.id, id: 'own' }], tokens: 400 });
      result.both = both.evaluations.saes.map(({ id, hook, nLatents, fvu }) => ({ id, hook, nLatents, fvu }));
      const stop = new AbortController();
      const stopped = await engine.evaluate([file()], { saes: ids, tokens: 2000, recovery: true, signal: stop.signal, onProgress: ({ stage }) => stage === 'found' && stop.abort() });
      result.stopped = { stopped: stopped.evaluations.stopped, saes: stopped.evaluations.saes.map(({ id, recovery, tokens }) => ({ id, recovery, tokens })) };
      const before = new AbortController();
      before.abort();
      result.before = await fault(engine.evaluate([file()], { signal: before.signal }));
      result.log = await engine.trainingLog(info.id);
      await engine.removeTraining(info.id);
      result.gone = await fault(engine.evaluate([file()], { saes: [{ training: info.id }] }));
      return { ...result, ids };
    },
    [text, SMALL],
  );
  assert.deepEqual(found.both.map(({ id, hook, nLatents }) => [id, hook, nLatents]), [[found.ids[0], HOOK, 4096], ['own', SMALL.hook, 64]]);
  assert.ok(found.both.every(({ fvu }) => fvu > 0 && fvu < 1), JSON.stringify(found.both));
  assert.equal(found.stopped.stopped, true);
  assert.deepEqual(found.stopped.saes.map(({ id, recovery }) => [id, recovery]), [[found.ids[0], null]]);
  assert.ok(found.stopped.saes[0].tokens > 1900);
  assert.equal(found.before.code, 'cancelled');
  assert.equal(found.gone.code, 'missing-file');
  assert.deepEqual([found.log.at(-1).step, found.log.at(-1).l0], [40, 4]);
});

test('what cannot be evaluated is refused with what is wrong', async () => {
  const refused = ([name, content], options) => bare.evaluate(([name, content, options]) => fault(engine.evaluate([new File([content], name)], options)), [name, content, options]);
  for (const [file, options, code, pattern] of [
    [['a.txt', 'A king.'], {}, 'bad-corpus', /a\.txt: there is no document of 8 tokens/],
    [['a.txt', ''], {}, 'bad-corpus', /a\.txt holds no document/],
    [['a.pdf', 'x'], {}, 'bad-corpus', /a\.pdf is not known by its name/],
    [['a.txt', text], { tokens: 0 }, 'bad-option', /tokens.*from 1 on/],
    [['a.txt', text], { context: 4 }, 'bad-option', /context of 4 tokens/],
    [['a.txt', text], { saes: ['nothing'] }, 'unknown-sae', /nothing is not loaded/],
    [['a.txt', text], { saes: [] }, 'bad-option', /at least one SAE/],
    [['a.txt', text], { probes: 'yes' }, 'bad-option', /probes is "yes"/],
  ]) {
    const found = await refused(file, options);
    assert.equal(found.code, code, JSON.stringify(found));
    assert.match(found.message, pattern);
  }
});

test('on the page: SAEs and a training side by side on the prompt, the sample and a file, and curves of two trainings', async () => {
  const page = await openApp(browser, server, { path: '?backend=cpu#/lab/compare', context: STILL });
  assert.equal(await page.title(), 'Compare · sae-explorer');
  // Nothing was asked of the text that lies beside the page, nor of the module, before somebody wants it.
  assert.ok(!page.seen.requests.some((url) => /corpus-sample|train-engine/.test(url)));
  await page.evaluate(
    async ([text, options]) => {
      for (const [seed, tokens] of [[3, 64 * 40], [4, 64 * 60]]) await window.saeExplorer.train([new File([text], `seed-${seed}.txt`)], { ...options, seed, tokens }).done;
    },
    [text, SMALL],
  );
  await page.getByRole('link', { name: 'Train', exact: true }).click();
  await page.getByRole('link', { name: 'Compare', exact: true }).click();
  await part(page, 'compare-training').nth(1).waitFor();
  assert.equal(await part(page, 'compare-sae').count(), 3);
  assert.equal(await part(page, 'compare-source').inputValue(), 'sample');
  assert.deepEqual(await serious(page), []);
  await picture(page, 'compare-form');

  await part(page, 'compare-source').selectOption('files');
  await part(page, 'compare-missing').getByText('Choose a text first.').waitFor();
  await part(page, 'compare-files').setInputFiles({ name: 'text.txt', mimeType: 'text/plain', buffer: Buffer.from(text) });
  await part(page, 'compare-tokens').fill('none');
  await part(page, 'compare-missing').getByText(/Tokens: a whole number/).waitFor();
  await part(page, 'compare-tokens').fill('600');
  for (const sae of [0, 1]) await part(page, 'compare-sae').nth(sae).uncheck();
  await part(page, 'compare-training').first().check();
  await part(page, 'compare-extra', '[data-id="ablation"]').check();
  await part(page, 'compare-start').click();
  await part(page, 'compared', '[data-running="false"]').waitFor();
  const table = (title) => part(page, 'compare-table', `[data-title="${title}"]`);
  const names = await table('Reconstruction').locator('tbody th').allInnerTexts();
  assert.deepEqual(names, ['openai.layer_5', 'seed-4.txt, n = 64, k = 4']);
  assert.equal(await part(page, 'density').count(), 2);
  const cells = await table('Reconstruction').locator('tbody tr').first().locator('td').allInnerTexts();
  assert.ok(cells.slice(2).every((cell) => /^[+-]?\d/.test(cell)), cells.join());
  assert.match(await table('Ablation sparsity').innerText(), /each token's median taken off/);
  assert.deepEqual(await serious(page), []);
  await picture(page, 'compare-result', part(page, 'compared'));

  // The numbers can be taken along: the file has those of the tables.
  const [download] = await Promise.all([page.waitForEvent('download'), part(page, 'compare-download').click()]);
  assert.equal(download.suggestedFilename(), 'evaluation.json');
  const json = JSON.parse(await readFile(await download.path(), 'utf8'));
  assert.deepEqual(json.saes.map(({ id }) => id), names);
  assert.equal(json.saes[0].fvu.toFixed(4), cells[3]);
  assert.equal(json.saes[0].n_latents, json.saes[0].nLatents);

  // The prompt, stopped in the middle, and the sample that lies beside the page.
  await part(page, 'compare-source').selectOption('sample');
  await part(page, 'compare-tokens').fill('40,000');
  await part(page, 'compare-start').click();
  await during(page, '[data-testid="comparing"]', 1, 'compare-stop');
  await part(page, 'compare-start').waitFor();
  assert.ok(page.seen.requests.some((url) => url.endsWith('demo/corpus-sample.jsonl.gzip')));
  await part(page, 'compare-source').selectOption('prompt');
  await part(page, 'compare-start').click();
  await part(page, 'compared', '[data-running="false"]').getByText(/prompt\.txt/).waitFor();

  // Learning curves over one another.
  for (const run of [0, 1]) await part(page, 'run').nth(run).check();
  await page.waitForFunction(() => document.querySelectorAll('[data-testid="run-curve"][data-curve="fvu"] .run').length === 2);
  const rows = await part(page, 'run-legend').locator('tbody tr').allInnerTexts();
  assert.ok(rows.length === 2 && rows.some((row) => /seed-3.*2,560/s.test(row)) && rows.some((row) => /seed-4.*3,840/s.test(row)), rows.join('\n'));
  assert.deepEqual(await serious(page), []);
  await picture(page, 'compare-curves', part(page, 'runs'));
  await page.setViewportSize({ width: 390, height: 844 });
  await page.emulateMedia({ colorScheme: 'dark' });
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth), true, 'nothing is wider than the window');
  await picture(page, 'compare-narrow-dark', part(page, 'compared'));
  await page.context().close();
});
