// A stand-in atlas of the demo's model, with statistics that are made up.

import { createHash } from 'node:crypto';

import { SHARD_SIZE, described, mapFile, record, row as line, shardFile, shardName, tableFile, tokensFile, vocabularyFile } from './atlas-format.js';

export { publish, vocabulary } from './atlas-format.js';

const TOKENS = 1_000_000;

/** A generator of numbers from 0 to 1, the same at each run. */
function random(seed) {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Made-up statistics of a set: one row per latent, the features by token, coordinates. */
export function statistics({ latents, tokens, words, sources = 3, seed = 7 }) {
  const draw = random(seed);
  const ids = words.map((word) => tokens.findIndex((bytes) => bytes.toString() === word));
  const index = tokens.map(() => []);
  const rows = [];
  const points = [];
  for (let latent = 0; latent < latents; latent += 1) {
    // 7 is almost always on, 11 never fires.
    const density = latent === 7 ? 0.42 : 10 ** (-5 + 3.5 * draw());
    const fired = latent === 11 ? 0 : Math.max(1, Math.round(density * TOKENS));
    const at = latent % ids.length;
    const dead = fired === 0;
    rows.push({
      latent,
      label: dead ? '' : `${words[at].trim()} ${latent % 3 === 0 ? 'in tales' : 'and the like'}`,
      fired,
      max: dead ? 0 : 1 + 20 * draw(),
      mean: dead ? 0 : density * 3,
      square: dead ? 0 : density * 9,
      skew: dead ? null : 1 / density ** 0.5,
      kurtosis: dead ? null : 3 / density,
      source: dead ? null : latent % sources,
      share: dead ? 0 : 0.4 + 0.6 * draw(),
      token: dead ? null : ids[at],
      up: [ids[at], ids[(at + 1) % ids.length], ids[(at + 2) % ids.length]],
      down: [ids[(at + 3) % ids.length]],
    });
    if (!dead && index[ids[at]].length < 50) index[ids[at]].push([latent, 5000 - latent]);
    const [angle, radius] = [2 * Math.PI * draw(), Math.sqrt(draw()) * 0.98];
    points.push([Math.cos(angle) * radius, Math.sin(angle) * radius]);
  }
  return { rows, index, points };
}

const lineOf = (row) =>
  line(row.latent, {
    ...row,
    meanSquare: row.square,
    tokens: row.token === null ? [] : [[row.token]],
    logits: { up: row.up.map((id) => [id]), down: row.down.map((id) => [id]) },
  });

/** The record of a feature with its moments, and nothing else. */
const recordOf = ({ latent, label, fired, max, mean, square: meanSquare, skew, kurtosis, source }, sources) =>
  record(latent, {
    label, fired, windows: Math.ceil(fired / 10), density: fired / TOKENS, max, mean, meanSquare, skew, kurtosis, source,
    sources: Array.from({ length: sources }, (_, one) => (one === source ? fired : 0)),
  });

/**
 * An atlas of some of the demo's SAEs.
 * @param sets [{id, hook, rows, index, points}]
 * @returns a map of paths below the atlas's folder to their contents
 */
export function atlas({ sets, tokens, sources, shards = true }) {
  const files = new Map();
  const put = (path, bytes) => {
    files.set(path, bytes);
    return described(path, bytes);
  };
  const texts = put('vocabulary.bin', vocabularyFile(tokens));
  const all = sets.map(({ id, hook, rows, index, points }) => {
    const empty = shards ? null : put(`${id}/features.bin`, Buffer.from('not written'));
    const shard = (number) => shardFile(rows.slice(number * SHARD_SIZE, (number + 1) * SHARD_SIZE).map((row) => recordOf(row, sources.length)));
    return {
      id,
      kind: 'sae',
      hook,
      n_latents: rows.length,
      sha256: createHash('sha256').update(id).digest('hex'),
      tokens: TOKENS,
      source_tokens: sources.map(() => Math.floor(TOKENS / sources.length)),
      shard_size: SHARD_SIZE,
      shards: Array.from({ length: Math.ceil(rows.length / SHARD_SIZE) }, (_, number) => empty ?? put(shardName(id, number), shard(number))),
      table: put(`${id}/table.bin`, tableFile(rows.map(lineOf))),
      map: points && put(`${id}/map.bin`, mapFile(points)),
      token_index: index && put(`${id}/tokens.bin`, tokensFile(index)),
      coactivation_error: 0,
    };
  });
  put('atlas.json', Buffer.from(JSON.stringify({
    version: 1,
    model: { name: 'demo', sha256: '0'.repeat(64), tokenizer_sha256: '0'.repeat(64), vocabulary: tokens.length },
    corpus: { name: 'made up', sources, source_tokens: sources.map(() => Math.floor(TOKENS / sources.length)), documents: 10, windows: 20_000, tokens: TOKENS },
    settings: { context: 64, bos: true, top: 10, per_interval: 2, random: 3, after: 8, seed: 0 },
    sets: all,
    documents: [],
    vocabulary: texts,
    tables: [],
  })));
  return files;
}
