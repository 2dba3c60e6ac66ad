// The package's own logic, over a worker that the test plays: matching, cancelling, and rebuilding after a loss.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { SaeExplorer, SaeExplorerError } from '../../../pkg/index.js';
import { fakeWorkers, installFakeLocks } from './fake-worker.js';
import './node-18.js';

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

test('taps are stopped by a signal, and by that of their own call alone', async () => {
  const waiting = {};
  const { explorer, workers } = await session({ taps: ({ prompt, options }) => new Promise((resolve) => (waiting[prompt] = () => resolve(options))) });
  const [one, other] = [new AbortController(), new AbortController()];
  const first = explorer.taps('first', { logitLens: 5, signal: one.signal });
  const second = explorer.taps('second', { logitLens: 5, signal: other.signal });
  await new Promise(setImmediate);
  one.abort();
  await assert.rejects(first, { code: 'cancelled' });
  assert.equal(workers[0].cancelled.length, 1);
  waiting.second();
  assert.deepEqual(await second, { logitLens: 5 });
  await assert.rejects(explorer.taps('third', { logitLens: 5, signal: 'soon' }), { code: 'bad-option', details: { option: 'signal', value: 'soon', accepts: 'an AbortSignal' } });
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

/** A session with the demo and two SAEs whose worker is dead, and what its answers are to be from then on. */
async function bereft(answers = {}, options = {}) {
  const now = {};
  const late = (method) => (args, worker) => {
    const answer = now[method] ?? answers[method] ?? basic[method];
    return typeof answer === 'function' ? answer(args, worker) : answer;
  };
  const methodsLate = Object.fromEntries([...new Set([...Object.keys(basic), ...Object.keys(answers), 'unloadSae', 'info', 'storage', 'catalogue'])].map((method) => [method, late(method)]));
  const { explorer, workers } = await session(methodsLate, options);
  await explorer.loadModel('demo');
  await explorer.loadSae(new Blob(['x']), { id: 'one' });
  await explorer.loadSae(new Blob(['y']), { id: 'two' });
  explorer._worker.terminate();
  await new Promise(setImmediate);
  return { explorer, workers, now };
}

const fails = (code) => () => {
  throw failure(code);
};

test('a rebuilding that fails is reported with what to do, and tried again by the next call', async () => {
  const { explorer, workers, now } = await bereft();
  now.loadModel = fails('network');
  await assert.rejects(explorer.trace('x'), (error) => {
    assert.deepEqual([error.code, error.details.reloading], ['network', 'model']);
    assert.match(error.message, /the model could not be loaded again: network.*load the model again, or another one/);
    return true;
  });
  delete now.loadModel;
  assert.deepEqual(await explorer.trace('x'), { prompt: 'x' });
  assert.deepEqual(methods(workers[1]), ['start', 'loadModel', 'loadModel', 'loadSae', 'loadSae', 'trace'], 'in the same worker');
});

test('a model that cannot be loaded again stands in the way of nothing that does without it', async () => {
  const answers = { catalogue: 'offers', storage: 'stored', deleteStored: undefined, configure: undefined, recognise: 'found', fromLink: 'linked', info: { model: null } };
  const { explorer, now } = await bereft(answers);
  now.loadModel = fails('missing-file');
  await assert.rejects(explorer.trace('x'), { code: 'missing-file' });
  assert.equal(await explorer.catalogue(), 'offers');
  assert.equal(await explorer.storage(), 'stored');
  await explorer.deleteStored('all');
  await explorer.setMirror('https://m.test');
  await explorer.setMemoryBudget(7);
  assert.equal(await explorer.recognise([new File(['x'], 'x.pt')]), 'found');
  assert.equal(await explorer.fromLink('a/b'), 'linked');
  assert.deepEqual(await explorer.info(), { model: null }, 'it is not loaded, and that is told');
  await explorer.unloadSae('one');
  await assert.rejects(explorer.loadSae('demo'), { code: 'missing-file' }, 'an SAE needs its model');
  now.loadModel = ({ source }) => (source.demo ? fails('missing-file')() : { id: 'other' });
  assert.deepEqual(await explorer.loadModel('/models/other'), { id: 'other' });
  assert.deepEqual(await explorer.trace('x'), { prompt: 'x' });
  await explorer.dispose();
});

test('an SAE that cannot be loaded again costs neither the model nor the others', async () => {
  const { explorer, workers, now } = await bereft();
  now.loadSae = (args) => (args.id === 'one' ? fails('unreadable')() : basic.loadSae(args));
  for (const call of [() => explorer.trace('x'), () => explorer.generate('x', { maxTokens: 1 })]) {
    await assert.rejects(call(), { code: 'unreadable', message: /the SAE one could not be loaded again.*unloadSae\("one"\)/ });
  }
  assert.equal((await explorer.loadSae(new Blob(['z']), { id: 'three' })).id, 'three');
  await explorer.unloadSae('one');
  assert.deepEqual(await explorer.trace('x'), { prompt: 'x' });
  const after = methods(workers[1]);
  assert.equal(after.filter((method) => method === 'loadModel').length, 1, 'the model is loaded once');
  assert.ok(!after.includes('unloadSae'), 'it was not there to be unloaded');
  const loaded = workers[1].calls.filter(({ method }) => method === 'loadSae').map(({ args }) => args.id);
  assert.deepEqual(loaded, ['one', 'one', 'three', 'two']);
});

test('an SAE that cannot be loaded again can be replaced by one of the same name', async () => {
  const { explorer, now } = await bereft();
  now.loadSae = fails('unreadable');
  await assert.rejects(explorer.trace('x'), { code: 'unreadable' });
  now.loadSae = basic.loadSae;
  await explorer.loadSae(new Blob(['new']), { id: 'one' });
  assert.deepEqual(await explorer.trace('x'), { prompt: 'x' });
});

test('a rebuilding that hangs is given up for another model, by a signal, and by dispose', async () => {
  const { explorer, workers, now } = await bereft();
  const stops = [];
  now.loadModel = ({ source }) => (source.demo ? new Promise((_, reject) => stops.push(() => reject(failure('cancelled')))) : { id: 'other' });
  const controller = new AbortController();
  const traced = explorer.trace('x', { signal: controller.signal });
  const generated = explorer.generate('x', { maxTokens: 1, signal: controller.signal });
  const loading = explorer.loadSae(new Blob(['z']), { signal: controller.signal });
  await new Promise((resume) => setTimeout(resume, 5));
  controller.abort();
  await assert.rejects(traced, { code: 'cancelled' });
  await assert.rejects(loading, { code: 'cancelled' });
  assert.equal((await generated).stop, 'cancelled');
  assert.equal(stops.length, 1, 'the calls shared it');

  const waiting = explorer.logits('x');
  await new Promise((resume) => setTimeout(resume, 5));
  const replaced = explorer.loadModel('/models/other');
  await new Promise((resume) => setTimeout(resume, 5));
  assert.equal(workers[1].cancelled.length, 1);
  stops.pop()();
  await assert.rejects(waiting, { code: 'cancelled' });
  assert.deepEqual(await replaced, { id: 'other' });

  explorer._worker.terminate();
  now.loadModel = never;
  const last = explorer.trace('x');
  await new Promise((resume) => setTimeout(resume, 5));
  await explorer.dispose();
  await assert.rejects(last, { code: 'cancelled' });
  assert.ok(workers[2].terminated);
});

test('a call during the loading of another model is not answered by the one before', async () => {
  const { explorer, workers, now } = await bereft();
  let arrive;
  now.loadModel = ({ source }) => (source.demo ? { id: 'demo' } : new Promise((resolve) => (arrive = () => resolve({ id: 'other' }))));
  const loading = explorer.loadModel('/models/other');
  await new Promise((resume) => setTimeout(resume, 5));
  const traced = explorer.trace('x');
  await new Promise((resume) => setTimeout(resume, 5));
  assert.deepEqual(methods(workers[1]), ['start', 'loadModel'], 'it waits');
  arrive();
  await Promise.all([loading, traced]);
  assert.deepEqual(methods(workers[1]), ['start', 'loadModel', 'trace']);
});

test('an engine that does not start stands in the way of neither storage nor dispose, and is started again', async () => {
  const { explorer, workers, now } = await bereft({ storage: 'stored', deleteStored: undefined, catalogue: 'offers' });
  now.start = fails('no-webgpu');
  await assert.rejects(explorer.trace('x'), { code: 'no-webgpu' });
  await assert.rejects(explorer.loadModel('demo'), { code: 'no-webgpu' });
  assert.equal(await explorer.storage(), 'stored');
  await explorer.deleteStored('all');
  delete now.start;
  assert.equal(await explorer.catalogue(), 'offers');
  assert.deepEqual(await explorer.trace('x'), { prompt: 'x' });
  assert.equal(workers.length, 2);
  now.start = fails('no-webgpu');
  explorer._worker.terminate();
  await assert.rejects(explorer.info(), { code: 'no-webgpu' });
  await explorer.dispose();
  assert.ok(workers[2].terminated);
});

test('an engine that does not start at first leaves no worker behind', async () => {
  const fake = fakeWorkers({ start: fails('no-webgpu') });
  await assert.rejects(SaeExplorer.create({ _spawn: fake.spawn }), { code: 'no-webgpu' });
  assert.ok(fake.workers[0].terminated);
});

test('what was loaded is loaded again at the commit that was found', async () => {
  const commit = 'c'.repeat(40);
  const origin = { repository: 'a/b', revision: 'main', commit, path: 'p', url: 'https://h.test/a/b' };
  const { explorer, workers } = await session({ loadModel: { id: 'm', origin }, loadSae: ({ id }) => ({ id: id ?? 's', origin }) });
  await explorer.loadModel({ catalogue: 'gpt2' });
  await explorer.loadSae({ repo: 'a/b', path: 'p' });
  await explorer.loadSae('https://huggingface.co/a/b/tree/main/p', { id: 'linked' });
  explorer._worker.terminate();
  await explorer.trace('x');
  const sources = workers[1].calls.slice(1, 4).map(({ args }) => args.source);
  assert.deepEqual(sources, [{ catalogue: 'gpt2', revision: commit }, { repo: 'a/b', revision: commit, path: 'p' }, { repo: 'a/b', revision: commit, path: 'p' }]);
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

test('looking at files and links is stopped by its signal at once', async () => {
  const { explorer, workers } = await session({ fromLink: never, recognise: never });
  const controller = new AbortController();
  const calls = [explorer.fromLink('a/b', { signal: controller.signal }), explorer.recognise([new File(['x'], 'x.pt')], { signal: controller.signal })];
  await new Promise(setImmediate);
  controller.abort();
  for (const call of calls) await assert.rejects(call, { code: 'cancelled' });
  assert.equal(workers[0].cancelled.length, 2);
  await assert.rejects(explorer.fromLink('a/b', { signal: AbortSignal.abort() }), { code: 'cancelled' });
  await assert.rejects(explorer.fromLink('a/b', { signal: 1 }), { code: 'bad-option' });
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

test('a wrong value of an option is refused by name, with the value and what is accepted', async () => {
  const { explorer, workers } = await session();
  const cases = [
    [() => SaeExplorer.create({ backend: 'quantum' }), 'backend', /"quantum".*"auto", "gpu" or "cpu"/],
    [() => SaeExplorer.create({ limits: 1 }), 'limits', /1;.*"adapter"/],
    [() => SaeExplorer.create({ onNotice: 'x' }), 'onNotice', /function/],
    [() => SaeExplorer.create({ stallSeconds: 0 }), 'stallSeconds', /above 0/],
    [() => SaeExplorer.create({ demo: 'http://' }), 'demo', /URL/],
    [() => SaeExplorer.create(null), 'options', /object/],
    [() => explorer.trace(7), 'prompt', /7;.*text/],
    [() => explorer.trace('x', null), 'options', /null/],
    [() => explorer.trace('x', { bos: 'maybe' }), 'bos', /"maybe".*true, false, "auto", "yes" or "no"/],
    [() => explorer.trace('x', { bos: 1 }), 'bos', /1/],
    [() => explorer.trace('x', { topLogits: -1 }), 'topLogits', /-1.*whole number/],
    [() => explorer.trace('x', { topLogits: '3' }), 'topLogits', /"3"/],
    [() => explorer.trace('x', { saes: 'a' }), 'saes', /list/],
    [() => explorer.trace('x', { saes: [1] }), 'saes', /\[1\].*list/],
    [() => explorer.trace('x', { signal: true }), 'signal', /AbortSignal/],
    [() => explorer.logits('x', { bos: {} }), 'bos', /object/],
    [() => explorer.residual('x', 1.5), 'layer', /1\.5/],
    [() => explorer.residual('x', 1, { bos: 'x' }), 'bos', /"x"/],
    [() => explorer.reconstruction('x', 7), 'sae', /7/],
    [() => explorer.tokenize('x', { bos: 'x' }), 'bos', /"x"/],
    [() => explorer.feature('a', 1.5), 'latent', /1\.5/],
    [() => explorer.feature('a', () => {}), 'latent', /function/],
    [() => explorer.feature(undefined, 1), 'sae', /missing/],
    [() => explorer.matches('a', 1), 'other', /missing/],
    [() => explorer.edited('x', { latent: 1, value: 0 }), 'sae', /missing/],
    [() => explorer.edited('x', { sae: 'a', latent: -1, value: 0 }), 'latent', /-1/],
    [() => explorer.edited('x', { sae: 'a', latent: 1, value: NaN }), 'value', /NaN.*finite/],
    [() => explorer.edited('x', { sae: 'a', latent: 1, value: 0, positions: [0.5] }), 'positions', /0\.5.*list of whole/],
    [() => explorer.edited('x', undefined), 'edit', /missing/],
    [() => explorer.edited('x', { sae: 'a', latent: 1, value: 0, positions: [{ from: -1 }] }), 'positions', /ranges/],
    [() => explorer.effects('x', {}), 'sae', /missing/],
    [() => explorer.effects('x', { sae: 'a', rankBy: 'size' }), 'rankBy', /size.*loss/],
    [() => explorer.generate('x', { maxTokens: 1, edits: 5 }), 'edit', /5/],
    [() => explorer.edited('x', { sae: 'a', latent: 1, value: 0 }, { logits: 'yes' }), 'logits', /true or false/],
    [() => explorer.generate('x', {}), 'maxTokens', /missing.*whole number/],
    [() => explorer.generate('x', { maxTokens: 1, temperature: -1 }), 'temperature', /-1/],
    [() => explorer.generate('x', { maxTokens: 1, temperature: NaN }), 'temperature', /NaN/],
    [() => explorer.generate('x', { maxTokens: 1, topP: 1.5 }), 'topP', /1\.5.*up to 1/],
    [() => explorer.generate('x', { maxTokens: 1, topK: -3 }), 'topK', /-3/],
    [() => explorer.generate('x', { maxTokens: 1, seed: 0.5 }), 'seed', /0\.5/],
    [() => explorer.generate('x', { maxTokens: 1, onToken: 3 }), 'onToken', /function/],
    [() => explorer.loadModel(undefined), 'source', /missing.*"demo"/],
    [() => explorer.loadModel({ config: new Blob([]) }), 'weights', /missing.*Blob/],
    [() => explorer.loadModel({ repo: 7 }), 'repo', /7.*text/],
    [() => explorer.loadModel({ catalogue: 'gpt2', revision: 1 }), 'revision', /1/],
    [() => explorer.loadModel({ files: 'x' }), 'files', /"x".*list/],
    [() => explorer.loadModel('demo', { weightFormat: 'f64' }), 'weightFormat', /"f64".*"auto", "f32" or "f16"/],
    [() => explorer.loadModel('demo', { prependBos: 'yes' }), 'prependBos', /"yes".*true or false/],
    [() => explorer.loadModel('demo', { id: '' }), 'id', /""/],
    [() => explorer.loadSae([]), 'source', /"demo"/],
    [() => explorer.loadSae({ catalogue: 'x', layer: '8' }), 'layer', /"8"/],
    [() => explorer.loadSae('demo', { hook: 3 }), 'hook', /3/],
    [() => explorer.loadSae('demo', { centre: 1 }), 'centre', /1/],
    [() => explorer.loadSae('demo', { normScalingFactor: 0 }), 'normScalingFactor', /0/],
    [() => explorer.loadSae('demo', { stream: 'yes' }), 'stream', /"yes".*true, false or "auto"/],
    [() => explorer.loadSae('demo', { only: 3 }), 'only', /3/],
    [() => explorer.loadSae('https://host.test/sae.pt', { only: 'a' }), 'only', /left out.*"demo"/],
    [() => explorer.loadNeurons(7), 'hook', /7/],
    [() => explorer.unloadSae(7), 'id', /7/],
    [() => explorer.recognise([]), 'files', /at least one/],
    [() => explorer.fromLink(null), 'link', /null/],
    [() => explorer.setMirror('ftp://x'), 'mirror', /"ftp:\/\/x".*http/],
    [() => explorer.setMirror('http://'), 'mirror', /http/],
    [() => explorer.setMemoryBudget(0), 'memoryBudget', /0;.*above 0/],
    [() => explorer.setMemoryBudget('1'), 'memoryBudget', /"1"/],
    [() => explorer.deleteStored(undefined), 'key', /key/],
  ];
  for (const [call, option, message] of cases) {
    await assert.rejects(call(), (error) => {
      assert.deepEqual([error.code, error.details.option], ['bad-option', option], `${call}: ${error.message}`);
      assert.ok(error.message.startsWith(`${option} is `) && 'value' in error.details && error.details.accepts.length > 0, error.message);
      assert.match(error.message, message);
      return true;
    });
  }
  assert.deepEqual(methods(workers[0]), ['start'], 'the worker was not asked');
});

test('whether a BOS goes first is said by words or by true and false', async () => {
  const { explorer } = await session({ trace: ({ options }) => options.bos ?? null, tokenize: ({ options }) => options.bos ?? null });
  for (const [bos, sent] of [[true, 'yes'], [false, 'no'], ['auto', 'auto'], ['yes', 'yes'], ['no', 'no'], [undefined, null], [null, null]]) {
    assert.equal(await explorer.trace('x', { bos }), sent);
    assert.equal(await explorer.tokenize('x', { bos }), sent);
  }
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

test('a prompt may be token ids, which go to the engine as they are', async () => {
  const { explorer, workers } = await session({ logits: null });
  for (const given of [[5, 8191], new Uint32Array([5, 8191])]) {
    await explorer.logits(given);
    const { args } = workers.at(-1).calls.at(-1);
    assert.ok(args.prompt instanceof Uint32Array);
    assert.deepEqual([...args.prompt], [5, 8191]);
  }
  for (const id of [-1, 1.5, 2 ** 32, NaN, '5', undefined]) {
    await assert.rejects(explorer.logits([1, id]), (error) => error.code === 'bad-option' && error.details.option === 'prompt');
  }
});

test('every option of an SAE reaches the worker', async () => {
  const { explorer, workers } = await session();
  const given = { hook: 'blocks.3.hook_resid_post', id: 'own', weightFormat: 'f32', centre: true, prependBos: false, normScalingFactor: 0.5, stream: 'auto' };
  await explorer.loadModel('demo');
  await explorer.loadSae('https://host.test/sae.pt', given);
  const { args } = workers[0].calls.find(({ method }) => method === 'loadSae');
  for (const [name, value] of Object.entries(given)) assert.equal(args[name], value, name);
});

test('one SAE of the demo is requested by what names it, and loaded again by its id', async () => {
  const { explorer, workers } = await session({ loadSae: ({ source }) => ({ id: source.only === 'blocks.3.hook' ? 'b' : source.only }) });
  await explorer.loadModel('demo');
  assert.equal((await explorer.loadSae('demo', { only: 'blocks.3.hook', weightFormat: 'f32' })).id, 'b');
  explorer._worker.terminate();
  await explorer.trace('x');
  const sent = workers.flatMap(({ calls }) => calls).filter(({ method }) => method === 'loadSae');
  assert.deepEqual(sent.map(({ args }) => [args.source.only, args.weightFormat]), [['blocks.3.hook', 'f32'], ['b', 'f32']]);
});
