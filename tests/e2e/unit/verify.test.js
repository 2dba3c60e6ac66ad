// What hosts tell of their files is held against what came: at once for small files, later for large ones.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { beforeEach, test } from 'node:test';

import { readAll } from '../../../pkg/byte-sources.js';
import { BLOCK_BYTES, Store } from '../../../pkg/cache.js';
import { Files } from '../../../pkg/files.js';
import { Queue } from '../../../pkg/queue.js';
import { Verifier } from '../../../pkg/verify.js';
import { installFakeCaches, storedBlocks } from './fake-cache.js';
import { connections } from './fetcher.js';
import { freshHub, same } from './host.js';

const big = Buffer.alloc(2 * BLOCK_BYTES + 1000, 'content');
const small = Buffer.from('{"d_in": 768}');
const sha256 = (bytes) => `sha256-${createHash('sha256').update(bytes).digest('hex')}`;
const WRONG = `sha256-${'a'.repeat(64)}`;

const hub = await freshHub();
let caches;
let notices;
beforeEach(() => {
  caches = installFakeCaches();
  notices = [];
  hub.put('big.bin', big);
  hub.put('cfg.json', small);
});

const files = () => new Files(assert.fail, { waits: [1], connections: connections() });
const at = (name, hash, bytes) => ({ name, url: hub.url(name), hash, bytes });
const hasher = () => {
  const hash = createHash('sha256');
  return { update: (bytes) => hash.update(bytes), finish: () => hash.digest('hex') };
};
const verifier = (given = {}) => new Verifier({ newHash: hasher, turn: async () => {}, onNotice: (notice) => notices.push(notice), ...given });

/** Loads the large file, whose host says that it has this hash, and resolves when it is stored. */
async function stored(hash) {
  const source = await files().open(at('big.bin', hash, big.length));
  same(await readAll(source), big);
  await source.close();
  return source.entry;
}

async function settled(condition) {
  for (let turn = 0; turn < 200 && !condition(); turn += 1) await new Promise((resume) => setTimeout(resume, 5));
  assert.ok(condition());
}

test('a small file is checked before it is used, by either hash', async () => {
  const git = `git-${createHash('sha1').update(`blob ${small.length}\0`).update(small).digest('hex')}`;
  for (const hash of [git, sha256(small)]) same(await files().bytes(at('cfg.json', hash, small.length)), small);
  for (const hash of [`git-${'b'.repeat(40)}`, WRONG]) {
    await assert.rejects(files().bytes(at('cfg.json', hash, small.length)), (error) => {
      assert.equal(error.code, 'bad-file');
      assert.match(error.message, /cfg\.json is not the file that its host lists: its (git hash|SHA-256) is [0-9a-f]+, not (b+|a+)\./);
      return true;
    });
  }
  const kept = (await new Store(assert.fail).entries()).map(({ key }) => key);
  assert.deepEqual(kept.sort(), [git, sha256(small)].sort(), 'what was wrong is not stored');
});

test('a large file is found to be the one that is listed, once', async () => {
  const entry = await stored(sha256(big));
  assert.equal(entry.verified, false);
  let hashed = 0;
  const counting = verifier({ newHash: () => ((hashed += 1), hasher()) });
  counting.add(entry);
  await settled(() => entry.verified);
  assert.deepEqual(notices, []);
  const again = await stored(sha256(big));
  assert.equal(again.verified, true);
  counting.add(again);
  assert.equal(hashed, 1);
});

test('a large file that is another one is told of and not kept', async () => {
  const entry = await stored(WRONG);
  assert.deepEqual(storedBlocks(caches), [0, 1, 2]);
  verifier().add(entry);
  await settled(() => notices.length > 0);
  assert.equal(notices[0].code, 'wrong-content');
  assert.match(notices[0].message, /big\.bin is not the file that its host lists: its SHA-256 is [0-9a-f]{64}, not a{64}\..*load it again/);
  assert.deepEqual(storedBlocks(caches), []);
});

test('a block that is written again makes a file unverified', async () => {
  const entry = await stored(sha256(big));
  await entry.markVerified();
  await entry.put(1, big.subarray(BLOCK_BYTES, 2 * BLOCK_BYTES));
  assert.equal(entry.verified, false);
  assert.equal((await stored(sha256(big))).verified, false);
});

test('a file that is deleted meanwhile says nothing, nor does one without a SHA-256', async () => {
  const entry = await stored(WRONG);
  let turns = 0;
  verifier({ turn: async () => ((turns += 1) === 2 ? entry.drop() : undefined) }).add(entry);
  hub.put('other.bin', big);
  const unmarked = await files().open({ name: 'other.bin', url: hub.url('other.bin') });
  await readAll(unmarked);
  await unmarked.close();
  verifier({ newHash: assert.fail }).add(unmarked.entry);
  verifier({ newHash: assert.fail }).add(null);
  await new Promise((resume) => setTimeout(resume, 50));
  assert.deepEqual(notices, []);
});

test('the engine goes first', async () => {
  const queue = new Queue(assert.fail);
  let release;
  const job = queue.add(1, 'a job', () => new Promise((resolve) => (release = resolve)));
  const entry = await stored(sha256(big));
  let hashed = 0;
  verifier({ turn: () => queue.idle(), newHash: () => ({ ...hasher(), update: () => (hashed += 1) }) }).add(entry);
  await new Promise((resume) => setTimeout(resume, 50));
  assert.equal(hashed, 0);
  release();
  await job;
  await settled(() => hashed > 16);
});
