// Trainings whose steps run on the GPU, here an adapter in software: the CPU's numbers, going on on either, and a device that is lost.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { STILL, part, picture, ready } from '../support/app.js';
import { launch, newPage, openBare } from '../support/chromium.js';
import { asset, dist, serve } from '../support/server.js';

const SMALL = { hook: 'blocks.1.hook_resid_post', latents: 64, k: 4, batch: 64, tokens: 64 * 24, seed: 3, context: 64 };

/** Before the worker's own code: devices of the worker end when it is told so. */
const LOSABLE = `
const request = GPUAdapter.prototype.requestDevice;
const devices = [];
GPUAdapter.prototype.requestDevice = async function (...given) {
  const device = await request.apply(this, given);
  devices.push(device);
  return device;
};
self.addEventListener('message', ({ data }) => {
  if (data?.loseDevices) for (const device of devices) device.destroy();
});
`;

/** In the page: workers that are started are kept where a test finds them. */
function keepWorkers() {
  window.workers = [];
  const Real = window.Worker;
  window.Worker = class extends Real {
    constructor(...given) {
      super(...given);
      window.workers.push(this);
    }
  };
}

let server;
let browser;
let bare;
let text;
before(async () => {
  server = await serve();
  browser = await launch();
  const worker = asset('train-worker.js');
  server.files.set(worker, Buffer.concat([Buffer.from(LOSABLE), await readFile(join(dist, worker))]));
  bare = await openBare(browser, server, {
    init: keepWorkers,
  });
  const { backend } = await bare.evaluate(async () => {
    window.engine = await SaeExplorer.create({ backend: 'gpu' });
    await engine.loadModel('demo');
    return engine.info();
  });
  assert.equal(backend, 'gpu');
  text = (await readFile(new URL('../../../docs/metrics.md', import.meta.url), 'utf8')).slice(0, 8_000);
});
after(async () => {
  await browser?.close();
  await server?.close();
});

const train = (options, how = {}) =>
  bare.evaluate(
    async ([text, options, { stopAt, loseAt, resume }]) => {
      const reports = [];
      let training = null;
      const onProgress = (progress) => {
        reports.push(progress);
        if (progress.record?.step >= stopAt) training.stop();
        if (progress.record?.step >= loseAt) window.workers.at(-1).postMessage({ loseDevices: true });
      };
      training = engine.train(resume === undefined ? [new File([text], 'text.txt')] : [], { ...options, resume, onProgress });
      const { id } = training;
      const ended = await training.done.then(({ info, complete }) => ({ info, complete }), ({ code, message }) => ({ code, message }));
      return { id, ...ended, reports };
    },
    [text, options, how],
  );
const records = ({ reports }) => reports.filter(({ stage }) => stage === 'step').map(({ record }) => record);

