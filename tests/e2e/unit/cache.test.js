// What the browser's store promises: what is kept is whole and the right one, whatever interrupts it.

import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

import { readAll } from '../../../pkg/byte-sources.js';
import { BLOCK_BYTES, Store } from '../../../pkg/cache.js';
import { Files } from '../../../pkg/files.js';
import { installFakeCaches, storedBlocks } from './fake-cache.js';
import { connections } from './fetcher.js';
import { freshHub, numbered, same } from './host.js';

const SIZE = 3 * BLOCK_BYTES + 1000;
const big = numbered(SIZE);
const hash = `sha256-${'a'.repeat(64)}`;

const hub = await freshHub();
let caches;
let notices;
beforeEach(() => {
  caches = installFakeCaches();
  notices = [];
  hub.put('big.bin', big);
});

/** The files of a fresh worker, as after a reload. */
const files = () => new Files((notice) => notices.push(notice), { waits: [1, 1, 1], connections: connections() });
const file = () => ({ name: 'big.bin', url: hub.url('big.bin') });
const load = async (given = file(), options = {}) => {
  const source = await files().open(given, options);
  const bytes = await readAll(source);
  same(bytes, big);
  await source.close();
  return source;
};

test('a stored file is used again while the host says that it is the same', async () => {
  assert.equal((await load()).origin, 'network');
  assert.deepEqual(storedBlocks(caches), [0, 1, 2, 3]);
  hub.requests.length = 0;
  assert.equal((await load()).origin, 'cache');
  assert.deepEqual(hub.requests.map(({ method }) => method), ['HEAD']);
});

test('a file whose hash is known needs no request at all', async () => {
  await load({ ...file(), hash, bytes: SIZE });
  hub.requests.length = 0;
  assert.equal((await load({ ...file(), hash, bytes: SIZE })).origin, 'cache');
  assert.equal(hub.requests.length, 0);
  await load({ ...file(), url: hub.url('elsewhere.bin'), hash, bytes: SIZE });
  assert.equal(hub.requests.length, 0, 'the content counts, not where it came from');
});

test('a stored file is used without a connection, or when the host is out of order', async () => {
  await load();
  hub.offline = true;
  assert.equal((await load()).origin, 'cache');
  hub.offline = false;
  hub.misbehave(/big/, { status: 503 });
  assert.equal((await load()).origin, 'cache');
});

test('a file that is not wholly stored is not used without a connection', async () => {
  const source = await files().open(file());
  await source.read(0, 10);
  await source.close();
  hub.offline = true;
  await assert.rejects(files().open(file()), { code: 'cors' });
});

test('a file that the host has removed is not used', async () => {
  await load();
  hub.misbehave(/big/, { status: 404 });
  await assert.rejects(load(), { code: 'missing-file' });
});

test('a file that changed on the host is loaded anew, and the old one is gone', async () => {
  hub.put('big.bin', big.map((byte) => byte ^ 1));
  await readAll(await files().open(file()));
  const before = new Set(caches.parts.keys());
  hub.put('big.bin', big);
  assert.equal((await load()).origin, 'network');
  assert.ok([...caches.parts.keys()].every((address) => !before.has(address)));
});

test('a file that nothing marks is not stored', async () => {
  hub.misbehave(/big/, { noMarks: true });
  await load();
  assert.equal(caches.parts.size, 0);
});

test('a host that knows no HEAD is asked for the file itself, and no more of it than is missing', async () => {
  await load();
  hub.misbehave(/big/, { noHead: true });
  assert.equal((await load()).origin, 'cache');
});

test('what was loaded before a break is not loaded again', async () => {
  const source = await files().open(file());
  await source.read(BLOCK_BYTES + 5, 10);
  await source.close();
  const kept = storedBlocks(caches);
  assert.ok(kept.length >= 2 && kept.length < 4, `blocks ${kept}`);
  const [entry] = await new Store(assert.fail).entries();
  assert.equal(entry.complete, false);
  hub.requests.length = 0;
  const told = [];
  await load(file(), { onBytes: ({ loaded }) => told.push(loaded) });
  assert.equal(told.at(-1), SIZE);
  const ranges = hub.requests.filter(({ method }) => method === 'GET').map(({ range }) => range);
  assert.deepEqual(ranges, [`bytes=${kept.length * BLOCK_BYTES}-`]);
});

