// Connections that a fetcher reads: what arrives is the same as without one, and its death costs no more than a break.

import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

import { readAll } from '../../../pkg/byte-sources.js';
import { BLOCK_BYTES } from '../../../pkg/cache.js';
import { Connections } from '../../../pkg/connections.js';
import { Files } from '../../../pkg/files.js';
import { installFakeCaches } from './fake-cache.js';
import { anyOrigin, startFetcher } from './fetcher.js';
import { freshHub, numbered, same } from './host.js';

const SIZE = 3 * BLOCK_BYTES + 1000;
const big = numbered(SIZE);

const hub = await freshHub();
let fetcher;
let connections;
beforeEach(() => {
  installFakeCaches();
  hub.put('big.bin', big);
  fetcher = undefined;
  connections = new Connections(() => (fetcher = startFetcher()), { gate: anyOrigin });
});

const open = (signal = new AbortController().signal, init = {}) => connections.fetch(hub.url('big.bin'), { ...init, signal });
const files = () => new Files(assert.fail, { waits: [1, 1, 1], connections });
const file = () => ({ name: 'big.bin', url: hub.url('big.bin') });

test('an answer has what fetch tells, and its body comes by blocks, in order, passing over what is there', async () => {
  const { status, ok, headers, body } = await open(undefined, { headers: { range: 'bytes=100-' } });
  assert.equal(status, 206);
  assert.equal(ok, true);
  assert.equal(headers.get('content-range'), `bytes 100-${SIZE - 1}/${SIZE}`);
  const begun = new Uint8Array(50).fill(7);
  const fills = [
    body.fill({ length: 1000, skip: 11 }),
    body.fill({ length: 50, block: begun, filled: 20 }),
    body.fill({ length: 2 * BLOCK_BYTES }),
    body.fill({ length: 2 * BLOCK_BYTES }),
  ];
  const [one, two, three, rest] = await Promise.all(fills);
  same(one.block, big.subarray(111, 1111));
  same(two.block, Buffer.concat([Buffer.alloc(20, 7), big.subarray(1111, 1141)]));
  same(three.block, big.subarray(1141, 1141 + 2 * BLOCK_BYTES));
  assert.equal(rest.filled, SIZE - 1141 - 2 * BLOCK_BYTES);
  assert.equal(rest.reason, undefined);
  same(rest.block.subarray(0, rest.filled), big.subarray(1141 + 2 * BLOCK_BYTES));
});

test('bytes are told as they arrive, before their block is full', async () => {
  hub.misbehave(/big/, { pause: 10 });
  const { body } = await open();
  const told = [];
  await body.fill({ length: BLOCK_BYTES / 4 }, (filled) => told.push(filled));
  assert.ok(told.length > 2 && told[0] < BLOCK_BYTES / 4, `told ${told}`);
  assert.equal(told.at(-1), BLOCK_BYTES / 4);
  await body.cancel();
});

test('where there is no answer it rejects as fetch does', async () => {
  hub.offline = true;
  await assert.rejects(open(), TypeError);
});

test('a connection can be given up before its answer and in the middle of a block', async () => {
  const early = new AbortController();
  const asked = open(early.signal);
  early.abort(new Error('enough'));
  await assert.rejects(asked, { message: 'enough' });

  const late = new AbortController();
  hub.misbehave(/big/, { pause: 10 });
  const { body } = await open(late.signal);
  const filling = body.fill({ length: BLOCK_BYTES });
  late.abort();
  const { filled, reason } = await filling;
  assert.ok(filled < BLOCK_BYTES);
  assert.match(reason, /closed/);
  assert.match((await body.fill({ length: 1 })).reason, /closed/);
});

test('a fetcher that dies is done without: no answer and no byte is lost', async () => {
  const source = await files().open(file());
  same(await source.read(0, 100), big.subarray(0, 100));
  hub.requests.length = 0;
  fetcher.die();
  same(await readAll(source), big);
  assert.ok(hub.requests.length > 0, 'it was not asked for again');
  await source.close();
});

test('a fetcher whose script cannot be loaded is done without', async () => {
  connections = new Connections(() => {
    const dead = Object.assign(startFetcher(), { dead: true });
    setTimeout(() => dead.onerror({ message: 'not found' }), 5);
    return dead;
  }, { gate: anyOrigin });
  same(await files().bytes(file()), big);
});

test('a fetcher that falls silent without a word is done without', async () => {
  connections = new Connections(() => (fetcher = startFetcher()), { gate: anyOrigin, stall: 200 });
  const source = await files().open(file());
  same(await source.read(0, 100), big.subarray(0, 100));
  hub.requests.length = 0;
  fetcher.dead = true;
  fetcher.close(); // as a browser ends a worker for its memory: with no event
  same(await readAll(source), big);
  assert.ok(hub.requests.length > 0, 'it was not asked for again');
  await source.close();
});
