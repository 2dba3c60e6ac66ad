// Fetching with progress, keeping, and telling what went wrong, over a network and a cache that the test plays.

import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

import { Files } from '../../../pkg/files.js';

const URL_A = 'http://files.test/a.bin';
let served; // url → {status?, body?, headers?, fails?}
let asked;
let kept; // the cache's content: url → Response

beforeEach(() => {
  served = new Map();
  asked = [];
  kept = new Map();
  globalThis.fetch = async (url, { method = 'GET', signal } = {}) => {
    signal?.throwIfAborted();
    asked.push(method);
    const { status = 200, body = [], headers = {}, fails = false } = served.get(url) ?? { status: 404 };
    if (fails) throw new TypeError('Failed to fetch');
    const bytes = method === 'HEAD' ? null : new Uint8Array(body);
    return new Response(bytes, { status, headers: { 'content-length': body.length, ...headers } });
  };
  globalThis.caches = {
    open: async () => ({
      match: async (url) => kept.get(url)?.clone(),
      put: async (url, response) => kept.set(url, response),
    }),
  };
});

const bytesOf = ({ bytes }) => [...bytes];
const file = { name: 'a.bin', url: URL_A };

test('a file comes with progress up to its length', async () => {
  served.set(URL_A, { body: [1, 2, 3] });
  const told = [];
  const read = await new Files(assert.fail).read(file, { onProgress: (...at) => told.push(at) });
  assert.deepEqual(bytesOf(read), [1, 2, 3]);
  assert.deepEqual(told[0], [0, 3]);
  assert.deepEqual(told.at(-1), [3, 3]);
});

test('a file that the server does not measure comes whole too', async () => {
  served.set(URL_A, { body: Array(1000).fill(7), headers: { 'content-encoding': 'gzip' } });
  const told = [];
  const read = await new Files(assert.fail).read(file, { onProgress: (...at) => told.push(at) });
  assert.equal(read.bytes.length, 1000);
  assert.deepEqual(told[0], [0, 0]);
  assert.deepEqual(told.at(-1), [1000, 1000]);
});

test('what was committed is used again while the server says it is the same', async () => {
  served.set(URL_A, { body: [1], headers: { etag: '"one"' } });
  const files = new Files(assert.fail);
  const first = await files.read(file);
  assert.equal(kept.size, 0, 'nothing is kept before its content has proved good');
  await first.commit();
  asked = [];
  assert.deepEqual(bytesOf(await files.read(file)), [1]);
  assert.deepEqual(asked, ['HEAD']);
});

test('a file that changed on the server is fetched again', async () => {
  served.set(URL_A, { body: [1], headers: { etag: '"one"' } });
  const files = new Files(assert.fail);
  await (await files.read(file)).commit();
  served.set(URL_A, { body: [2], headers: { etag: '"two"' } });
  assert.deepEqual(bytesOf(await files.read(file)), [2]);
});

test('a server that names no version is asked each time', async () => {
  served.set(URL_A, { body: [1] });
  const files = new Files(assert.fail);
  await (await files.read(file)).commit();
  served.set(URL_A, { body: [2] });
  assert.deepEqual(bytesOf(await files.read(file)), [2]);
});

test('without a connection the kept file is used', async () => {
  served.set(URL_A, { body: [1], headers: { etag: '"one"' } });
  const files = new Files(assert.fail);
  await (await files.read(file)).commit();
  served.set(URL_A, { fails: true });
  assert.deepEqual(bytesOf(await files.read(file)), [1]);
});

test('denied storage is told once, and files come all the same', async () => {
  const denials = {
    'no caches': () => delete globalThis.caches,
    'opening throws': () => (globalThis.caches = { open: () => Promise.reject(new Error('denied')) }),
    'matching throws': () => (globalThis.caches = { open: async () => ({ match: () => Promise.reject(new Error('denied')) }) }),
    'putting throws': () =>
      (globalThis.caches = { open: async () => ({ match: async () => undefined, put: () => Promise.reject(new Error('full')) }) }),
  };
  served.set(URL_A, { body: [1] });
  for (const [how, deny] of Object.entries(denials)) {
    deny();
    const told = [];
    const files = new Files((reason) => told.push(reason));
    for (let time = 0; time < 2; time += 1) {
      const read = await files.read(file);
      await read.commit();
      assert.deepEqual(bytesOf(read), [1], how);
    }
    assert.equal(told.length, 1, how);
  }
});

test('every failure is typed and names the file', async () => {
  const files = new Files(assert.fail);
  await assert.rejects(files.read(file), { code: 'missing-file', message: /a\.bin.*404/ });
  served.set(URL_A, { status: 503 });
  await assert.rejects(files.read(file), { code: 'network', message: /a\.bin.*503/ });
  served.set(URL_A, { fails: true });
  await assert.rejects(files.read(file), { code: 'network', message: /a\.bin.*cannot be reached/ });
  served.set(URL_A, { body: [1, 2] });
  await assert.rejects(files.read({ ...file, bytes: 3 }), (error) => {
    assert.equal(error.code, 'bad-file');
    assert.match(error.message, /a\.bin has 2 bytes where 3 are expected/);
    assert.equal(error.details.expected, 3);
    return true;
  });
  await assert.rejects(files.json(file), { code: 'bad-file', message: /a\.bin is not JSON/ });
});

test('an aborted read fails with what aborted it', async () => {
  served.set(URL_A, { body: [1] });
  const reason = { code: 'cancelled', message: 'stopped' };
  await assert.rejects(new Files(assert.fail).read(file, { signal: AbortSignal.abort(reason) }), reason);
});

test('several files are told as one', async () => {
  served.set(URL_A, { body: [1, 2, 3] });
  served.set('http://files.test/b.bin', { body: [4] });
  const told = [];
  const list = [{ ...file, bytes: 3 }, { name: 'b.bin', url: 'http://files.test/b.bin', bytes: 1 }];
  const read = await new Files(assert.fail).readTogether(list, { onProgress: (...at) => told.push(at) });
  assert.deepEqual(read.map(bytesOf), [[1, 2, 3], [4]]);
  assert.ok(told.every(([, total]) => total === 4), 'the total is known from the start');
  assert.deepEqual(told.at(-1), [4, 4]);
});
