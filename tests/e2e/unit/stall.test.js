// Hosts that accept a request and say nothing, and hosts that stop in the middle: both end like a broken connection.

import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

import { readAll } from '../../../pkg/byte-sources.js';
import { BLOCK_BYTES } from '../../../pkg/cache.js';
import { Files } from '../../../pkg/files.js';
import { listRepository } from '../../../pkg/hub.js';
import { Stalled, within } from '../../../pkg/patience.js';
import { installFakeCaches } from './fake-cache.js';
import { connections } from './fetcher.js';
import { freshHub, numbered, same } from './host.js';

/** Long enough for an answer on a busy machine, milliseconds. */
const STALL = 400;
const SIZE = BLOCK_BYTES + 300_000;
const big = numbered(SIZE);

const hub = await freshHub();
beforeEach(() => {
  installFakeCaches();
  hub.put('big.bin', big);
  hub.put('list.json', '[1, 2, 3]');
  hub.repo('a/b', Object.fromEntries(Array.from({ length: 130 }, (_, index) => [`f${index}.txt`, 'x'])));
});

const files = () => new Files(assert.fail, { waits: [1, 1], connections: connections({ stall: STALL }) });
const at = (name, more = {}) => ({ name, url: hub.url(name), ...more });
const { host } = new URL(hub.origin);

/** Rejects with an error that says which host, what, how long, and what to do. */
const told = (promise, name, message) =>
  assert.rejects(promise, (error) => {
    assert.equal(error.code, 'network', error.stack);
    assert.equal(error.details.file, name);
    assert.match(error.message, message);
    for (const part of [name, host, `${STALL / 1000} seconds`]) assert.ok(error.message.includes(part), `${part} is not in: ${error.message}`);
    assert.match(error.message, /[Tt]ry again/);
    return true;
  });

test('a host that never answers is given up, for every kind of request', async () => {
  hub.misbehave(/./, { silent: true });
  const silent = /sent no answer for/;
  await told(files().open(at('big.bin')), 'big.bin', silent);
  assert.equal(hub.requests.length, 2, 'it was asked twice');
  await told(files().json(at('list.json')), 'list.json', silent);
  const known = await files().open(at('big.bin', { hash: `sha256-${'a'.repeat(64)}`, bytes: SIZE }));
  await told(known.read(0, 10), 'big.bin', silent);
});

test('a host that answers at the second time loses nothing', async () => {
  hub.misbehave(/./, { silent: 1 });
  same(await readAll(await files().open(at('big.bin'))), big);
  hub.misbehave(/./, { silent: 1 });
  assert.deepEqual(await files().json(at('list.json')), [1, 2, 3]);
  hub.misbehave(/./, { silent: 1 });
  same(await readAll(await files().open(at('big.bin', { hash: `sha256-${'b'.repeat(64)}`, bytes: SIZE }))), big);
});

test('a stored file is used when its host is silent', async () => {
  const first = files();
  same(await readAll(await first.open(at('big.bin'))), big);
  await first.store.behind.flush();
  hub.misbehave(/./, { silent: true });
  const source = await files().open(at('big.bin'));
  assert.equal(source.origin, 'cache');
  same(await readAll(source), big);
});

test('an answer that stops in the middle is taken up where it stopped', async () => {
  for (const rule of [{ stopAfter: 100_000, stops: 1 }, { stopAfter: 4_000_000, stops: 2 }, { stopAfter: BLOCK_BYTES + 70_000, stops: 1, noRange: true }, { stopAfter: 70_000, stops: 2, noRange: true, noLength: true }]) {
    installFakeCaches();
    hub.misbehave(/big/, rule);
    hub.requests.length = 0;
    same(await readAll(await files().open(at('big.bin'))), big);
    assert.equal(hub.requests.length, 1 + rule.stops, JSON.stringify(rule));
  }
});

test('an answer that stops again and again is given up, and said so', async () => {
  hub.misbehave(/big/, { stopAfter: 1000 });
  await told(readAll(await files().open(at('big.bin'))), 'big.bin', /was not loaded to its end.*broke 3 times \(nothing came for/);
  installFakeCaches();
  hub.misbehave(/big/, { stopAfter: 1000, noLength: true, noRange: true });
  await told(files().open(at('big.bin')), 'big.bin', /was not loaded to its end.*nothing came for/);
  hub.misbehave(/list/, { stopAfter: 4 });
  await told(files().json(at('list.json')), 'list.json', /was not loaded to its end.*nothing came for/);
});

test('a list of files that stops in the middle is asked for again', async () => {
  hub.misbehave(/^api/, { stopAfter: 100, stops: 1 });
  assert.equal((await listRepository(files(), hub.origin, { repo: 'a/b' })).size, 130);
  hub.misbehave(/^api/, { silent: true });
  assert.equal((await listRepository(files(), hub.origin, { repo: 'a/b' })).size, 130, 'the list is stored');
});

test('a slow host is none that is silent', async () => {
  hub.put('slow.bin', big.subarray(0, 6 * 65_536));
  hub.misbehave(/slow/, { pause: STALL / 2.5 });
  same(await readAll(await files().open(at('slow.bin'))), big.subarray(0, 6 * 65_536));
  assert.equal(hub.requests.length, 1);
});

test('a signal ends the wait for a silent host at once', async () => {
  hub.misbehave(/./, { silent: true });
  const reason = { code: 'cancelled', message: 'stopped' };
  const controller = new AbortController();
  const patient = new Files(assert.fail, { waits: [1], connections: connections({ stall: 60_000 }) });
  const opening = patient.open(at('big.bin'), { signal: controller.signal });
  const asking = patient.json(at('list.json'), { signal: controller.signal });
  await new Promise((resume) => setTimeout(resume, 50));
  controller.abort(reason);
  await assert.rejects(opening, reason);
  await assert.rejects(asking, reason);
});

test('time in which the thread was busy does not count as silence', async () => {
  const busy = (milliseconds) => {
    for (const until = performance.now() + milliseconds; performance.now() < until; );
  };
  const answered = new Promise((resolve) => setTimeout(resolve, 60, 'answer'));
  const waited = within(50, answered);
  busy(120);
  assert.equal(await waited, 'answer');
  await assert.rejects(within(20, new Promise(() => {})), Stalled);
  await assert.rejects(within(1000, Promise.reject(new Error('own'))), /own/);
});
