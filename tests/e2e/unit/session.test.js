// The package's own logic, over a worker that the test plays: matching, cancelling, and rebuilding after a loss.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { SaeExplorer, SaeExplorerError } from '../../../pkg/index.js';
import { fakeWorkers, installFakeLocks } from './fake-worker.js';

installFakeLocks();
globalThis.location = { href: 'http://page.test/app/' };

const never = () => new Promise(() => {});
const failure = (code, details = {}) => ({ code, message: code, details });
const basic = {
  start: undefined,
  loadModel: { id: 'demo' },
  loadSae: ({ source, id }) => (source.demo && !source.only ? [{ id: 'a' }, { id: 'b' }] : { id: source.only ?? id ?? 'own' }),
  trace: ({ prompt }) => ({ prompt }),
};

async function session(answers = {}, options = {}) {
  const fake = fakeWorkers({ ...basic, ...answers });
  const explorer = await SaeExplorer.create({ _spawn: fake.spawn, ...options });
  return { explorer, workers: fake.workers };
}

const methods = (worker) => worker.calls.map(({ method }) => method);

test('replies find their calls, whatever their order', async () => {
  const waiting = {};
  const { explorer } = await session({ feature: ({ latent }) => new Promise((resolve) => (waiting[latent] = resolve)) });
  const calls = [explorer.feature('a', 1), explorer.feature('a', 2)];
  await new Promise(setImmediate);
  waiting[2]('two');
  waiting[1]('one');
  assert.deepEqual(await Promise.all(calls), ['one', 'two']);
});

test('errors keep their code, message and details', async () => {
  const { explorer } = await session({
    logits: () => {
      throw { code: 'prompt-too-long', message: '300 tokens', details: { tokens: 300, limit: 256 } };
    },
  });
  await assert.rejects(explorer.logits('x'), (error) => {
    assert.ok(error instanceof SaeExplorerError && error instanceof Error);
    assert.equal(error.code, 'prompt-too-long');
    assert.deepEqual(error.details, { tokens: 300, limit: 256 });
    return true;
  });
});

test('a second trace cancels the first', async () => {
  const { explorer, workers } = await session({ trace: ({ prompt }) => (prompt === 'first' ? never() : { prompt }) });
  const first = explorer.trace('first');
  await new Promise(setImmediate);
  const second = explorer.trace('second');
  await assert.rejects(first, { code: 'cancelled' });
  assert.deepEqual(await second, { prompt: 'second' });
  const asked = workers[0].calls.find(({ args }) => args.prompt === 'first');
  assert.deepEqual(workers[0].cancelled, [asked.id]);
});

test('of three traces asked in one breath only the last is run to its end', async () => {
  const { explorer } = await session();
  const settled = await Promise.allSettled(['1', '2', '3'].map((prompt) => explorer.trace(prompt)));
  assert.deepEqual(settled.map(({ status }) => status), ['rejected', 'rejected', 'fulfilled']);
});

test('an AbortSignal stops a trace, and one that is aborted already starts none', async () => {
  const { explorer, workers } = await session({ trace: never });
  const controller = new AbortController();
  const trace = explorer.trace('x', { signal: controller.signal });
  await new Promise(setImmediate);
  controller.abort();
  await assert.rejects(trace, { code: 'cancelled' });
  assert.equal(workers[0].cancelled.length, 1);
  await assert.rejects(explorer.trace('y', { signal: AbortSignal.abort() }), { code: 'cancelled' });
  assert.equal(workers[0].calls.filter(({ method }) => method === 'trace').length, 1);
});

test('a dead worker rejects what it had taken, and the next call rebuilds the session', async () => {
  const notices = [];
  const { explorer, workers } = await session(
    { logits: (_, { worker }) => (worker.generation === 0 ? never() : { shape: [1, 1] }) },
    { onNotice: ({ code }) => notices.push(code) },
  );
  await explorer.loadModel('demo');
  await explorer.loadSae('demo');
  await explorer.loadSae(new Blob(['x']), { id: 'mine', hook: 'blocks.1.hook_resid_post' });
  const calls = [explorer.logits('x'), explorer.logits('y')];
  await new Promise(setImmediate);
  explorer._worker.terminate();
  for (const call of calls) await assert.rejects(call, { code: 'worker-died' });
  assert.deepEqual(await explorer.logits('x'), { shape: [1, 1] });
  assert.equal(workers.length, 2);
  assert.deepEqual(methods(workers[1]), ['start', 'loadModel', 'loadSae', 'loadSae', 'loadSae', 'logits']);
  const saes = workers[1].calls.filter(({ method }) => method === 'loadSae').map(({ args }) => args.source.only ?? args.id);
  assert.deepEqual(saes, ['a', 'b', 'mine']);
  assert.deepEqual(notices, ['worker-died']);
});

