// Evaluations through the package, in a worker that the test plays: what is sent, and how one is stopped.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { SaeExplorer } from '../../../pkg/index.js';
import { start } from '../../../pkg/workers.js';
import { fakeWorkers, installFakeLocks } from './fake-worker.js';
import './node-18.js';

installFakeLocks();
globalThis.location = { href: 'http://page.test/app/' };

const own = start.train;
let evaluate; // the worker's answer to an evaluation
let stopped; // resolves when it is told to stop
let workers;
before(() => {
  let stop;
  stopped = new Promise((resolve) => (stop = resolve));
  const fake = fakeWorkers({ start: undefined, loadModel: { id: 'demo' }, stopEvaluation: () => stop(), evaluate: (args, means) => evaluate(args, means) });
  workers = fake.workers;
  start.train = fake.spawn;
});
after(() => (start.train = own));

async function session() {
  const { spawn } = fakeWorkers({ start: undefined, loadModel: { id: 'demo' }, loadSae: ({ id }) => ({ id }), loadNeurons: ({ id }) => ({ id }) });
  const explorer = await SaeExplorer.create({ _spawn: spawn });
  await explorer.loadModel('demo');
  await explorer.loadSae('http://page.test/sae/', { id: 'one', hook: 'blocks.3.hook_resid_post', centre: true });
  await explorer.loadNeurons('blocks.3.mlp.hook_post', { id: 'cells' });
  return explorer;
}

const text = () => [new File(['Once upon a time'], 'tale.txt')];

test('an evaluation gets a worker with the model, and the loaded SAEs with the options of their loading', async () => {
  const explorer = await session();
  const seen = [];
  evaluate = (args, { tell }) => {
    tell('evaluate', { stage: 'part', done: 1 });
    return args;
  };
  const { list, saes, options } = await explorer.evaluate(text(), { tokens: 100, probes: true, onProgress: ({ stage }) => seen.push(stage) });
  assert.deepEqual(list.map(({ name }) => name), ['tale.txt']);
  // Neurons reconstruct nothing.
  assert.deepEqual(saes.map(({ id, source, origin }) => [id, source.url, origin]), [['one', 'http://page.test/sae/', null]]);
  assert.deepEqual([saes[0].options.hook, saes[0].options.centre], ['blocks.3.hook_resid_post', true]);
  assert.deepEqual(options, { tokens: 100, probes: true });
  assert.ok(seen.includes('part'));
  const worker = workers.at(-1);
  assert.deepEqual(worker.calls.map(({ method }) => method), ['start', 'loadModel', 'evaluate']);
  assert.ok(worker.terminated, 'what it loaded is let go of');
});

test('where it is stopped, the answer is what it has', async () => {
  const explorer = await session();
  const stop = new AbortController();
  evaluate = async (args, { tell }) => {
    tell('evaluate', { stage: 'part' });
    await stopped;
    return { evaluations: { stopped: true } };
  };
  const { evaluations } = await explorer.evaluate(text(), { signal: stop.signal, onProgress: () => stop.abort() });
  assert.equal(evaluations.stopped, true);
  assert.deepEqual(workers.at(-1).cancelled, [], 'the engine is not interrupted: what it measured would be lost');
});

test('what is wrong is said by name, before anything is sent', async () => {
  const explorer = await session();
  const count = workers.length;
  for (const [files, options, pattern] of [
    [text(), { saes: 'one' }, /saes is "one"; it must be a list/],
    [text(), { saes: ['two'] }, /two is not loaded/],
    [text(), { saes: ['cells'] }, /cells are neurons/],
    [text(), { saes: [] }, /at least one SAE/],
    [text(), { tokens: -1 }, /tokens is -1/],
    [text(), { ablation: 1 }, /ablation is 1/],
    ['http://page.test/a.txt', {}, /files is/],
  ]) {
    await assert.rejects(explorer.evaluate(files, options), ({ message }) => pattern.test(message), String(pattern));
  }
  assert.equal(workers.length, count);
});
