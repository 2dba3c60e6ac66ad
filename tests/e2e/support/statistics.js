// A stand-in atlas of the demo's model: its files as the format has them (docs/atlas.md), with statistics that are made up. Written
// here a second time, apart from the page's own code, which has to read them.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';

import { root } from './server.js';

const demo = (path) => readFileSync(join(root, 'web/demo', path));

/** Writes values as postcard does. */
class Writer {
  #parts = [];

  raw(bytes) { this.#parts.push(Buffer.from(bytes)); return this; }

  /** An unsigned number of any width. */
  uint(value) {
    const bytes = [];
    let rest = BigInt(value);
    for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
    bytes.push(Number(rest));
    return this.raw(bytes);
  }

  int(value) { return this.uint(value >= 0 ? 2 * value : -2 * value - 1); }

  f32(value) { const bytes = Buffer.alloc(4); bytes.writeFloatLE(value); return this.raw(bytes); }

  f64(value) { const bytes = Buffer.alloc(8); bytes.writeDoubleLE(value); return this.raw(bytes); }

  bytes(value) { const bytes = Buffer.from(value); return this.uint(bytes.length).raw(bytes); }

  list(values, write) {
    this.uint(values.length);
    for (const value of values) write(value);
    return this;
  }

  option(value, write) {
    if (value === null) return this.raw([0]);
    this.raw([1]);
    write(value);
    return this;
  }

  get done() { return Buffer.concat(this.#parts); }
}

/** A file of a kind. */
function file(kind, write) {
  const header = Buffer.alloc(16);
  header.write('SAEATLAS');
  header.writeUInt32LE(1, 8);
  header.writeUInt32LE(kind, 12);
  const writer = new Writer();
  write(writer);
  return Buffer.concat([header, deflateSync(writer.done)]);
}

/** The bytes of each token of the demo's vocabulary. */
export function vocabulary() {
  const { model: { vocab }, added_tokens: added = [] } = JSON.parse(demo('model/tokenizer.json'));
  const { vocab_size: size } = JSON.parse(demo('model/config.json'));
  // GPT-2 writes bytes that are no visible character as characters from U+0100 on.
  const visible = (byte) => (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
  const byteOf = new Map();
  let next = 256;
  for (let byte = 0; byte < 256; byte += 1) byteOf.set(String.fromCharCode(visible(byte) ? byte : next++), byte);
  const tokens = Array.from({ length: size }, () => Buffer.alloc(0));
  for (const [token, id] of Object.entries(vocab)) {
    const bytes = [...token].map((character) => byteOf.get(character));
    tokens[id] = bytes.includes(undefined) ? Buffer.from(token) : Buffer.from(bytes);
  }
  for (const { id, content } of added) tokens[id] = Buffer.from(content);
  return tokens;
}

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

function writeRow(writer, row) {
  writer.uint(row.latent).bytes(row.label).uint(row.fired).f32(row.max).f32(row.mean).f32(row.square);
  writer.option(row.skew, (value) => writer.f32(value)).option(row.kurtosis, (value) => writer.f32(value));
  writer.option(row.source, (value) => writer.uint(value)).f32(row.share).option(row.token, (value) => writer.uint(value));
  writer.list(row.up, (id) => writer.uint(id)).list(row.down, (id) => writer.uint(id));
}

/** The record of a feature with its moments, and nothing else. */
function writeRecord(writer, row, sources) {
  writer.uint(row.latent).bytes(row.label);
  writer.uint(row.fired).uint(Math.ceil(row.fired / 10)).f64(row.fired / TOKENS).f32(row.max).f64(row.mean).f64(row.square);
  writer.option(row.skew, (value) => writer.f64(value)).option(row.kurtosis, (value) => writer.f64(value));
  writer.f32(0).f32(0).int(0).uint(0); // histogram
  writer.int(0).uint(0); // octaves
  writer.uint(0).uint(0).uint(0).uint(0).uint(0); // top, intervals, random, tokens, distinct tokens
  writer.list(Array.from({ length: sources }, (_, source) => (source === row.source ? row.fired : 0)), (count) => writer.uint(count));
  writer.option(row.source, (value) => writer.uint(value));
  writer.uint(0).uint(0).raw([0]).uint(0).uint(0).uint(0).uint(0); // documents, coactive, logits, similar, elsewhere, neurons, heads
}

/**
 * An atlas of some of the demo's SAEs.
 * @param sets [{id, hook, rows, index, points}]
 * @returns a map of paths below the atlas's folder to their contents
 */
export function atlas({ sets, tokens, sources, shards = true }) {
  const files = new Map();
  const put = (path, bytes) => {
    files.set(path, bytes);
    return { path, bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
  };
  const SIZE = 64;
  const vocabularyFile = put('vocabulary.bin', file(6, (writer) => writer.list(tokens, (bytes) => writer.bytes(bytes))));
  const described = sets.map(({ id, hook, rows, index, points }) => {
    const empty = shards ? null : put(`${id}/features.bin`, Buffer.from('not written'));
    const shard = (number) => file(1, (writer) => writer.list(rows.slice(number * SIZE, (number + 1) * SIZE), (row) => writeRecord(writer, row, sources.length)));
    return {
      id,
      kind: 'sae',
      hook,
      n_latents: rows.length,
      sha256: createHash('sha256').update(id).digest('hex'),
      tokens: TOKENS,
      source_tokens: sources.map(() => Math.floor(TOKENS / sources.length)),
      shard_size: SIZE,
      shards: Array.from({ length: Math.ceil(rows.length / SIZE) }, (_, number) => empty ?? put(`${id}/features-${String(number).padStart(4, '0')}.bin`, shard(number))),
      table: put(`${id}/table.bin`, file(2, (writer) => writer.list(rows, (row) => writeRow(writer, row)))),
      map: points && put(`${id}/map.bin`, file(3, (writer) => writer.list(points, ([x, y]) => writer.f32(x).f32(y)))),
      token_index: index && put(`${id}/tokens.bin`, file(4, (writer) => writer.list(index, (features) => writer.list(features, ([latent, fired]) => writer.uint(latent).uint(fired))))),
      coactivation_error: 0,
    };
  });
  put('atlas.json', Buffer.from(JSON.stringify({
    version: 1,
    model: { name: 'demo', sha256: '0'.repeat(64), tokenizer_sha256: '0'.repeat(64), vocabulary: tokens.length },
    corpus: { name: 'made up', sources, source_tokens: sources.map(() => Math.floor(TOKENS / sources.length)), documents: 10, windows: 20_000, tokens: TOKENS },
    settings: { context: 64, bos: true, top: 10, per_interval: 2, random: 3, after: 8, seed: 0 },
    sets: described,
    documents: [],
    vocabulary: vocabularyFile,
    tables: [],
  })));
  return files;
}

/** Puts an atlas beside the demo of a site. */
export function publish(server, files) {
  const manifest = { ...JSON.parse(demo('demo.json')), atlas: { path: 'atlas/atlas.json', bytes: files.get('atlas.json').length } };
  server.files.set('demo/demo.json', Buffer.from(JSON.stringify(manifest)));
  for (const [path, bytes] of files) server.files.set(`demo/atlas/${path}`, bytes);
}