test('a stop in the middle of a block leaves nothing of that block', async () => {
  hub.misbehave(/big/, { cutAfter: BLOCK_BYTES + 70_000, cuts: 1, noRange: true });
  const controller = new AbortController();
  const reason = { code: 'cancelled' };
  const stopping = { signal: controller.signal, onBytes: ({ loaded }) => loaded > BLOCK_BYTES && controller.abort(reason) };
  await assert.rejects(readAll(await files().open(file(), stopping)), reason);
  for (let turn = 0; turn < 200 && storedBlocks(caches).length === 0; turn += 1) await new Promise((resume) => setTimeout(resume, 10));
  await new Promise((resume) => setTimeout(resume, 50));
  assert.deepEqual(storedBlocks(caches), [0]);
  await load();
});

test('a block of the wrong length is not used', async () => {
  await load();
  for (const address of caches.parts.keys()) if (address.endsWith('/1')) caches.parts.set(address, caches.parts.get(address).subarray(5));
  hub.requests.length = 0;
  await load();
  assert.ok(hub.asked('GET').length === 1, 'that block came from the network');
});

test('a block that the browser dropped comes from the network', async () => {
  await load();
  for (const address of caches.parts.keys()) if (address.endsWith('/2')) caches.parts.delete(address);
  assert.deepEqual((await new Store(assert.fail).entries()).map(({ complete }) => complete), [false]);
  await load();
  assert.deepEqual(storedBlocks(caches), [0, 1, 2, 3]);
});

test('two tabs that load the same file share what is stored and do not disturb each other', async () => {
  await Promise.all([load(), load()]);
  assert.deepEqual(storedBlocks(caches), [0, 1, 2, 3]);
  assert.equal((await new Store(assert.fail).entries()).length, 1);
  hub.requests.length = 0;
  await load();
  assert.deepEqual(hub.asked('GET'), []);
});

test('a tab that deletes what another one reads costs that one a request', async () => {
  await load();
  const source = await files().open(file());
  await source.read(0, 10);
  await new Store(assert.fail).delete('all');
  same(await readAll(source), big);
});

test('blocks whose description is gone or unreadable are cleared away', async () => {
  for (const spoil of [(address) => caches.parts.delete(address), (address) => caches.parts.set(address, Buffer.from('{"key":'))]) {
    await load();
    for (const address of [...caches.parts.keys()]) if (address.endsWith('/meta')) spoil(address);
    assert.deepEqual(await new Store(assert.fail).entries(), []);
    assert.equal(caches.parts.size, 0);
    await load();
    await new Store(assert.fail).delete('all');
  }
});

test('a description that cannot be read now costs no stored file', async () => {
  await load();
  const before = [...caches.parts.keys()];
  for (const late of [false, true]) {
    // Once: it is asked for again.
    caches.unreadable = { pattern: /\/meta$/, times: 1, late };
    assert.deepEqual((await new Store(assert.fail).entries()).map(({ complete }) => complete), [true]);
    // For longer: the file is not used and not listed, but stays where it is, also when it is loaded meanwhile.
    caches.unreadable = { pattern: /\/meta$/, times: Infinity, late };
    assert.deepEqual(await new Store(assert.fail).entries(), []);
    assert.equal((await load()).origin, 'network');
    caches.unreadable = null;
    assert.deepEqual([...caches.parts.keys()].filter((address) => before.includes(address)), before);
    hub.requests.length = 0;
    assert.equal((await load()).origin, 'cache');
    assert.deepEqual(hub.asked('GET'), []);
  }
  assert.deepEqual(notices, []);
});

test('a block that cannot be read now comes from the network', async () => {
  await load();
  caches.unreadable = { pattern: /\/1$/, times: Infinity };
  await load();
  caches.unreadable = null;
  hub.requests.length = 0;
  await load();
  assert.deepEqual(hub.asked('GET'), []);
});

test('when the room is used up loading goes on, and that is told once', async () => {
  for (const rule of [{}, { noRange: true }]) {
    caches = installFakeCaches();
    caches.room = 2.5 * BLOCK_BYTES;
    notices = [];
    hub.misbehave(/big/, rule);
    await load();
    assert.deepEqual(storedBlocks(caches), [0, 1]);
    assert.deepEqual(notices.map(({ code }) => code), ['quota']);
    assert.match(notices[0].message, /not kept.*Delete stored files/);
  }
  caches.room = Infinity;
  hub.rules = [];
  hub.requests.length = 0;
  await load();
  assert.deepEqual(hub.requests.at(-1).range, `bytes=${2 * BLOCK_BYTES}-`, 'what had room is used');
  assert.deepEqual(storedBlocks(caches), [0, 1, 2, 3]);
});

