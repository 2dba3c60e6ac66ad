// What the package tells about what is loaded, and calls that are stopped.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { SaeExplorer } from '../../../pkg/index.js';
import { publishedSession } from '../../../web/session.js';
import { fakeWorkers, installFakeLocks } from './fake-worker.js';
import './node-18.js';

installFakeLocks();
globalThis.location = { href: 'http://page.test/app/' };

const never = () => new Promise(() => {});
const basic = {
  start: undefined,
  loadModel: ({ id }) => ({ id: id ?? 'demo' }),
  loadSae: ({ source, id }) => (source.demo ? [{ id: 'a' }, { id: 'b' }] : { id }),
  loadNeurons: ({ id }) => ({ id }),
  unloadSae: undefined,
};

async function session(answers = {}) {
  const fake = fakeWorkers({ ...basic, ...answers });
  const explorer = await SaeExplorer.create({ _spawn: fake.spawn });
  const told = [];
  explorer.addEventListener('change', ({ detail: { method, model, saes } }) => told.push([method, model?.id ?? null, saes.map(({ id }) => id).join()]));
  return { explorer, workers: fake.workers, told };
}

test('each change of what is loaded is told with what is loaded then', async () => {
  const { explorer, told } = await session();
  assert.deepEqual(explorer.loaded, { model: null, saes: [] });
  await explorer.loadModel('demo');
  await explorer.loadSae('demo');
  await explorer.loadNeurons('hook', { id: 'n' });
  await explorer.unloadSae('a');
  assert.deepEqual(explorer.loaded, { model: { id: 'demo' }, saes: [{ id: 'b' }, { id: 'n' }] });
  await explorer.loadModel('/other', { id: 'other' });
  await explorer.dispose();
  await explorer.dispose();
  assert.deepEqual(told, [
    ['loadModel', 'demo', ''],
    ['loadSae', 'demo', 'a,b'],
    ['loadNeurons', 'demo', 'a,b,n'],
    ['unloadSae', 'demo', 'b,n'],
    ['loadModel', 'other', ''],
    ['dispose', null, ''],
  ]);
});

test('a load that fails, or is stopped, changes nothing and says nothing', async () => {
  let fail = true;
  const { explorer, told } = await session({
    loadSae: ({ id }) => {
      if (fail) throw { code: 'bad-file', message: 'damaged' };
      return { id };
    },
  });
  await explorer.loadModel('demo');
  await assert.rejects(explorer.loadSae('/a.pt', { id: 'a' }), { code: 'bad-file' });
  await assert.rejects(explorer.loadModel('/b', { signal: AbortSignal.abort() }), { code: 'cancelled' });
  assert.deepEqual(explorer.loaded, { model: { id: 'demo' }, saes: [] });
  fail = false;
  await explorer.loadSae('/a.pt', { id: 'a' });
  assert.deepEqual(told, [['loadModel', 'demo', ''], ['loadSae', 'demo', 'a']]);
});

test('what is lost with a worker is still said to be loaded, and can be unloaded', async () => {
  const { explorer, told } = await session();
  await explorer.loadModel('demo');
  await explorer.loadSae('demo');
  explorer._worker.terminate();
  await new Promise(setImmediate);
  assert.equal(explorer.loaded.saes.length, 2);
  await explorer.unloadSae('a');
  assert.deepEqual(told.at(-1), ['unloadSae', 'demo', 'b']);
});

test('a listener that throws does not fail the call', async (t) => {
  const { explorer, told } = await session();
  // As in a browser it is an uncaught error, which the runner would take for the test's own.
  const runners = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  t.after(() => runners.forEach((one) => process.on('uncaughtException', one)));
  const thrown = new Promise((resolve) => process.once('uncaughtException', resolve));
  explorer.addEventListener('change', () => {
    throw new Error('of the listener');
  });
  assert.equal((await explorer.loadModel('demo')).id, 'demo');
  assert.match((await thrown).message, /of the listener/);
  assert.equal(told.length, 1);
});

test('every call that may take long is stopped by its signal at once', async () => {
  const calls = {
    feature: (explorer, options) => explorer.feature('a', 1, options),
    logits: (explorer, options) => explorer.logits('x', options),
    residual: (explorer, options) => explorer.residual('x', 1, options),
    reconstruction: (explorer, options) => explorer.reconstruction('x', 'a', options),
    edited: (explorer, options) => explorer.edited('x', { sae: 'a', latent: 1, value: 0 }, options),
    editBatch: (explorer, options) => explorer.editBatch('x', [], options),
    taps: (explorer, options) => explorer.taps('x', options),
    sampleLoss: (explorer, options) => explorer.sampleLoss(options),
    tokenize: (explorer, options) => explorer.tokenize('x', options),
    info: (explorer, options) => explorer.info(options),
    catalogue: (explorer, options) => explorer.catalogue(options),
    storage: (explorer, options) => explorer.storage(options),
    deleteStored: (explorer, options) => explorer.deleteStored('all', options),
    trace: (explorer, options) => explorer.trace('x', options),
  };
  for (const [name, call] of Object.entries(calls)) {
    const { explorer, workers } = await session({ [name]: never });
    const controller = new AbortController();
    const stopped = call(explorer, { signal: controller.signal });
    await new Promise(setImmediate);
    assert.equal(workers[0].calls.at(-1).method, name);
    assert.equal(workers[0].calls.at(-1).args.options?.signal, undefined, 'a signal is not sent');
    controller.abort();
    await assert.rejects(stopped, { code: 'cancelled' }, name);
    await new Promise(setImmediate);
    assert.equal(workers[0].cancelled.length, 1, `${name} is stopped in the worker, too`);
  }
});

test('the loading again is given up by a signal, and the session can load something else', async () => {
  let hang = false;
  const { explorer } = await session({ loadModel: ({ id }) => (hang && id !== 'other' ? never() : { id: id ?? 'demo' }), feature: 'answer' });
  await explorer.loadModel('demo');
  hang = true;
  explorer._worker.terminate();
  await new Promise(setImmediate);
  const controller = new AbortController();
  const stopped = explorer.feature('a', 1, { signal: controller.signal });
  await new Promise(setImmediate);
  controller.abort();
  await assert.rejects(stopped, { code: 'cancelled' });
  assert.equal((await explorer.loadModel('/other', { id: 'other' })).id, 'other');
  assert.equal(await explorer.feature('a', 1), 'answer');
});

test('the page is told of what scripts load, and not of what it loads itself', async () => {
  const { explorer } = await session({ trace: { tokens: [] }, loadSae: ({ id }) => ({ id }) });
  const changed = [];
  const traces = [];
  const published = publishedSession(explorer, (method) => changed.push(method), (count) => traces.push(count));
  await explorer.loadModel('demo');
  assert.deepEqual(changed, []);
  await published.loadSae('/a.pt', { id: 'a' });
  assert.deepEqual(changed, ['loadSae']);
  assert.equal(published.loaded.saes.length, 1);
  await published.trace('x');
  assert.deepEqual(traces, [1, 0]);
  const own = [];
  published.addEventListener('change', ({ detail }) => own.push(detail.method));
  await explorer.unloadSae('a');
  assert.deepEqual([changed, own], [['loadSae'], ['unloadSae']]);
  await published.dispose();
  assert.deepEqual(changed, ['loadSae', 'dispose']);
});
