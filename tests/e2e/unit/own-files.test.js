// Hashes of files of one's own, against Node's.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import test from 'node:test';

import { BlobSource } from '../../../pkg/byte-sources.js';
import { weightsHash } from '../../../pkg/own-files.js';

const files = {
  open: async ({ name, blob }, { signal }) => new BlobSource({ name, blob, signal }),
};

// As the engine's: it is given pieces, and ends as hexadecimal digits.
const newHash = () => {
  const hash = createHash('sha256');
  return { update: (bytes) => hash.update(bytes), finish: () => hash.digest('hex') };
};

const safetensors = (tensors, size) => {
  const header = new TextEncoder().encode(JSON.stringify(tensors));
  const whole = new Uint8Array(8 + header.length + size);
  new DataView(whole.buffer).setBigUint64(0, BigInt(header.length), true);
  whole.set(header, 8);
  for (let at = 8 + header.length; at < whole.length; at += 1) whole[at] = (at * 31) % 251;
  return whole;
};

const file = (path, bytes) => ({ name: path.split('/').at(-1), path, blob: new Blob([bytes]) });
const text = (value) => JSON.stringify(value);
const digest = (...parts) => parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest('hex');

const given = (more = {}) => ({ files, signal: new AbortController().signal, newHash, onProgress: () => {}, ...more });

test('an SAE is known by its weights, whatever their length', async () => {
  for (const size of [0, 1, (1 << 20) - 100, (3 << 20) + 7]) {
    const weights = safetensors({ W_enc: {} }, size);
    const list = [file('sae/cfg.json', text({ d_in: 4, d_sae: 8 })), file('sae/sae_weights.safetensors', weights)];
    const seen = [];
    const found = await weightsHash(list, given({ onProgress: (loaded, total, { name }) => seen.push([loaded, total, name]) }));
    assert.deepEqual(found, { sha256: digest(weights), bytes: weights.length, files: ['sae_weights.safetensors'] });
    assert.deepEqual(seen.at(-1), [weights.length, weights.length, 'sae_weights.safetensors']);
  }
});

test('a model in shards is known by all of them in the order of their index', async () => {
  const shards = [safetensors({ 'wte.weight': {} }, 100), safetensors({ 'h.0.ln_1.weight': {} }, 200)];
  const list = [
    file('m/b.safetensors', shards[1]),
    file('m/a.safetensors', shards[0]),
    file('m/config.json', text({ model_type: 'gpt2', n_embd: 4 })),
    file('m/tokenizer.json', text({ model: { vocab: {} } })),
    file('m/model.safetensors.index.json', text({ weight_map: { one: 'a.safetensors', two: 'b.safetensors' } })),
  ];
  const { sha256, files: names } = await weightsHash(list, given());
  assert.equal(sha256, digest(...shards));
  assert.deepEqual(names, ['a.safetensors', 'b.safetensors']);
});

test('hashing is stopped between two pieces, and frees its hash', async () => {
  const weights = safetensors({ W_enc: {} }, 8 << 20);
  const list = [file('sae/cfg.json', text({ d_in: 4, d_sae: 8 })), file('sae/sae_weights.safetensors', weights)];
  const controller = new AbortController();
  let [updates, freed] = [0, 0];
  const stopped = () => ({
    update() {
      updates += 1;
      if (updates === 2) controller.abort(new Error('stopped'));
    },
    finish: () => assert.fail('not to the end'),
    free: () => (freed += 1),
  });
  await assert.rejects(weightsHash(list, given({ signal: controller.signal, newHash: stopped })), /stopped/);
  assert.deepEqual([updates, freed], [2, 1]);
});
