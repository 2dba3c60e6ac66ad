// Trainings through the package, in a worker that the test plays: what is sent, and how one is paused, resumed and stopped.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { SaeExplorer } from '../../../pkg/index.js';
import { start } from '../../../pkg/workers.js';
import { fakeWorkers, installFakeLocks } from './fake-worker.js';
import './node-18.js';

installFakeLocks();
globalThis.location = { href: 'http://page.test/app/' };

const own = start.train;
let train; // the worker's answer to a training
let workers;
before(() => {
  const cancelled = (worker) => new Promise((resolve) => setInterval(() => worker.cancelled.length > 0 && resolve(), 1).unref());
  const fake = fakeWorkers({ start: undefined, loadModel: { id: 'demo' }, steer: undefined, train: (args, means) => train(args, { ...means, cancelled }) });
  workers = fake.workers;
  start.train = fake.spawn;
});
after(() => (start.train = own));

async function session() {
  const { spawn } = fakeWorkers({ start: undefined, loadModel: { id: 'demo' } });
  const explorer = await SaeExplorer.create({ _spawn: spawn });
  await explorer.loadModel('demo');
  return explorer;
}

const text = () => [new File(['Once upon a time'], 'tale.txt')];
const HOOK = 'blocks.3.hook_resid_post';
const until = async (holds) => {
  for (let turn = 0; turn < 2000 && !holds(); turn += 1) await new Promise((resume) => setTimeout(resume, 1));
  assert.ok(holds());
};

test('a training gets a worker with the model, tells its progress, and is steered', async () => {
  const explorer = await session();
  const seen = [];
  train = async (args, { worker, tell, cancelled }) => {
    tell('train', { stage: 'step', record: { step: 1 } });
    await cancelled(worker);
    return { complete: false, args };
  };
  const training = explorer.train(text(), { hook: HOOK, latents: 64, confirm: true, onProgress: (progress) => seen.push(progress.stage) });
  // Before the worker has it: the word is not lost.
  training.resume();
  await until(() => seen.includes('step'));
  const worker = workers.at(-1);
  await until(() => worker.calls.some(({ method }) => method === 'steer'));
  training.pause();
  training.resume();
  await until(() => worker.calls.filter(({ method }) => method === 'steer').length === 3);
  assert.deepEqual(worker.calls.filter(({ method }) => method === 'steer').map(({ args }) => args.paused), [false, true, false]);
  training.stop();
  const { complete, args } = await training.done;
  assert.equal(complete, false, 'what it had when it was stopped');
  assert.deepEqual(worker.calls.slice(0, 3).map(({ method }) => method), ['start', 'loadModel', 'train']);
  assert.deepEqual([args.id, args.resume, args.confirm, args.options], [training.id, false, true, { hook: HOOK, latents: 64 }]);
  assert.equal(args.list[0].name, 'tale.txt');
  assert.ok(worker.terminated, 'what it loaded is let go of');
  // Late words do nothing.
  training.pause();
});

test('one that goes on is known by its id, and needs no texts', async () => {
  const explorer = await session();
  train = (args) => args;
  const training = explorer.train([], { resume: 'abc', checkpointSeconds: 5 });
  const { id, list, resume, options } = await training.done;
  assert.deepEqual([training.id, id, list, resume, options], ['abc', 'abc', [], true, { checkpointSeconds: 5 }]);
});

test('what is wrong is said by name, before anything is sent', async () => {
  const explorer = await session();
  const count = workers.length;
  for (const [files, options, pattern] of [
    [text(), {}, /hook is missing/],
    [text(), { hook: HOOK, k: 1.5 }, /k is 1\.5/],
    [text(), { hook: HOOK, lr: 0 }, /lr is 0/],
    [text(), { hook: HOOK, activation: 'gelu' }, /activation is "gelu".*"topk".*"relu"/],
    [text(), { hook: HOOK, settings: [1] }, /settings/],
    [[], { hook: HOOK }, /at least one file/],
  ]) {
    assert.throws(() => explorer.train(files, options), (error) => error.code === 'bad-option' && pattern.test(error.message));
  }
  assert.equal(workers.length, count);
  const stopped = explorer.train(text(), { hook: HOOK, signal: AbortSignal.abort() });
  await assert.rejects(stopped.done, { code: 'cancelled' });
});
