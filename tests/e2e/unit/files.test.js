// Reading files by pieces from a host that behaves and misbehaves: what arrives is right, or the failure is told.

import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

import { damaged, readAll } from '../../../pkg/byte-sources.js';
import { BLOCK_BYTES } from '../../../pkg/cache.js';
import { SaeExplorerError } from '../../../pkg/errors.js';
import { Files } from '../../../pkg/files.js';
import { installFakeCaches } from './fake-cache.js';
import { connections } from './fetcher.js';
import { freshHub, numbered, same } from './host.js';

const SIZE = 4 * BLOCK_BYTES + 1000;
const big = numbered(SIZE);
const small = Buffer.from('just a few bytes');

const hub = await freshHub();
beforeEach(() => {
  installFakeCaches();
  hub.put('big.bin', big);
  hub.put('small.bin', small);
});

const notices = [];
const files = () => new Files((notice) => notices.push(notice), { waits: [1, 1, 1], connections: connections() });
const at = (name, more = {}) => ({ name, url: hub.url(name), ...more });
const load = async (name, options) => readAll(await files().open(at(name), options));

test('a file is read by pieces in any order, on one connection where it goes forward', async () => {
  const source = await files().open(at('big.bin'));
  assert.equal(source.size, SIZE);
  assert.equal(source.name, 'big.bin');
  for (let from = 0; from < SIZE; from += 3_000_000) {
    const length = Math.min(3_000_000, SIZE - from);
    same(await source.read(from, length), big.subarray(from, from + length));
  }
  assert.equal(hub.requests.length, 1);
  for (const [from, length] of [[SIZE - 5, 5], [BLOCK_BYTES - 3, 7], [0, 1], [2 * BLOCK_BYTES, BLOCK_BYTES + 1], [17, 0]]) {
    same(await source.read(from, length), big.subarray(from, from + length));
  }
});

test('what lies far ahead is asked for by itself', async () => {
  hub.put('far.bin', { size: 20 * BLOCK_BYTES, at: (from, to) => Buffer.alloc(to - from, Math.floor(from / BLOCK_BYTES)) });
  const source = await files().open(at('far.bin'));
  for (const block of [0, 19, 6, 5, 7]) assert.equal((await source.read(block * BLOCK_BYTES + 9, 1))[0], block);
  assert.deepEqual(hub.requests.map(({ range }) => Number(/=(\d+)/.exec(range)[1]) / BLOCK_BYTES), [0, 19, 6, 5]);
  source.close();
});

test('pieces asked for at once are all right', async () => {
  const source = await files().open(at('big.bin'));
  const asked = [[SIZE - 9, 9], [0, 9], [BLOCK_BYTES, 9], [0, SIZE], [3 * BLOCK_BYTES, 9]];
  const read = await Promise.all(asked.map(([from, length]) => source.read(from, length)));
  read.forEach((bytes, index) => same(bytes, big.subarray(asked[index][0], asked[index][0] + asked[index][1])));
});

test('what lies beyond the end is refused', async () => {
  const source = await files().open(at('small.bin'));
  for (const [from, length] of [[10, 10], [17, 1], [-1, 2], [0, 2 ** 60], [0.5, 1]]) {
    await assert.rejects(source.read(from, length), { code: 'bad-file', message: /small\.bin has 16 bytes/ });
  }
});

test('no more than a few blocks are fetched ahead of the reader', async () => {
  const huge = 40 * BLOCK_BYTES;
  let sent = 0;
  hub.put('huge.bin', { size: huge, at: (from, to) => ((sent = Math.max(sent, to)), Buffer.alloc(to - from)) });
  const source = await files().open(at('huge.bin'));
  await source.read(0, 10);
  await new Promise((resume) => setTimeout(resume, 300));
  // What lies in the sockets' buffers comes on top.
  assert.ok(sent < 12 * BLOCK_BYTES, `${sent} bytes were sent`);
  source.close();
});

test('progress counts every byte once', async () => {
  const told = [];
  await load('big.bin', { onBytes: ({ loaded, size, origin }) => told.push([loaded, size, origin]) });
  assert.deepEqual(told.at(-1), [SIZE, SIZE, 'network']);
  assert.ok(told.every(([loaded], index) => index === 0 || loaded >= told[index - 1][0]));
});

test('a file of this device is read by slices', async () => {
  const source = await files().open({ name: 'mine.bin', blob: new Blob([small]) });
  same(await source.read(5, 1), small.subarray(5, 6));
  same(await readAll(source), small);
  assert.deepEqual([source.origin, source.loaded], ['file', small.length]);
  await assert.rejects(source.read(0, 17), { code: 'bad-file' });
  const gone = { size: 3, slice: () => ({ arrayBuffer: () => Promise.reject(new DOMException('gone', 'NotReadableError')) }) };
  await assert.rejects((await files().open({ name: 'gone.bin', blob: gone })).read(0, 3), { code: 'unreadable', message: /gone\.bin.*choose it again/ });
});

