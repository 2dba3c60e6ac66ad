// An atlas of the demo's SAEs with a few features that tests look at.

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { SHARD_SIZE, described, publish, record, row, shardFile, shardName, tableFile, vocabulary, vocabularyFile } from './atlas-format.js';
import { manifest } from './demo.js';
import { dist } from './server.js';

const LATENTS = 4096;

/** The hashes of the demo's SAEs by their hooks, as its own atlas states them. */
const hashes = Object.fromEntries(JSON.parse(await readFile(join(dist, 'demo/atlas/atlas.json'), 'utf8')).sets.map(({ hook, sha256 }) => [hook, sha256]));

const tokens = vocabulary();

/** Ids of tokens by their texts. */
const ids = new Map(tokens.map((bytes, id) => [bytes.toString(), id]));

/** The token of a text. */
export function id(text) {
  const found = ids.get(text);
  if (found === undefined) throw new Error(`the demo's vocabulary has no ${JSON.stringify(text)}`);
  return found;
}

/** Words as tokens: the first as it begins a text. */
const words = (line) => line.split(' ').map((word, at) => id(at === 0 ? word : ` ${word}`));

const KING = words('Once upon a time there was a king who had three daughters');
const SCRIPT = [...['<', 's', 'c', 'ri', 'pt', '>', ' king'].map(id)];

/** Features that the tests look at, of each set. */
export const FEATURES = {
  902: { label: 'before', fired: 1, windows: 1, density: 1e-5, max: 1, mean: 1e-5, meanSquare: 1e-5, skew: 300, kurtosis: 1e5, histogram: { width: 0.5, first: 2, counts: [1] }, top: [{ tokens: KING, fires: [[1, 1]] }], sources: [1, 0] },
  903: {
    label: '<b>king</b> → who', fired: 400, windows: 300, density: 0.004, max: 4, mean: 0.008, meanSquare: 0.02, skew: 21.5, kurtosis: 520.25,
    histogram: { width: 0.5, first: 0, counts: [200, 100, 50, 25, 12, 8, 4, 1] },
    top: [
      { document: 3, start: 64, tokens: KING, fires: [[7, 4], [11, 1.5]] },
      { document: 5, tokens: SCRIPT, fires: [[6, 3.5]] },
      { document: 3, tokens: [...KING, ...KING, ...KING, ...KING], fires: [[43, 3]] },
    ],
    intervals: [
      { low: 2, high: 4, windows: 17, examples: [{ document: 3, tokens: KING, fires: [[7, 2.5]] }] },
      { low: 1, high: 2, windows: 283, examples: [{ document: 5, tokens: KING, fires: [[5, 1.25]] }] },
    ],
    random: [{ document: 3, tokens: KING, fires: [[9, 0.75]] }],
    tokens: [[id(' king'), 300, 400], [id(' three'), 100, 2000]],
    sources: [300, 100],
    documents: [[3, 90], [5, 10]],
    coactive: [[902, 12, 2.5]],
    logits: { up: [[id(' who'), 0.5], [id(' had'), 0.25]], down: [[id('pt'), -0.5]], histogram: { width: 0.125, first: -4, counts: [1, 10, 900, 4000, 3000, 200, 80] } },
    similar: [[902, 0.5], [70, 0.25]],
    elsewhere: [['layer-1', 7, 0.75]],
    neurons: [[2, 11, 0.5]],
    heads: [[1, 3, 2.25]],
  },
  905: { label: 'no weights', fired: 2, windows: 2, density: 2e-5, max: 2, mean: 1e-5, meanSquare: 1e-5, histogram: { width: 0.5, first: 2, counts: [1, 0, 1] }, top: [{ tokens: KING, fires: [[2, 2]] }] },
};

/**
 * Puts an atlas of the demo's SAEs into a server's site, and names it in the manifest; gives its files by their paths.
 * @param {string[]} [given.unknown] what it leaves open, as an imported one may
 */
export function putAtlas(server, { name = manifest.name, unknown } = {}) {
  const files = new Map();
  const put = (path, bytes) => {
    files.set(path, bytes);
    return described(path, bytes);
  };
  const texts = put('vocabulary.bin', vocabularyFile(tokens));
  const all = Array.from({ length: LATENTS }, (_, latent) => latent);
  const sets = manifest.saes.map(({ hook }) => {
    const set = `layer-${/\d+/.exec(hook)[0]}`;
    const shards = [];
    for (let first = 0; first < LATENTS; first += SHARD_SIZE) {
      const records = all.slice(first, first + SHARD_SIZE);
      shards.push(put(shardName(set, first / SHARD_SIZE), shardFile(records.map((latent) => record(latent, FEATURES[latent])))));
    }
    const table = put(`${set}/table.bin`, tableFile(all.map((latent) => row(latent, FEATURES[latent]))));
    return { id: set, kind: 'sae', hook, n_latents: LATENTS, sha256: hashes[hook], tokens: 100000, source_tokens: [60000, 40000], shard_size: SHARD_SIZE, shards, table, map: null, token_index: null, coactivation_error: 0 };
  });
  const index = {
    version: 1,
    model: { name, sha256: '0'.repeat(64), tokenizer_sha256: createHash('sha256').update(tokens.map((bytes) => `${bytes.toString('hex')}\n`).join('')).digest('hex'), vocabulary: tokens.length },
    corpus: { name: 'tales and scripture', sources: ['tales', 'kjv'], source_tokens: [60000, 40000], documents: 9, windows: 1600, tokens: 100000 },
    settings: { context: 64, bos: true, top: 10, per_interval: 2, random: 3, after: 8, seed: 0 },
    sets,
    documents: [{ number: 0, name: 'first', source: 0 }, { number: 3, name: 'The king and his daughters', source: 0 }, { number: 5, name: '<script>alert(1)</script>', source: 1 }],
    vocabulary: texts,
    tables: [],
    ...(unknown === undefined ? {} : { imported: { format: 'sae-dashboard', unknown, missing: {} } }),
  };
  put('atlas.json', Buffer.from(JSON.stringify(index)));
  publish(server, files);
  return files;
}
