// A worker that is started before its session, and the files that it requests meanwhile.

import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

import { readAll } from '../../../pkg/byte-sources.js';
import { Demo } from '../../../pkg/demo.js';
import { Files } from '../../../pkg/files.js';
import { SaeExplorer } from '../../../pkg/index.js';
import { installFakeCaches } from './fake-cache.js';
import { fakeWorkers, installFakeLocks } from './fake-worker.js';
import { connections } from './fetcher.js';
import { freshHub, numbered, same } from './host.js';
import './node-18.js';

const hub = await freshHub();
const weights = numbered(3_000_000);
beforeEach(() => {
  installFakeCaches();
  installFakeLocks();
  hub.put('demo/demo.json', {
    id: 'demo',
    name: 'Demo',
    bos: false,
    model: { config: { path: 'config.json', bytes: 2 }, weights: { path: 'weights', bytes: weights.length }, tokenizer: { path: 'tokenizer.json', bytes: 2 } },
    saes: [{ id: 'a', hook: 'h', cfg: { path: 'a.json', bytes: 2 }, weights: { path: 'a', bytes: 1 } }],
  });
  hub.put('demo/config.json', '{}');
  hub.put('demo/tokenizer.json', '{}');
  hub.put('demo/weights', weights);
  hub.put('demo/a.json', '{}');
  hub.put('demo/a', 'a');
});

const answers = { start: undefined, loadModel: { id: 'demo' } };
const settled = () => new Promise((resume) => setTimeout(resume, 10));

/** The browser's Worker, played: every worker that the package starts by itself. */
function playWorkers() {
  const fake = fakeWorkers(answers);
  globalThis.Worker = function Worker() {
    return fake.spawn();
  };
  return fake.workers;
}

test('the next session takes the prepared worker, and the one after it starts its own', async () => {
  const workers = playWorkers();
  let arrived;
  SaeExplorer.prepare({ model: 'demo', demo: 'https://site.test/demo.json', after: new Promise((_, reject) => (arrived = reject)) });
  await settled();
  assert.deepEqual(workers[0].prepared, [{ prepare: { demo: 'https://site.test/demo.json', manifest: undefined, sae: undefined } }]);
  const first = await SaeExplorer.create();
  arrived(new Error('the page itself did not come'));
  await settled();
  assert.deepEqual(workers[0].prepared.slice(1), [{ proceed: true }]);
  await first.loadModel('demo');
  assert.deepEqual(workers.map(({ calls }) => calls.map(({ method }) => method)), [['start', 'loadModel']]);
  await SaeExplorer.create();
  assert.equal(workers.length, 2);
  assert.deepEqual(workers[1].prepared, []);
});

test('a prepared worker that ended is replaced, and nobody hears of it', async () => {
  for (const end of [(worker) => worker.onerror({ preventDefault() {} }), (worker) => worker.emit({ fatal: 'out of memory' })]) {
    const workers = playWorkers();
    const notices = [];
    SaeExplorer.prepare();
    await settled();
    end(workers[0]);
    await SaeExplorer.create({ onNotice: (notice) => notices.push(notice) });
    assert.equal(workers.length, 2);
    assert.ok(workers[0].terminated);
    assert.deepEqual([workers[1].calls.map(({ method }) => method), notices], [['start'], []]);
  }
});

test('options of prepare() are checked', () => {
  assert.throws(() => SaeExplorer.prepare({ model: 'gpt2' }), { code: 'bad-option' });
  assert.throws(() => SaeExplorer.prepare({ after: 3 }), { code: 'bad-option' });
});

const opened = () => {
  const own = connections();
  own.stall = 1000;
  const files = new Files(() => {}, { waits: [1], connections: own });
  const demo = new Demo(files);
  demo.url = hub.url('demo/demo.json');
  return { files, demo };
};
const asked = () => hub.requests.map(({ method, path }) => `${method} ${path}`);

