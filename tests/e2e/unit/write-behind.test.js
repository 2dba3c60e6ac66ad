// Blocks on their way into the store: what waits is readable, comes there in the end, and never takes too much memory.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { MOST_BYTES, WriteBehind } from '../../../pkg/write-behind.js';

/** A stored file whose writes end when the test says so. */
function slowEntry(key) {
  const entry = { key, written: [], put: (index) => new Promise((resolve) => (entry.finish = () => resolve(entry.written.push(index)))) };
  return entry;
}
const quickEntry = (key) => ({ key, written: [], async put(index) { this.written.push(index); } });
const block = (first) => Uint8Array.of(first, 2, 3);
const turn = () => new Promise((resume) => setTimeout(resume, 5));
const settled = async (promise) => (await Promise.race([promise.then(() => true), turn().then(() => false)]));

test('what waits is readable, and is written when its file is done with', async () => {
  const behind = new WriteBehind();
  const [one, other] = [quickEntry('one'), quickEntry('other')];
  await behind.add(one, 0, block(7));
  await behind.add(other, 0, block(8));
  await turn();
  assert.deepEqual([one.written, other.written], [[], []]);
  assert.equal(behind.find('one', 0)[0], 7);
  assert.equal(behind.find('one', 1), undefined);
  await behind.flush('one');
  assert.deepEqual([one.written, other.written], [[0], []]);
  assert.equal(behind.find('one', 0), undefined);
  assert.equal(behind.find('other', 0)[0], 8);
  await behind.flush();
  assert.deepEqual(other.written, [0]);
});

test('a block that is being written is still readable', async () => {
  const behind = new WriteBehind();
  const entry = slowEntry('slow');
  behind.add(entry, 3, block(9));
  const flushed = behind.flush('slow');
  assert.equal(await settled(flushed), false);
  assert.equal(behind.find('slow', 3)[0], 9);
  entry.finish();
  await flushed;
  assert.deepEqual(entry.written, [3]);
});

test('what is dropped is not written, but for the block that is under way', async () => {
  const behind = new WriteBehind();
  const [entry, other] = [slowEntry('slow'), quickEntry('other')];
  for (const index of [0, 1, 2]) behind.add(entry, index, block(index));
  behind.add(other, 5, block(5));
  behind.flush('slow');
  await turn();
  const dropped = behind.drop('slow');
  assert.equal(await settled(dropped), false, 'the first block is being written');
  entry.finish();
  await dropped;
  assert.deepEqual(entry.written, [0]);
  await behind.flush();
  assert.deepEqual(other.written, [5]);
});

test('where too much waits the next block waits for the store', async () => {
  const behind = new WriteBehind();
  const entry = slowEntry('slow');
  const half = new Uint8Array(MOST_BYTES / 2);
  assert.equal(await settled(behind.add(entry, 0, half)), true);
  assert.equal(await settled(behind.add(entry, 1, half)), true);
  assert.equal(entry.finish, undefined, 'nothing is written while there is room');
  const third = behind.add(entry, 2, half);
  assert.equal(await settled(third), false);
  entry.finish();
  await third;
  assert.deepEqual(entry.written, [0]);
});
