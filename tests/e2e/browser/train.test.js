// Trainings of an autoencoder on a text of one's own: through the package, and on the page.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';

import { STILL, during, latents, openApp, part, picture, ready, serious, trace } from '../support/app.js';
import { launch, openBare } from '../support/chromium.js';
import { openDemo } from '../support/parity.js';
import { serve } from '../support/server.js';

const HOOK = 'blocks.2.hook_resid_post';
/** A training of a second or so on a text of some thousand tokens, which it reads several times. */
const SMALL = { hook: HOOK, latents: 64, k: 4, batch: 64, tokens: 64 * 120, seed: 3 };

let server;
let browser;
let bare;
let text;
before(async () => {
  server = await serve();
  browser = await launch({ webgpu: false });
  bare = await openBare(browser, server);
  await openDemo(bare, { backend: 'cpu' });
  text = (await readFile(new URL('../../../docs/metrics.md', import.meta.url), 'utf8')).slice(0, 12_000);
});
after(async () => {
  await browser?.close();
  await server?.close();
});

/**
 * A training through the package, to its end: its result, the hashes of its files and its reports. With `stopAt` it is stopped at that step.
 * @param {object} options
 * @param {{stopAt?: number, resume?: string}} how
 */
const train = (options, { stopAt, resume } = {}) =>
  bare.evaluate(
    async ([text, options, stopAt, resume]) => {
      const reports = [];
      let training = null;
      const onProgress = (progress) => {
        reports.push(progress);
        if (progress.record?.step >= stopAt) training.stop();
      };
      training = engine.train(resume === undefined ? [new File([text], 'text.txt')] : [], { ...options, resume, onProgress });
      const { files, ...trained } = await training.done;
      const hash = async (bytes) => [...new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
      const hashes = {};
      for (const { path, bytes } of files) hashes[path] = await hash(bytes);
      return { ...trained, hashes, reports };
    },
    [text, options, stopAt, resume],
  );

const steps = ({ reports }) => reports.filter(({ stage }) => stage === 'step').map(({ record }) => record);

test('a training says what it takes, reports its steps, and ends with an autoencoder', async () => {
  const { reports, hashes, complete, stored, info, ...rest } = await train(SMALL);
  assert.deepEqual(rest, {});
  assert.deepEqual([complete, stored, info.step, info.steps, info.tokens, info.hook, info.latents], [true, true, 120, 120, 7680, HOOK, 64]);
  assert.deepEqual(Object.keys(hashes), ['cfg.json', 'sae_weights.safetensors', 'train.json', 'log.jsonl']);
  const stages = reports.map(({ stage }) => stage).filter((stage, at, all) => stage !== all[at - 1]);
  assert.deepEqual(stages.slice(0, 5), ['load', 'read', 'look', 'estimate', 'step']);
  const estimate = reports.find(({ stage }) => stage === 'estimate');
  assert.ok(estimate.corpusTokens > 1000 && estimate.steps === 120 && estimate.width === 256, JSON.stringify(estimate));
  for (const name of ['seconds', 'tokensPerSecond', 'memoryBytes', 'modelBytes', 'meanOverSpread', 'normalisedMeanOverSpread']) assert.ok(estimate[name] > 0, name);
  const records = steps({ reports });
  assert.equal(records.at(-1).step, 120);
  const { fvu, l0, dead, auxLoss, lr, tokensPerSecond } = records.at(-1);
  assert.ok(fvu > 0 && fvu < 0.7 * records[0].fvu, `FVU from ${records[0].fvu} to ${fvu}`);
  assert.deepEqual([l0, dead, auxLoss], [4, 0, null]);
  assert.ok(lr > 0 && lr < records[60].lr && tokensPerSecond > 0);
  assert.ok((await bare.evaluate(() => engine.trainings())).some(({ id }) => id === info.id));
});

test('one that was stopped and resumed has the bytes of one that was not, with dead latents and BatchTopK as well', async () => {
  for (const more of [{}, { activation: 'jump_relu' }, { activation: 'batch_topk', latents: 512, k: 2, matryoshka: [16], settings: { dead_tokens: 320, ema: 0.9 } }]) {
    const whole = await train({ ...SMALL, ...more });
    const stopped = await train({ ...SMALL, ...more }, { stopAt: 37 });
    assert.ok(!stopped.complete && stopped.stored && stopped.info.step >= 37 && stopped.info.step < 120, JSON.stringify(stopped.info));
    const resumed = await train({}, { resume: stopped.info.id });
    assert.ok(resumed.complete);
    assert.notEqual(stopped.hashes['sae_weights.safetensors'], whole.hashes['sae_weights.safetensors']);
    for (const file of ['cfg.json', 'sae_weights.safetensors', 'train.json']) assert.equal(resumed.hashes[file], whole.hashes[file], file);
    const [{ records, step }] = resumed.reports.filter(({ stage }) => stage === 'resumed');
    assert.deepEqual([step, records.at(-1).step], [stopped.info.step, stopped.info.step]);
    // Those before the checkpoint come out of the log, whose reader may be off by the last bit.
    const numbers = ({ step, tokens, lr, fvu, loss, auxLoss, l0, dead }) => [step, tokens, ...[lr, fvu, loss, auxLoss ?? -1, l0, dead].map((value) => value.toPrecision(12))];
    assert.deepEqual([...records, ...steps(resumed)].map(numbers), steps(whole).map(numbers));
    if (more.settings) assert.ok(steps(whole).some(({ dead, auxLoss }) => dead > 0 && auxLoss > 0), 'dead latents, and a loss of theirs');
    await bare.evaluate(async (ids) => {
      for (const id of ids) await engine.removeTraining(id);
    }, [whole.info.id, stopped.info.id]);
  }
});

test('what cannot be trained is refused with what is wrong', async () => {
  const refused = ([name, content], options) => bare.evaluate(([name, content, options]) => fault(Promise.resolve().then(() => engine.train([new File([content], name)], options).done)), [name, content, { ...SMALL, ...options }]);
  for (const [file, options, code, pattern] of [
    [['a.txt', 'A king.'], {}, 'bad-corpus', /0 activations to train on, fewer than one batch of 64/],
    [['a.txt', ''], {}, 'bad-corpus', /a\.txt holds no document/],
    [['a.pdf', 'x'], {}, 'bad-corpus', /a\.pdf is not known by its name/],
    [['a.txt', text], { k: 65 }, 'bad-option', /k = 65.*at most the number of latents, 64/],
    [['a.txt', text], { matryoshka: [64] }, 'bad-option', /matryoshka = 64/],
    [['a.txt', text], { settings: { dead_token: 1 } }, 'bad-option', /dead_token.*unknown field/],
    [['a.txt', text], { hook: 'blocks.9.hook_resid_post' }, 'hook-mismatch', /blocks\.9\.hook_resid_post/],
    [['a.txt', text], { context: 4 }, 'bad-option', /context of 4 tokens/],
    [['a.txt', text], { lr: 'fast' }, 'bad-option', /lr is "fast"/],
    [['a.txt', text], { lr: 1e30, settings: { input_normalization: 'none' } }, 'not-a-number', /diverged.*learning rate/],
    [['a.txt', text], { resume: 'nothing' }, 'missing-file', /not in this browser/],
  ]) {
    const found = await refused(file, options);
    assert.equal(found.code, code, JSON.stringify(found));
    assert.match(found.message, pattern);
  }
  // What answers the page was not touched by any of them.
  assert.equal(await bare.evaluate(async () => (await engine.trace('a king')).saes.length), 3);
});

test('activations that are constant are refused, and nothing is kept', async () => {
  // The output of block 0's MLP is its bias, for every token.
  const constant = await bare.evaluate(
    async ([text, options]) => {
      const at = (path) => new URL(`demo/model/${path}`, document.baseURI);
      const [config, tokenizer, weights] = await Promise.all(['config.json', 'tokenizer.json', 'model.safetensors'].map(async (path) => (await fetch(at(path))).arrayBuffer()));
      const start = 8 + Number(new DataView(weights).getBigUint64(0, true));
      const header = JSON.parse(new TextDecoder().decode(new Uint8Array(weights, 8, start - 8)));
      const [, { data_offsets: [from, to] }] = Object.entries(header).find(([name]) => name.endsWith('h.0.mlp.c_proj.weight'));
      new Uint8Array(weights, start + from, to - from).fill(0);
      const own = await SaeExplorer.create({ backend: 'cpu' });
      await own.loadModel({ config, tokenizer, weights });
      const found = await fault(own.train([new File([text], 'text.txt')], { ...options, hook: 'blocks.0.hook_mlp_out' }).done);
      const kept = (await own.trainings()).filter(({ hook }) => hook === 'blocks.0.hook_mlp_out');
      await own.dispose();
      return { ...found, kept: kept.length };
    },
    [text, SMALL],
  );
  assert.deepEqual([constant.code, constant.kept], ['bad-corpus', 0], JSON.stringify(constant));
  assert.match(constant.message, /all the same|constant|equal/i);
});

test('on the page: a full storage is said, and the result can be taken along, as a folder and in OpenAI\'s layout', async () => {
  const page = await openApp(browser, server, { path: '?backend=cpu#/lab/train', context: STILL });
  const session = await page.context().newCDPSession(page);
  await session.send('Storage.overrideQuotaForOrigin', { origin: new URL(page.url()).origin, quotaSize: 1000 });
  await part(page, 'train-source').selectOption('files');
  await part(page, 'train-files').setInputFiles({ name: 'text.txt', mimeType: 'text/plain', buffer: Buffer.from(text) });
  for (const [name, typed] of [['latents', '64'], ['k', '4'], ['batch', '64'], ['tokens', '2560'], ['seed', '3']]) await part(page, `train-${name}`).fill(typed);
  await part(page, 'train-look').click();
  await part(page, 'train-start').click();
  await part(page, 'trained', '[data-complete="true"]').getByText(/It is not kept in this browser: download it/).waitFor();
  await part(page, 'trained').getByText(/FVU/).first().waitFor();
  const [download] = await Promise.all([page.waitForEvent('download'), part(page, 'trained-download-pt').click()]);
  assert.equal(download.suggestedFilename(), `${HOOK}_n64_k4_step40.pt`);
  await part(page, 'note').getByText(new RegExp(`name ${HOOK} where it is opened`)).waitFor();
  const pt = await readFile(await download.path());
  await session.send('Storage.overrideQuotaForOrigin', { origin: new URL(page.url()).origin });
  // Both forms of it are the same autoencoder.
  const { metrics, same } = await bare.evaluate(
    async ([pt, text, options]) => {
      const { files, info } = await engine.train([new File([text], 'text.txt')], options).done;
      const bytes = await engine.trainingAsPt(files);
      const folder = files.slice(0, 2).map(({ path, bytes }) => new File([bytes], path));
      await engine.loadSae(folder, { id: 'folder' });
      await engine.loadSae(new File([new Uint8Array(pt)], 'own.pt'), { id: 'pt', hook: options.hook, prependBos: (await engine.info()).saes.find(({ id }) => id === 'folder').prependBos });
      const { saes } = await engine.trace('Once upon a time there was a king', { saes: ['folder', 'pt'] });
      for (const id of ['folder', 'pt']) await engine.unloadSae(id);
      await engine.removeTraining(info.id);
      return { metrics: saes.map(({ metrics }) => metrics), same: bytes.length === pt.length && bytes.every((byte, at) => byte === pt[at]) };
    },
    [[...pt], text, { ...SMALL, tokens: 2560 }],
  );
  assert.equal(same, true, 'the page gives the bytes that the package gives');
  assert.deepEqual(metrics[0], metrics[1]);
  assert.ok(metrics[0].fvu > 0 && metrics[0].l0 > 0, JSON.stringify(metrics));
  const others = await bare.evaluate(
    async ([text, options]) => {
      const found = {};
      for (const activation of ['batch_topk', 'relu']) {
        const { files, info } = await engine.train([new File([text], 'text.txt')], { ...options, activation, tokens: 640 }).done;
        found[activation] = await fault(engine.trainingAsPt(files));
        await engine.removeTraining(info.id);
      }
      return found;
    },
    [text, SMALL],
  );
  for (const { code } of Object.values(others)) assert.equal(code, 'unsupported-architecture', JSON.stringify(others));
  await page.context().close();
});

test('on the page: without a file of one\'s own, on the sample of the demo\'s corpus', async () => {
  const page = await openApp(browser, server, { path: '?backend=cpu#/lab/train', context: STILL });
  assert.equal(await part(page, 'train-source').inputValue(), 'sample');
  const link = part(page, 'train-sample').getByRole('link', { name: /Sources and licences/ });
  assert.equal((await page.request.get(await link.evaluate(({ href }) => href))).status(), 200);
  // Of the server: a page and its service worker both see a request.
  const sample = () => server.requests.filter((one) => one.includes('corpus-sample'));
  assert.deepEqual(sample(), [], 'nobody fetches it who does not train');
  assert.ok(!(await (await page.request.get(server.url('sw.js'))).text()).includes('corpus-sample'), 'and it is not stored beforehand');
  for (const [name, typed] of [['latents', '64'], ['k', '4'], ['batch', '64'], ['tokens', '1280']]) await part(page, `train-${name}`).fill(typed);
  await part(page, 'train-look').click();
  await part(page, 'training', '[data-stage="confirm"]').waitFor();
  assert.deepEqual(sample(), ['GET demo/corpus-sample.jsonl.gzip']);
  const tokens = Number(/Text\s+([\d,]+) tokens/.exec(await part(page, 'train-estimate').innerText())[1].replaceAll(',', ''));
  assert.ok(tokens > 300_000 && tokens < 500_000, `${tokens}`);
  await part(page, 'train-start').click();
  await part(page, 'trained', '[data-complete="true"]').waitFor();
  assert.equal((await page.evaluate(() => window.saeExplorer.trainings()))[0].name, 'demo-corpus-sample.jsonl.gz');
  await page.context().close();
});

test('on the page: trained with curves, paused, gone on with after a reload, opened and downloaded', async () => {
  const page = await openApp(browser, server, { path: '?backend=cpu#/lab/train', context: STILL });
  assert.equal(await page.title(), 'Train · sae-explorer');
  await part(page, 'train-source').selectOption('files');
  await part(page, 'train-missing').getByText('Choose a text first.').waitFor();
  await part(page, 'train-files').setInputFiles({ name: 'text.txt', mimeType: 'text/plain', buffer: Buffer.from(text) });
  for (const [name, typed] of [['latents', '64'], ['k', '100'], ['batch', '64'], ['tokens', '9,600'], ['seed', '3']]) await part(page, `train-${name}`).fill(typed);
  await part(page, 'train-missing').getByText(/k is at most the number of latents/).waitFor();
  assert.equal(await part(page, 'train-look').isDisabled(), true);
  await part(page, 'train-k').fill('4');
  assert.equal(await part(page, 'train-hook').inputValue(), HOOK);
  await part(page, 'train-missing').getByText(/at most 1\.0 MB/).waitFor();
  assert.deepEqual(await serious(page), []);
  await picture(page, 'train-form');

  await part(page, 'train-look').click();
  await part(page, 'training', '[data-stage="confirm"]').waitFor();
  for (const words of [/150 steps/, /tokens per second/, /about .*MB/, /as the encoder reads them/]) await part(page, 'train-estimate').getByText(words).waitFor();
  assert.equal(await page.evaluate(async () => (await window.saeExplorer.trainings()).length), 0, 'nothing is kept before the word');
  await picture(page, 'train-estimate');
  await part(page, 'train-start').click();
  await during(page, '[data-testid="curves"]:not([data-points="1"], [data-points="2"])', 1, 'train-pause');
  await part(page, 'training', '[data-stage="paused"]').waitFor();
  const step = Number(await part(page, 'training').getAttribute('data-step'));
  assert.ok(step >= 3 && step < 150, `${step}`);
  assert.equal(Number(await part(page, 'train-saved').getAttribute('data-step')), step, 'a checkpoint of the step at which it waits');
  for (const curve of ['fvu', 'l0', 'dead', 'rate', 'lr']) assert.ok(Number(await part(page, 'curve', `[data-curve="${curve}"]`).getAttribute('data-value')) >= 0, curve);
  // Meanwhile the page answers.
  await page.getByRole('link', { name: 'Prompt', exact: true }).click();
  await trace(page, 'The king said');
  await page.getByRole('link', { name: 'Lab', exact: true }).click();
  assert.equal(Number(await part(page, 'training').getAttribute('data-step')), step);
  assert.deepEqual(await serious(page), []);
  await picture(page, 'train-paused');
  await part(page, 'train-resume').click();
  await page.waitForFunction((step) => Number(document.querySelector('[data-testid="training"]').dataset.step) > step, step);

  // The page is closed in the middle. From the last checkpoint it goes on to the same bytes.
  await page.goto('about:blank');
  await page.goto(server.url('?backend=cpu#/lab/train'));
  await ready(page);
  const kept = part(page, 'stored-training');
  await kept.waitFor();
  assert.equal(Number(await kept.getAttribute('data-step')), step);
  await part(page, 'training-resume').click();
  await part(page, 'trained', '[data-complete="true"]').waitFor();
  await picture(page, 'train-result');
  const hash = await page.evaluate(async () => {
    const [{ id }] = await window.saeExplorer.trainings();
    const files = await window.saeExplorer.trainedFiles(id);
    const { bytes } = files.find(({ path }) => path === 'sae_weights.safetensors');
    return [...new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  });
  assert.equal(hash, (await train({ ...SMALL, tokens: 9600 })).hashes['sae_weights.safetensors']);

  const [download] = await Promise.all([page.waitForEvent('download'), part(page, 'trained-download').first().click()]);
  assert.equal(download.suggestedFilename(), `${HOOK}_n64_k4_step150.zip`);
  const zip = await readFile(await download.path());
  for (const name of ['cfg.json', 'sae_weights.safetensors', 'train.json', 'log.jsonl']) assert.ok(zip.includes(`${HOOK}_n64_k4_step150/${name}`), name);

  // Opened, it is in view, and its features are listed.
  await part(page, 'trained-open').first().click();
  await page.waitForFunction(() => location.hash.includes('sae=file') && document.querySelectorAll('[data-testid="feature-row"]').length > 0);
  await ready(page);
  await trace(page, 'Once upon a time');
  const found = await latents(page);
  assert.ok(found.length > 0 && found.length <= 4 && found.every((latent) => latent < 64), `${found}`);
  await picture(page, 'train-opened');

  // Narrow and dark.
  await page.getByRole('link', { name: 'Lab', exact: true }).click();
  await page.setViewportSize({ width: 390, height: 844 });
  await page.emulateMedia({ colorScheme: 'dark' });
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth), true, 'nothing is wider than the window');
  assert.deepEqual(await serious(page), []);
  await picture(page, 'train-narrow-dark');
  await part(page, 'training-delete').first().click();
  await part(page, 'training-delete-yes').click();
  await part(page, 'stored-training').waitFor({ state: 'detached' });
  await page.context().close();
});
