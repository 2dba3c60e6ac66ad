// Checkpoints of trainings in the browser's own files: at any moment one is whole, whatever is cut off.

import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

import { StoredTraining, listTrainings, removeTraining, trainedFiles } from '../../../pkg/trainings.js';

const missing = () => Object.assign(new Error('not found'), { name: 'NotFoundError' });

/** A file system in memory; `room.left` bytes can be written, and a write that does not fit leaves what fits, as a disk does. */
class Folder {
  kind = 'directory';
  #entries = new Map();
  #room;

  constructor(room) {
    this.#room = room;
  }

  async getDirectoryHandle(name, { create = false } = {}) {
    if (!this.#entries.has(name) && create) this.#entries.set(name, new Folder(this.#room));
    return this.#entries.get(name) ?? Promise.reject(missing());
  }

  async getFileHandle(name, { create = false } = {}) {
    if (!this.#entries.has(name) && create) this.#entries.set(name, new File(this.#room));
    return this.#entries.get(name) ?? Promise.reject(missing());
  }

  async removeEntry(name) {
    if (!this.#entries.delete(name)) throw missing();
  }

  async *entries() {
    yield* this.#entries;
  }
}

class File {
  kind = 'file';
  #bytes = new Uint8Array();
  #room;

  constructor(room) {
    this.#room = room;
  }

  async getFile() {
    return new Blob([this.#bytes]);
  }

  async createSyncAccessHandle() {
    return {
      truncate: () => (this.#bytes = new Uint8Array()),
      write: (bytes) => {
        const count = Math.min(bytes.length, this.#room.left);
        this.#room.left -= count;
        this.#bytes = bytes.slice(0, count);
        return count;
      },
      flush() {},
      close() {},
    };
  }
}

let room;
beforeEach(() => {
  room = { left: Infinity };
  const top = new Folder(room);
  Object.defineProperty(globalThis.navigator ?? (globalThis.navigator = {}), 'storage', { configurable: true, value: { getDirectory: async () => top } });
});

const bytes = (text) => new TextEncoder().encode(text);
const files = (step) => ['cfg.json', 'sae_weights.safetensors', 'train.json', 'state.safetensors', 'state.json', 'log.jsonl'].map((path) => ({ path, bytes: bytes(`${path} of step ${step}`) }));
const info = (step, id = 'a') => ({ id, step, savedAt: step });
const stepOf = async (training) => (await training.load())?.info.step;

test('the last checkpoint is read, with the tokens that came once', async () => {
  const training = new StoredTraining('a');
  assert.equal(await training.load(), null);
  assert.deepEqual(await listTrainings(), []);
  await training.save([...files(2), { path: 'tokens.bin', bytes: bytes('tokens') }], info(2));
  for (const step of [3, 4, 5]) {
    await training.save(files(step), info(step));
    const found = await new StoredTraining('a').load();
    assert.equal(found.info.step, step);
    const texts = Object.fromEntries(found.files.map(({ path, bytes }) => [path, new TextDecoder().decode(bytes)]));
    assert.equal(texts['tokens.bin'], 'tokens');
    assert.equal(texts['state.safetensors'], `state.safetensors of step ${step}`);
  }
  assert.deepEqual((await trainedFiles('a')).map(({ path }) => path), ['cfg.json', 'sae_weights.safetensors', 'train.json', 'log.jsonl']);
  await new StoredTraining('b').save([...files(9), { path: 'tokens.bin', bytes: bytes('x') }], info(9, 'b'));
  assert.deepEqual((await listTrainings()).map(({ id, step }) => [id, step]), [['b', 9], ['a', 5]]);
  await removeTraining('a');
  await removeTraining('a');
  assert.deepEqual((await listTrainings()).map(({ id }) => id), ['b']);
  assert.equal(await trainedFiles('a'), null);
});

test('wherever a full disk cuts a checkpoint off, the one before is whole, and the next one can be written', async () => {
  const training = new StoredTraining('a');
  await training.save([...files(1), { path: 'tokens.bin', bytes: bytes('tokens') }], info(1));
  let last = 1;
  let cut = 0;
  for (let left = 0; left < 400; left += 7) {
    room.left = left;
    const saved = await training.save(files(left + 2), info(left + 2)).then(() => true, (error) => {
      assert.equal(error.name, 'QuotaExceededError');
      return false;
    });
    room.left = Infinity;
    if (saved) last = left + 2;
    else cut += 1;
    const found = await training.load();
    assert.equal(found.info.step, last);
    for (const { path, bytes } of found.files) if (path !== 'tokens.bin') assert.equal(new TextDecoder().decode(bytes), `${path} of step ${last}`);
  }
  assert.ok(cut > 10 && last > 1, `${cut} were cut off, and the last one that was not is ${last}`);
  await training.save(files(1000), info(1000));
  assert.equal(await stepOf(training), 1000);
});

test('a page without files of its own keeps nothing, and says so', async () => {
  Object.defineProperty(globalThis.navigator, 'storage', { configurable: true, value: { getDirectory: async () => Promise.reject(new Error('no')) } });
  assert.deepEqual(await listTrainings(), []);
  assert.equal(await trainedFiles('a'), null);
  await assert.rejects(new StoredTraining('a').save(files(1), info(1)), /no files of its own/);
});