test('only the file that a load failed by counts as damaged', () => {
  const sources = [{ name: 'a.safetensors' }, { name: 'b.safetensors' }];
  const error = (code, file) => new SaeExplorerError(code, 'x', file === undefined ? {} : { file });
  assert.deepEqual(damaged(error('bad-file', 'b.safetensors'), sources), [sources[1]]);
  assert.deepEqual(damaged(error('non-finite-weights', 'a.safetensors'), sources), [sources[0]]);
  assert.deepEqual(damaged(error('bad-file', 'config.json'), sources), [], 'the weights are not at fault');
  assert.deepEqual(damaged(error('wrong-shape'), sources), sources);
  for (const code of ['unreadable', 'network', 'cancelled', 'device-lost']) assert.deepEqual(damaged(error(code), sources), []);
  assert.deepEqual(damaged(undefined, sources), []);
});

test('an empty file is a file', async () => {
  hub.put('empty.bin', '');
  same(await load('empty.bin'), Buffer.alloc(0));
});

test('refusals are typed, name the file and say what to do', async () => {
  for (const [status, code, message] of [
    [404, 'missing-file', /small\.bin is missing.*404.*Check/],
    [410, 'missing-file', /410/],
    [401, 'network', /401.*private repository/],
    [403, 'network', /403.*gated/],
    [429, 'network', /429.*wait/],
    [503, 'network', /503.*try again/],
  ]) {
    hub.misbehave(/small/, { status });
    await assert.rejects(load('small.bin'), (error) => {
      assert.deepEqual([error.code, error.details.status, error.details.file], [code, status, 'small.bin']);
      assert.match(error.message, message);
      return true;
    });
  }
});

test('where the browser gives no reason all causes are named, by whose host it is', async (t) => {
  const failing = async (expected) => assert.rejects(load('small.bin'), expected);
  hub.misbehave(/small/, { loop: true });
  await failing({ code: 'cors', message: /127\.0\.0\.1.*circle.*Access-Control-Allow-Origin.*drop them/s });
  hub.rules = [];
  hub.offline = true;
  await failing({ code: 'cors' });
  globalThis.location = { href: `${hub.origin}/page`, origin: hub.origin };
  t.after(() => delete globalThis.location);
  await failing({ code: 'network', message: /cannot be reached/ });
  const online = Object.getOwnPropertyDescriptor(globalThis, 'navigator');
  Object.defineProperty(globalThis, 'navigator', { value: { onLine: false }, configurable: true });
  t.after(() => (online === undefined ? delete globalThis.navigator : Object.defineProperty(globalThis, 'navigator', online)));
  await failing({ code: 'network', message: /this device is offline/ });
});

test('a cut connection is taken up where it stopped', async () => {
  hub.misbehave(/big/, { cutAfter: 3_000_000 });
  same(await load('big.bin'), big);
  const starts = hub.requests.map(({ range }) => Number(/^bytes=(\d+)-$/.exec(range)[1]));
  assert.ok(starts.length >= 10 && starts.every((start, index) => index === 0 || start > starts[index - 1]), starts.join(' '));
});

test('without ranges a cut connection is taken up too, by passing over what is there', async () => {
  hub.misbehave(/big/, { noRange: true, cutAfter: 2 * BLOCK_BYTES + 5, cuts: 1 });
  same(await load('big.bin'), big);
  assert.equal(hub.requests.length, 2);
});

test('a connection that breaks again and again is given up, with what is stored', async () => {
  hub.misbehave(/big/, { cutAfter: BLOCK_BYTES + 7, cuts: 1 });
  const source = await files().open(at('big.bin'));
  await source.read(0, 10);
  hub.misbehave(/big/, { cutAfter: 100 });
  await assert.rejects(readAll(source), (error) => {
    assert.equal(error.code, 'network');
    assert.match(error.message, /big\.bin.*broke 4 times.*go on from there/);
    assert.equal(error.details.stored, BLOCK_BYTES);
    return true;
  });
  hub.rules = [];
  same(await readAll(source), big);
});

test('an answer that ends before its announced length is a broken connection', async () => {
  hub.misbehave(/small/, { announce: 20, noRange: true });
  await assert.rejects(load('small.bin'), { code: 'network', message: /small\.bin/ });
});

test('a length other than the expected one is told', async () => {
  await assert.rejects(files().open(at('small.bin', { bytes: 17 })), { code: 'bad-file', message: /has 16 bytes where 17 are expected/ });
});

test('a file that changes on the way is noticed, and nothing of it stays', async () => {
  for (const [before, rule] of [[BLOCK_BYTES + 7, {}], [100, { noRange: true }]]) {
    const caches = installFakeCaches();
    hub.misbehave(/big/, { ...rule, cutAfter: before, cuts: 1, change: 1 });
    await assert.rejects(load('big.bin'), { code: 'file-changed', message: /big\.bin was changed.*Try again/ });
    assert.equal(caches.parts.size, 0);
  }
  hub.misbehave(/big/, { change: 0 });
  same(await load('big.bin'), big.map((byte) => byte ^ 0xff));
});