test('steps on the GPU have the numbers of those on the CPU, and what began there goes on on the CPU', async () => {
  const cpu = await train(SMALL);
  const gpu = await train({ ...SMALL, processor: 'gpu' });
  assert.ok(cpu.complete && gpu.complete, JSON.stringify([cpu.message, gpu.message]));
  const [estimate] = gpu.reports.filter(({ stage }) => stage === 'estimate');
  assert.match(estimate.processor, /^GPU \(/);
  const [on, of] = [records(gpu), records(cpu)];
  assert.equal(on.length, of.length);
  for (const [at, { step, fvu, l0, dead }] of on.entries()) {
    assert.deepEqual([step, l0, dead], [of[at].step, of[at].l0, of[at].dead]);
    assert.ok(Math.abs(fvu / of[at].fvu - 1) < 0.01, `step ${step}: FVU ${fvu}, and ${of[at].fvu} on the CPU`);
  }
  const stopped = await train({ ...SMALL, processor: 'gpu' }, { stopAt: 8 });
  assert.ok(!stopped.complete && stopped.info.step >= 8);
  const resumed = await train({}, { resume: stopped.id });
  assert.ok(resumed.complete, resumed.message);
  assert.match(resumed.reports.find(({ stage }) => stage === 'resumed').note, /another kind of processor \(GPU .*not the same to the bit/);
  assert.ok(Math.abs(records(resumed).at(-1).fvu / of.at(-1).fvu - 1) < 0.01);
});

test('a GPU that is lost leaves the last checkpoint, and the training goes on from there', async () => {
  const lost = await train({ ...SMALL, processor: 'gpu', tokens: 64 * 2000, checkpointSeconds: 0.001 }, { loseAt: 6 });
  assert.equal(lost.code, 'device-lost', JSON.stringify(lost.info));
  assert.match(lost.message, /the last checkpoint is as it was, and a resumed training goes on from there/);
  const [kept] = await bare.evaluate(async (id) => (await engine.trainings()).filter((one) => one.id === id), lost.id);
  assert.ok(kept.step >= 2 && kept.step < 2000, JSON.stringify(kept));
  const resumed = await train({ processor: 'gpu' }, { resume: lost.id, stopAt: kept.step + 3 });
  assert.equal(resumed.reports.find(({ stage }) => stage === 'resumed').step, kept.step);
  assert.ok(resumed.info.step >= kept.step + 3, resumed.message);
});

test('what a GPU does not train is refused, and so is a GPU that is not there', async () => {
  const batch = await train({ ...SMALL, processor: 'gpu', activation: 'batch_topk' });
  assert.equal(batch.code, 'bad-option');
  assert.match(batch.message, /a GPU trains topk/);
  const none = await bare.evaluate(async ([text, options]) => {
    const engine = await SaeExplorer.create({ backend: 'cpu' });
    await engine.loadModel('demo');
    return fault(engine.train([new File([text], 'text.txt')], { ...options, processor: 'gpu' }).done.finally(() => engine.dispose()));
  }, [text, SMALL]);
  assert.match(none.message, /no GPU; train on the CPU/);
});

test('on the page the processor can be chosen, and a training on the GPU ends', async () => {
  const page = await newPage(browser, STILL);
  await page.addInitScript(keepWorkers);
  await page.goto(server.url('?backend=gpu#/lab/train'));
  await ready(page);
  await part(page, 'train-source').selectOption('files');
  await part(page, 'train-files').setInputFiles({ name: 'text.txt', mimeType: 'text/plain', buffer: Buffer.from(text) });
  await part(page, 'train-processor').selectOption('gpu');
  await part(page, 'train-rule').selectOption('batch_topk');
  await part(page, 'train-missing').getByText('A GPU trains TopK; train BatchTopK on the CPU.').waitFor();
  await part(page, 'train-rule').selectOption('topk');
  for (const [name, typed] of [['latents', '64'], ['k', '4'], ['batch', '64'], ['tokens', '1280']]) await part(page, `train-${name}`).fill(typed);
  await part(page, 'train-look').click();
  await part(page, 'train-estimate').getByText(/steps on GPU \(/).waitFor();
  await picture(page, 'train-gpu-estimate');
  await part(page, 'train-start').click();
  await part(page, 'trained', '[data-complete="true"]').waitFor();

  // One whose GPU is lost is said to be below, and goes on from there.
  await part(page, 'train-tokens').fill('1280000');
  await part(page, 'train-look').click();
  await part(page, 'train-start').click();
  await page.waitForFunction(() => Number(document.querySelector('[data-testid="training"]')?.dataset.step) >= 3);
  await page.evaluate(() => window.workers.at(-1).postMessage({ loseDevices: true }));
  await part(page, 'train-failed').getByText(/last checkpoint.*under Trainings in this browser/).waitFor();
  await picture(page, 'train-gpu-lost');
  await part(page, 'training-resume').click();
  await page.waitForFunction(() => document.querySelector('[data-testid="training"]')?.dataset.stage === 'train');
  await part(page, 'train-stop').click();
  await part(page, 'trained', '[data-complete="false"]').waitFor();
  await page.context().close();
});