test('what was begun is requested once, and read by whoever opens it', async () => {
  const { files, demo } = opened();
  let proceed;
  const begun = demo.begin(new Promise((resolve) => (proceed = resolve)));
  while (asked().length === 0) await settled();
  await settled();
  assert.deepEqual(asked(), ['GET demo/demo.json'], 'large files wait');
  proceed();
  await begun;
  const { parts, saes } = await demo.ofModel();
  const told = [];
  const source = await files.open(parts.weights, { onBytes: ({ loaded }) => told.push(loaded) });
  same(await readAll(source), weights);
  assert.equal(source.loaded, weights.length);
  assert.equal(told.at(-1), weights.length);
  same(await files.bytes(parts.config), Buffer.from('{}'));
  same(await files.bytes(parts.tokenizer), Buffer.from('{}'));
  assert.deepEqual((await demo.ofSaes()).saes, saes);
  assert.deepEqual(asked().sort(), ['GET demo/config.json', 'GET demo/demo.json', 'GET demo/tokenizer.json', 'GET demo/weights']);
  // Another load asks for the manifest again: the site may have changed.
  await demo.ofModel();
  assert.equal(asked().filter((one) => one === 'GET demo/demo.json').length, 2);
  await source.close();
});

test('a manifest that the page has is not requested', async () => {
  const { files, demo } = opened();
  await demo.begin(Promise.resolve(), { manifest: { id: 'd', name: 'D', model: { config: { path: 'config.json' }, weights: { path: 'weights' }, tokenizer: { path: 'tokenizer.json' } }, saes: [] } });
  const { id, parts } = await demo.ofModel();
  assert.equal(id, 'd');
  same(await files.bytes(parts.config), Buffer.from('{}'));
  const source = await files.open(parts.weights);
  await source.close();
  assert.ok(!asked().includes('GET demo/demo.json'), asked().join());
  // One that makes no sense is requested by whoever loads the model.
  const other = opened();
  await other.demo.begin(Promise.resolve(), { manifest: { id: 'd' } });
  assert.equal((await other.demo.ofModel()).id, 'demo');
});

test('an SAE follows the model\'s weights', async () => {
  const { files, demo } = opened();
  hub.misbehave(/weights/, { stopAfter: 1000, stops: 1 });
  const begun = demo.begin(Promise.resolve(), { sae: 'a' });
  while (!asked().includes('GET demo/weights')) await settled();
  assert.ok(!asked().some((one) => one.includes('demo/a')), asked().join());
  await begun;
  const { saes: [sae] } = await demo.ofModel();
  while (!asked().includes('GET demo/a')) await settled();
  same(await files.bytes(sae.cfg), Buffer.from('{}'));
  const source = await files.open(sae.weights);
  same(await readAll(source), Buffer.from('a'));
  await source.close();
  assert.deepEqual(asked().filter((one) => one.includes('demo/a')).sort(), ['GET demo/a', 'GET demo/a.json']);
});

test('what could not be begun is requested again when it is wanted', async () => {
  const { files, demo } = opened();
  hub.misbehave(/weights/, { status: 503 });
  await demo.begin(Promise.resolve());
  await settled();
  hub.misbehave(/weights/, null);
  const { parts } = await demo.ofModel();
  const source = await files.open(parts.weights);
  same(await readAll(source), weights);
  await source.close();
});

test('a load that takes over what was begun is stopped by its own signal', async () => {
  for (const rule of [{ silent: true }, { stopAfter: 1000 }]) {
    const { files, demo } = opened();
    hub.misbehave(/weights/, rule);
    await demo.begin(Promise.resolve());
    const { parts } = await demo.ofModel();
    const stop = new AbortController();
    const read = files.open(parts.weights, { signal: stop.signal }).then(readAll);
    await settled();
    stop.abort(new Error('stopped'));
    await assert.rejects(read, /stopped/);
  }
});

test('another model leaves what was begun', async () => {
  const { files, demo } = opened();
  // An address of its own: the tests before may still be letting go of theirs.
  for (const name of ['demo.json', 'config.json', 'tokenizer.json', 'weights']) hub.put(`left/${name}`, hub.files.get(`demo/${name}`));
  demo.url = hub.url('left/demo.json');
  const own = () => asked().filter((one) => one.includes(' left/'));
  let proceed;
  const begun = demo.begin(new Promise((resolve) => (proceed = resolve)));
  while (own().length === 0) await settled();
  demo.abandon();
  proceed();
  await begun;
  await settled();
  assert.deepEqual(own(), ['GET left/demo.json']);
  // And the demo can be loaded all the same.
  const { parts } = await demo.ofModel();
  same(await files.bytes(parts.config), Buffer.from('{}'));
});