test('a file that changes its length on the way is noticed', async () => {
  const caches = installFakeCaches();
  hub.misbehave(/big/, { cutAfter: BLOCK_BYTES + 7, noMarks: true });
  const source = await files().open(at('big.bin'));
  await source.read(0, 10);
  hub.put('big.bin', big.subarray(0, SIZE - 1));
  await assert.rejects(readAll(source), { code: 'file-changed' });
  assert.equal(caches.parts.size, 0);
});

test('a host without ranges is read forward, and what was passed is there again', async () => {
  hub.misbehave(/big/, { noRange: true });
  for (const deny of [null, new Error('denied')]) {
    installFakeCaches().deny = deny;
    const source = await files().open(at('big.bin'));
    same(await source.read(SIZE - 10, 10), big.subarray(SIZE - 10));
    same(await readAll(source), big);
  }
  assert.equal(hub.requests.length, 2);
});

test('compressed answers, and answers of unknown length, are read whole', async () => {
  for (const rule of [{ gzip: true }, { noLength: true, noRange: true }]) {
    for (const [name, content] of [['part.bin', big.subarray(0, BLOCK_BYTES + 1000)], ['small.bin', small]]) {
      installFakeCaches();
      hub.put(name, content);
      hub.misbehave(/bin/, rule);
      same(await load(name), content);
      hub.requests.length = 0;
      same(await load(name), content);
      assert.deepEqual(hub.asked('GET'), [], 'stored, and the same by its marks');
    }
  }
});

test('an answer of unknown length that breaks off is taken up, and noticed when it is another file by then', async () => {
  hub.misbehave(/big/, { noLength: true, noRange: true, cutAfter: 2 * BLOCK_BYTES + 7, cuts: 2 });
  const told = [];
  same(await load('big.bin', { onBytes: ({ loaded }) => told.push(loaded) }), big);
  assert.ok(told.every((loaded, index) => index === 0 || loaded >= told[index - 1]));
  hub.misbehave(/big/, { noLength: true, noRange: true, cutAfter: 100_000 });
  installFakeCaches();
  await assert.rejects(load('big.bin'), { code: 'network', message: /big\.bin was not loaded to its end/ });
  hub.misbehave(/big/, { noLength: true, noRange: true, cutAfter: 100_000, cuts: 1, change: 1 });
  await assert.rejects(load('big.bin'), { code: 'file-changed' });
});

test('a host that sends another part than the one asked for is refused', async () => {
  hub.put('far.bin', { size: 9 * BLOCK_BYTES, at: (from, to) => Buffer.alloc(to - from) });
  hub.misbehave(/far/, { wrongPart: true });
  const source = await files().open(at('far.bin'));
  await assert.rejects(source.read(9 * BLOCK_BYTES - 10, 10), { code: 'no-range', message: /far\.bin.*Download the file/ });
});

test('a signal ends everything at once, however slow the host', async () => {
  const reason = { code: 'cancelled', message: 'stopped' };
  await assert.rejects(load('big.bin', { signal: AbortSignal.abort(reason) }), reason);
  hub.misbehave(/big/, { pause: 200 });
  const controller = new AbortController();
  const source = await files().open(at('big.bin'), { signal: controller.signal });
  const reads = [source.read(0, 10), source.read(SIZE - 10, 10)];
  controller.abort(reason);
  for (const read of reads) await assert.rejects(read, reason);
  await assert.rejects(source.read(0, 1), reason);
});

test('a signal ends the wait before another attempt', async () => {
  const reason = { code: 'cancelled', message: 'stopped' };
  hub.misbehave(/big/, { cutAfter: 100 });
  const controller = new AbortController();
  const patient = new Files(assert.fail, { waits: [60_000], connections: connections() });
  const source = await patient.open(at('big.bin'), { signal: controller.signal });
  const read = source.read(0, 10_000);
  await new Promise((resume) => setTimeout(resume, 50));
  controller.abort(reason);
  await assert.rejects(read, reason);
});

test('more files than a browser gives connections are read at once', async () => {
  const names = Array.from({ length: 9 }, (_, index) => `shard-${index}.bin`);
  names.forEach((name, index) => hub.put(name, { size: 3 * BLOCK_BYTES, at: (from, to) => Buffer.alloc(to - from, index) }));
  const all = files();
  const sources = await Promise.all(names.map((name) => all.open(at(name))));
  for (const [index, source] of sources.entries()) assert.equal((await source.read(0, 8))[7], index);
  for (const [index, source] of sources.entries()) assert.equal((await source.read(2 * BLOCK_BYTES, 8))[0], index);
  sources.forEach((source) => source.close());
});

test('JSON that says what other files must be', async () => {
  hub.put('list.json', '[1]');
  assert.deepEqual(await files().json(at('list.json')), [1]);
  await assert.rejects(files().json(at('small.bin')), { code: 'bad-file', message: /small\.bin is not JSON/ });
  await assert.rejects(files().json(at('none.json')), { code: 'missing-file' });
  hub.offline = true;
  await assert.rejects(files().json(at('list.json')), { code: 'cors' });
});