test('a worker that died unnoticed costs the next call nothing', async () => {
  const { explorer, workers } = await session();
  await explorer.loadModel('demo');
  explorer._worker.terminate();
  assert.deepEqual(await explorer.trace('x'), { prompt: 'x' });
  assert.equal(workers.length, 2);
});

test('a worker that says how it ended is reported with that', async () => {
  const { explorer } = await session({
    trace: (_, { worker }) => {
      worker.emit({ fatal: 'index out of bounds' });
      return never();
    },
  });
  await assert.rejects(explorer.trace('x'), { code: 'worker-died', message: /index out of bounds/ });
});

test('a lost device is replaced once, and the call is repeated', async () => {
  const notices = [];
  const { explorer, workers } = await session(
    {
      trace: ({ prompt }, { worker }) => {
        if (worker.generation === 0) throw failure('device-lost');
        return { prompt };
      },
    },
    { onNotice: ({ code }) => notices.push(code) },
  );
  await explorer.loadModel('demo');
  await explorer.loadSae('demo');
  assert.deepEqual(await explorer.trace('kept'), { prompt: 'kept' });
  assert.ok(workers[0].terminated);
  assert.deepEqual(methods(workers[1]), ['start', 'loadModel', 'loadSae', 'loadSae', 'trace']);
  assert.deepEqual(notices, ['device-lost']);
});

test('a device that is lost again is reported', async () => {
  const { explorer, workers } = await session({
    trace: () => {
      throw failure('device-lost');
    },
  });
  await assert.rejects(explorer.trace('x'), { code: 'device-lost' });
  assert.equal(workers.length, 2);
});

test('several calls that meet one loss share one rebuilding', async () => {
  const { explorer, workers } = await session({
    feature: ({ latent }, { worker }) => {
      if (worker.generation === 0) throw failure('device-lost');
      return latent;
    },
  });
  assert.deepEqual(await Promise.all([1, 2, 3].map((latent) => explorer.feature('a', latent))), [1, 2, 3]);
  assert.equal(workers.length, 2);
});

test('a rebuilding that fails is reported, and tried again by the next call', async () => {
  let reachable = true;
  const { explorer, workers } = await session({
    loadModel: () => {
      if (!reachable) throw failure('network');
      return {};
    },
  });
  await explorer.loadModel('demo');
  reachable = false;
  explorer._worker.terminate();
  await assert.rejects(explorer.trace('x'), { code: 'network' });
  reachable = true;
  assert.deepEqual(await explorer.trace('x'), { prompt: 'x' });
  assert.equal(workers.length, 3);
});

test('another model drops the SAEs of the one before', async () => {
  const { explorer, workers } = await session();
  await explorer.loadModel('demo');
  await explorer.loadSae('demo');
  await explorer.loadModel('/models/other');
  explorer._worker.terminate();
  await explorer.trace('x');
  assert.deepEqual(methods(workers[1]), ['start', 'loadModel', 'trace']);
  assert.equal(workers[1].calls[1].args.source.folder, 'http://page.test/models/other/');
});

test('loading is stopped by its signal, and what the worker says about it counts', async () => {
  let stop;
  const { explorer, workers } = await session({ loadModel: () => new Promise((_, reject) => (stop = () => reject(failure('cancelled')))) });
  const controller = new AbortController();
  const load = explorer.loadModel({ repo: 'a/b' }, { signal: controller.signal });
  await new Promise(setImmediate);
  controller.abort();
  await new Promise(setImmediate);
  assert.equal(workers[0].cancelled.length, 1);
  stop();
  await assert.rejects(load, { code: 'cancelled' });
  await assert.rejects(explorer.loadSae({ repo: 'a/b' }, { signal: AbortSignal.abort() }), { code: 'cancelled' });
});

test('settings, neurons and what was unloaded survive the worker', async () => {
  const answers = { configure: undefined, loadNeurons: ({ id }) => ({ id }), unloadSae: undefined };
  const { explorer, workers } = await session(answers, { catalogue: 'offers.json' });
  await explorer.loadModel({ catalogue: 'gpt2' });
  await explorer.loadSae({ catalogue: 'res-jb', layer: 8 }, { id: 'jb' });
  await explorer.loadSae({ repo: 'a/b', path: 'c' }, { id: 'other' });
  await explorer.loadNeurons('blocks.0.mlp.hook_post');
  await explorer.unloadSae('other');
  await explorer.setMirror('https://m.test/');
  await explorer.setMemoryBudget(5);
  explorer._worker.terminate();
  await explorer.trace('x');
  assert.deepEqual(methods(workers[1]), ['start', 'loadModel', 'loadSae', 'loadNeurons', 'trace']);
  const [start, model, sae] = workers[1].calls.map(({ args }) => args);
  assert.deepEqual(start.settings, { mirror: 'https://m.test/', memoryBudget: 5 });
  assert.equal(start.catalogue, 'http://page.test/app/offers.json');
  assert.deepEqual(model.source, { catalogue: 'gpt2' });
  assert.deepEqual([sae.source.layer, sae.id], [8, 'jb']);
});

