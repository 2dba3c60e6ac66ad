// What a worker holds of its sources: a few blocks and connections, and nothing of one that is done with.

import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { readAll } from '../../../pkg/byte-sources.js';
import { BLOCK_BYTES } from '../../../pkg/cache.js';
import { Files } from '../../../pkg/files.js';
import { Memory } from '../../../pkg/memory.js';
import { installFakeCaches } from './fake-cache.js';
import { connections } from './fetcher.js';
import { freshHub, numbered, same } from './host.js';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc');
const hub = await freshHub();
beforeEach(() => void installFakeCaches());

/** Resolves when nothing holds what a WeakRef points to; fails where something still does. */
async function released(reference) {
  for (let turn = 0; turn < 50; turn += 1) {
    await new Promise((resume) => setTimeout(resume, 10));
    collect();
    if (reference.deref() === undefined) return;
  }
  assert.fail('the source is still held');
}

test('a source that was released is held no longer', async () => {
  const memory = new Memory();
  const reference = await (async () => {
    const source = { hangUp() {} };
    memory.set(source, 0, Promise.resolve(new Uint8Array(10)));
    memory.streaming(source);
    memory.stopped(source);
    memory.release(source);
    return new WeakRef(source);
  })();
  await released(reference);
  assert.equal(memory.get({}, 0), undefined, 'another source has no block of it');
});

test('a file that was read and closed is held no longer', async () => {
  hub.put('big.bin', numbered(3 * BLOCK_BYTES));
  const files = new Files(assert.fail, { waits: [1], connections: connections() });
  const reference = await (async () => {
    const source = await files.open({ name: 'big.bin', url: hub.url('big.bin') });
    await readAll(source);
    await source.close();
    return new WeakRef(source);
  })();
  await released(reference);
});

test('sources do not share blocks, also after others were released', async () => {
  const memory = new Memory();
  const [one, two, three] = [{}, {}, {}];
  memory.set(one, 0, Promise.resolve(1));
  memory.set(two, 0, Promise.resolve(2));
  memory.release(one);
  memory.set(three, 0, Promise.resolve(3));
  assert.equal(memory.get(one, 0), undefined);
  assert.deepEqual([await memory.get(two, 0), await memory.get(three, 0)], [2, 3]);
});

test('a file that was closed can be read again', async () => {
  const bytes = numbered(1000);
  hub.put('small.bin', bytes);
  const files = new Files(assert.fail, { waits: [1], connections: connections() });
  const source = await files.open({ name: 'small.bin', url: hub.url('small.bin') });
  same(await readAll(source), bytes);
  await source.close();
  same(await readAll(source), bytes);
  await source.close();
});