test('once files are deleted there is room again', async () => {
  caches.room = 100;
  const store = new Store((notice) => notices.push(notice));
  const entry = await store.entry({ url: hub.url('a'), name: 'a', size: 1000, etag: 'x' });
  assert.equal(await entry.put(0, new Uint8Array(1000)), false);
  assert.equal(store.writable, false);
  caches.room = 10_000;
  await store.delete('all');
  assert.equal(store.writable, true);
});

test('denied storage is told once, and files come all the same', async () => {
  const denials = {
    'no caches': () => delete globalThis.caches,
    'opening throws': () => (globalThis.caches = { open: () => Promise.reject(new Error('denied')) }),
    'everything throws': () => (caches.deny = new Error('denied')),
  };
  for (const [how, deny] of Object.entries(denials)) {
    caches = installFakeCaches();
    notices = [];
    deny();
    const own = files();
    for (let time = 0; time < 2; time += 1) assert.ok(Buffer.from(await readAll(await own.open(file()))).equals(big), how);
    assert.deepEqual(notices.map(({ code }) => code), ['storage-denied'], how);
    assert.deepEqual(await own.store.entries(), []);
  }
});

test('storage that is denied halfway does not stop the load', async () => {
  const source = await files().open(file());
  await source.read(0, 10);
  caches.deny = new Error('the disk is gone');
  same(await readAll(source), big);
  await source.close();
  assert.deepEqual(notices.map(({ code }) => code), ['storage-denied']);
});

test('a file that proved to be damaged is forgotten', async () => {
  const source = await load();
  await source.forget();
  assert.equal(caches.parts.size, 0);
  assert.equal((await load()).origin, 'network');
});

test('what is stored can be listed and deleted, file by file', async () => {
  hub.put('other.bin', 'other');
  await load();
  const other = files();
  await other.bytes({ name: 'other.bin', url: hub.url('other.bin') });
  await other.store.behind.flush();
  const store = new Store(assert.fail);
  const entries = await store.entries();
  assert.deepEqual(
    entries.map(({ meta, complete, storedBytes }) => [meta.name, meta.url, meta.size, complete, storedBytes]),
    [['big.bin', hub.url('big.bin'), SIZE, true, SIZE], ['other.bin', hub.url('other.bin'), 5, true, 5]],
  );
  assert.ok(entries.every(({ meta }) => Math.abs(Date.now() - meta.usedAt) < 60_000));
  await store.delete(entries[0].key);
  assert.deepEqual((await store.entries()).map(({ meta }) => meta.name), ['other.bin']);
  await store.delete('all');
  assert.equal(caches.parts.size, 0);
});

test('the store of earlier versions is deleted', async () => {
  await load();
  assert.deepEqual(caches.deleted, ['sae-explorer-v1']);
});

test("a host's list of files stands in for it when it cannot be reached", async () => {
  const store = new Store(assert.fail);
  assert.equal(await store.listing('http://a/'), null);
  await store.keepListing('http://a/', '[]');
  assert.equal(await store.listing('http://a/'), '[]');
  assert.equal(await store.listing('http://b/'), null);
  assert.deepEqual(await store.entries(), [], 'no file');
});

test('where storage is denied, requests leave it to the HTTP cache what it keeps', async () => {
  for (const [denied, expected] of [[false, 'no-store'], [true, 'default']]) {
    installFakeCaches();
    if (denied) globalThis.caches = { open: () => Promise.reject(new Error('denied')) };
    const given = connections();
    const asked = [];
    const { fetch } = given;
    given.fetch = (url, init) => {
      asked.push(init.cache);
      return fetch.call(given, url, init);
    };
    hub.put('kept.bin', numbered(1000));
    const source = await new Files(() => {}, { waits: [1], connections: given }).open({ name: 'kept.bin', url: hub.url('kept.bin') });
    same(await readAll(source), numbered(1000));
    await source.close();
    assert.deepEqual(asked, [expected]);
  }
});