test('a generation tells each token once, across a lost device', async () => {
  const words = ['a', 'b', 'c', 'd'];
  const { explorer } = await session({
    generate: (_, { worker, tell }) => {
      const until = worker.generation === 0 ? 2 : 4;
      for (const text of words.slice(0, until)) tell('token', { text });
      if (worker.generation === 0) throw failure('device-lost');
      return { text: words.join(''), cancelled: false };
    },
  });
  const told = [];
  const { text } = await explorer.generate('x', { maxTokens: 4, onToken: (token) => told.push(token.text) });
  assert.equal(text, 'abcd');
  assert.deepEqual(told, words);
});

test('an onToken that throws ends the generation with its error', async () => {
  let stop;
  const { explorer, workers } = await session({
    generate: (_, { tell }) => {
      tell('token', { text: 'a' });
      return new Promise((resolve) => (stop = resolve));
    },
  });
  const generation = explorer.generate('x', { maxTokens: 4, onToken: () => assert.fail('mine') });
  await new Promise(setImmediate);
  assert.equal(workers[0].cancelled.length, 1);
  stop({ text: 'a', cancelled: true });
  await assert.rejects(generation, /mine/);
});

test('a generation aborted before its start gives nothing, cancelled', async () => {
  const { explorer } = await session({ generate: never });
  assert.deepEqual(await explorer.generate('x', { maxTokens: 4, signal: AbortSignal.abort() }), { ids: [], text: '', cancelled: true, stop: 'cancelled' });
});

test('progress is told with its stage', async () => {
  const told = [];
  const { explorer } = await session(
    { loadModel: (_, { tell }) => tell('progress', { stage: 'model', loaded: 1, total: 2 }) },
    { onProgress: (progress) => told.push(progress) },
  );
  await explorer.loadModel('demo');
  assert.deepEqual(told, [{ stage: 'model', loaded: 1, total: 2 }]);
});

test('bad arguments are refused by name', async () => {
  const { explorer } = await session();
  await assert.rejects(SaeExplorer.create({ backend: 'quantum' }), { code: 'bad-option', message: /backend.*quantum/ });
  await assert.rejects(explorer.trace(7), { code: 'bad-option', message: /prompt.*number/ });
  await assert.rejects(explorer.loadModel({ config: new Blob([]) }), { code: 'bad-option', message: /weights/ });
  await assert.rejects(explorer.loadModel(undefined), { code: 'bad-option' });
  await assert.rejects(explorer.loadSae([]), { code: 'bad-option' });
  await assert.rejects(explorer.loadModel({ repo: 7 }), { code: 'bad-option', message: /repo/ });
  await assert.rejects(explorer.loadModel({ files: 'x' }), { code: 'bad-option', message: /files/ });
  await assert.rejects(explorer.recognise([]), { code: 'bad-option', message: /files/ });
  await assert.rejects(explorer.fromLink(null), { code: 'bad-option', message: /link/ });
  await assert.rejects(explorer.setMirror('ftp://x'), { code: 'bad-option', message: /mirror/ });
  await assert.rejects(explorer.setMemoryBudget(0), { code: 'bad-option', message: /budget/ });
  await assert.rejects(explorer.deleteStored(undefined), { code: 'bad-option', message: /key/ });
  await assert.rejects(explorer.feature('a', () => {}), { code: 'bad-option' });
});

test('half a surrogate pair becomes U+FFFD', async () => {
  const { explorer } = await session();
  assert.deepEqual(await explorer.trace('a\ud800b'), { prompt: 'a\ufffdb' });
});

test('dispose lets the worker store what it still holds', async () => {
  let stored;
  const { explorer, workers } = await session({ settle: () => new Promise((resolve) => (stored = resolve)) });
  const disposed = explorer.dispose();
  await new Promise((resume) => setTimeout(resume, 10));
  assert.equal(workers[0].terminated, false);
  stored();
  await disposed;
  assert.ok(workers[0].terminated);
});

test('dispose ends the worker and what is under way', async () => {
  const { explorer, workers } = await session({ logits: never });
  const call = explorer.logits('x');
  await new Promise(setImmediate);
  await explorer.dispose();
  await assert.rejects(call, { code: 'cancelled' });
  assert.ok(workers[0].terminated);
  await assert.rejects(explorer.info(), { code: 'cancelled' });
  assert.equal(workers.length, 1);
});
