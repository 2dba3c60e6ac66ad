// A worker that is shared where browsers have such, and one of one's own elsewhere.

import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';

import { SaeExplorer } from '../../../pkg/index.js';
import { SharedEngine } from '../../../pkg/shared-engine.js';
import { fakeWorkers, installFakeLocks } from './fake-worker.js';
import './node-18.js';

const info = { id: 'm' };
const answers = { start: undefined, loadModel: info, loadSae: ({ id }) => ({ id }), trace: 'own' };
const taken = () => {
  throw { code: 'engine-shared', message: 'it has another model', details: {} };
};

beforeEach(installFakeLocks);
afterEach(() => {
  delete globalThis.SharedWorker;
});

/** The browser's SharedWorker, played by a worker that answers: `hello` is what it says first. */
function playShared(given, hello = { gpu: false }) {
  const fake = fakeWorkers(given);
  const names = [];
  globalThis.SharedWorker = class {
    constructor(_, { name }) {
      names.push(name);
      const worker = fake.spawn();
      this.port = {
        set onmessage(handler) {
          worker.onmessage = handler;
          if (hello !== null) queueMicrotask(() => worker.emit({ hello }));
        },
        postMessage: (message) => worker.postMessage(message),
        close: () => (worker.closed = true),
      };
    }
  };
  return { workers: fake.workers, names };
}

function playOwn() {
  const fake = fakeWorkers(answers);
  globalThis.Worker = function Worker() {
    return fake.spawn();
  };
  return fake.workers;
}

test('sessions of a name ask the shared worker, and have none of their own', async () => {
  const [{ workers, names }, own] = [playShared({ ...answers, trace: 'shared' }), playOwn()];
  const engine = await SaeExplorer.create({ share: 'figures' });
  await engine.loadModel('demo');
  assert.equal(await engine.trace('x'), 'shared');
  assert.deepEqual([names, workers[0].calls.map(({ method }) => method), own.length], [['figures'], ['start', 'loadModel', 'trace'], 0]);
});

test('what does not go together with what others have goes on in a worker of one\u2019s own', async () => {
  const [{ workers }, own] = [playShared({ ...answers, loadSae: taken }), playOwn()];
  const engine = await SaeExplorer.create({ share: 'figures', onNotice: assert.fail });
  await engine.loadModel('demo');
  await engine.loadSae('https://site.test/sae.pt', { hook: 'h', id: 'a' });
  assert.equal(await engine.trace('x'), 'own');
  assert.deepEqual(own.map(({ calls }) => calls.map(({ method }) => method)), [['start', 'loadModel', 'loadSae', 'trace']]);
  assert.ok(workers[0].closed);
});

test('a start with other options than those of others, the same', async () => {
  playShared({ ...answers, start: taken });
  const own = playOwn();
  const engine = await SaeExplorer.create({ share: 'figures' });
  await engine.loadModel('demo');
  assert.deepEqual(own.map(({ calls }) => calls.map(({ method }) => method)), [['start', 'loadModel']]);
});

test('where there are no shared workers, or they have no WebGPU and the page has, each has its own', async () => {
  const cases = [
    () => {},
    () => (globalThis.SharedWorker = class { constructor() { throw new DOMException('denied', 'SecurityError'); } }),
    () => {
      Object.assign(navigator, { gpu: {} });
      playShared(answers, { gpu: false });
    },
  ];
  for (const play of cases) {
    installFakeLocks();
    play();
    const own = playOwn();
    assert.equal(await SaeExplorer.prepare({ share: 'figures' }), false);
    const engine = await SaeExplorer.create({ share: 'figures' });
    await engine.loadModel('demo');
    assert.equal(await engine.trace('x'), 'own');
    assert.equal(own.length, 1);
    await engine.dispose();
    assert.ok(own[0].terminated);
  }
});

test('a prepared worker is taken by the session of its name', async () => {
  const [{ workers }, own] = [playShared(answers), playOwn()];
  assert.equal(await SaeExplorer.prepare({ share: 'figures' }), true);
  await SaeExplorer.create({ share: 'figures' });
  assert.equal(workers.length, 1);
  assert.equal(own.length, 0);
});

test('one that leaves frees the lock by which the worker knows of it', async () => {
  playShared(answers);
  const names = [];
  const { request } = navigator.locks;
  navigator.locks.request = (name, ...rest) => {
    names.push(name);
    return request(name, ...rest);
  };
  const engine = new SharedEngine('figures', assert.fail);
  assert.equal(await engine.shared, true);
  let left = false;
  request(names[0], () => (left = true));
  await new Promise((later) => setTimeout(later, 5));
  assert.equal(left, false);
  engine.terminate();
  await new Promise((later) => setTimeout(later, 5));
  assert.ok(left);
});
