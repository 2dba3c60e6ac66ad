// An atlas made by hand, in the format of docs/atlas.md and without the project's own writer: a header of 16 bytes and a zlib
// stream of what postcard writes.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';

import { manifest } from './demo.js';
import { dist } from './server.js';

const SHARD_SIZE = 64;
const LATENTS = 4096;

const tokenizer = JSON.parse(readFileSync(join(dist, 'demo', manifest.model.tokenizer.path), 'utf8'));
const spelled = Object.entries(tokenizer.model.vocab);
for (const { id, content } of tokenizer.added_tokens) spelled.push([content, id]);

/** Ids of tokens by their texts, a space written as such. */
const ids = new Map(spelled.map(([text, id]) => [text.replaceAll('Ġ', ' ').replaceAll('Ċ', '\n'), id]));

/** The token of a text. */
export function id(text) {
  const found = ids.get(text);
  if (found === undefined) throw new Error(`the demo's vocabulary has no ${JSON.stringify(text)}`);
  return found;
}

// Values as postcard writes them.

const bytesOf = (...parts) => Buffer.concat(parts);

function unsigned(value) {
  const bytes = [];
  let rest = BigInt(value);
  do {
    bytes.push(Number(rest & 0x7fn) | (rest > 0x7fn ? 0x80 : 0));
    rest >>= 7n;
  } while (rest > 0n);
  return Buffer.from(bytes);
}
const integer = (value) => unsigned(value < 0 ? -2 * value - 1 : 2 * value);
function single(value) {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return bytes;
}
function double(value) {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return bytes;
}
const text = (value) => bytesOf(unsigned(Buffer.byteLength(value)), Buffer.from(value));
const option = (value, write) => (value === null || value === undefined ? Buffer.of(0) : bytesOf(Buffer.of(1), write(value)));
const list = (values, write) => bytesOf(unsigned(values.length), ...values.map(write));

/** A positive number as f16 bits, exact for the numbers that tests use. */
function half(value) {
  const exponent = Math.floor(Math.log2(value));
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(((exponent + 15) << 10) | Math.round((value / 2 ** exponent - 1) * 1024));
  return bytes;
}

/** Activations, scaled so that the largest lies below 2^15. */
function activations(values) {
  const exponent = Math.floor(Math.log2(Math.max(...values))) + 1 - 15;
  return bytesOf(integer(exponent), list(values.map((value) => value / 2 ** exponent), half));
}

const histogram = ({ origin = 0, width = 0, first = 0, counts = [] } = {}) => bytesOf(single(origin), single(width), integer(first), list(counts, unsigned));
const example = ({ document = 0, start = 0, tokens, fires }) => {
  const positions = fires.map(([position]) => position);
  const values = fires.map(([, value]) => value);
  const peak = positions[values.indexOf(Math.max(...values))];
  return bytesOf(unsigned(document), unsigned(start), list(tokens, unsigned), unsigned(peak), list(positions, unsigned), activations(values));
};
const tokenValue = ([token, value]) => bytesOf(unsigned(token), single(value));

function record(latent, given = {}) {
  const { label = '', fired = 0, windows = 0, density = 0, max = 0, mean = 0, meanSquare = 0, skew = null, kurtosis = null } = given;
  return bytesOf(
    unsigned(latent), text(label),
    unsigned(fired), unsigned(windows), double(density), single(max), double(mean), double(meanSquare), option(skew, double), option(kurtosis, double),
    histogram(given.histogram),
    integer(0), list([], unsigned),
    list(given.top ?? [], example),
    list(given.intervals ?? [], ({ low, high, windows: many, examples }) => bytesOf(single(low), single(high), unsigned(many), list(examples, example))),
    list(given.random ?? [], example),
    list(given.tokens ?? [], ([token, times, occurs]) => bytesOf(unsigned(token), unsigned(times), unsigned(occurs))),
    unsigned(given.tokens?.length ?? 0),
    list(given.sources ?? [], unsigned),
    option(given.sources === undefined ? null : 0, unsigned),
    list(given.documents ?? [], ([document, times]) => bytesOf(unsigned(document), unsigned(times))),
    list(given.coactive ?? [], ([other, count, pmi]) => bytesOf(unsigned(other), unsigned(count), single(pmi))),
    option(given.logits, ({ up, down, histogram: effects }) => bytesOf(list(up, tokenValue), list(down, tokenValue), histogram(effects))),
    list(given.similar ?? [], ([other, cosine]) => bytesOf(unsigned(other), single(cosine))),
    list(given.elsewhere ?? [], ([set, other, cosine]) => bytesOf(text(set), unsigned(other), single(cosine))),
    list(given.neurons ?? [], ([layer, neuron, cosine]) => bytesOf(unsigned(layer), unsigned(neuron), single(cosine))),
    list(given.heads ?? [], ([layer, head, share]) => bytesOf(unsigned(layer), unsigned(head), single(share))),
  );
}

const row = (latent, { label = '', fired = 0, max = 0, mean = 0, meanSquare = 0, skew = null, kurtosis = null, sources, tokens = [], logits } = {}) =>
  bytesOf(
    unsigned(latent), text(label), unsigned(fired), single(max), single(mean), single(meanSquare), option(skew, single), option(kurtosis, single),
    option(sources === undefined ? null : 0, unsigned), single(sources === undefined ? 0 : sources[0] / sources.reduce((all, one) => all + one)), option(tokens[0]?.[0], unsigned),
    list((logits?.up ?? []).slice(0, 3).map(([token]) => token), unsigned), list((logits?.down ?? []).slice(0, 3).map(([token]) => token), unsigned),
  );

function file(kind, plain) {
  const header = Buffer.alloc(16);
  header.write('SAEATLAS');
  header.writeUInt32LE(1, 8);
  header.writeUInt32LE(kind, 12);
  return bytesOf(header, deflateSync(plain));
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

/** Puts an atlas of the demo's SAEs into a server's site, and names it in the manifest; gives its files by their paths. */
export function putAtlas(server, { name = manifest.name } = {}) {
  const files = new Map();
  const put = (path, bytes) => {
    files.set(path, bytes);
    server.files.set(`demo/atlas/${path}`, bytes);
    return { path, bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
  };
  const count = Math.max(...ids.values()) + 1;
  const texts = Array.from({ length: count }, () => Buffer.alloc(0));
  for (const [token, at] of ids) texts[at] = Buffer.from(token);
  const vocabulary = put('vocabulary.bin', file(6, list(texts, (bytes) => bytesOf(unsigned(bytes.length), bytes))));
  const all = Array.from({ length: LATENTS }, (_, latent) => latent);
  const sets = manifest.saes.map(({ hook }) => {
    const set = `layer-${/\d+/.exec(hook)[0]}`;
    const shards = [];
    for (let first = 0; first < LATENTS; first += SHARD_SIZE) {
      const records = all.slice(first, first + SHARD_SIZE);
      shards.push(put(`${set}/features-${String(first / SHARD_SIZE).padStart(4, '0')}.bin`, file(1, list(records, (latent) => record(latent, FEATURES[latent])))));
    }
    const table = put(`${set}/table.bin`, file(2, list(all, (latent) => row(latent, FEATURES[latent]))));
    return { id: set, kind: 'sae', hook, n_latents: LATENTS, sha256: '0'.repeat(64), tokens: 100000, source_tokens: [60000, 40000], shard_size: SHARD_SIZE, shards, table, map: null, token_index: null, coactivation_error: 0 };
  });
  const index = {
    version: 1,
    model: { name, sha256: '0'.repeat(64), tokenizer_sha256: createHash('sha256').update(texts.map((bytes) => `${bytes.toString('hex')}\n`).join('')).digest('hex'), vocabulary: count },
    corpus: { name: 'tales and scripture', sources: ['tales', 'kjv'], source_tokens: [60000, 40000], documents: 9, windows: 1600, tokens: 100000 },
    settings: { context: 64, bos: true, top: 10, per_interval: 2, random: 3, after: 8, seed: 0 },
    sets,
    documents: [{ number: 0, name: 'first', source: 0 }, { number: 3, name: 'The king and his daughters', source: 0 }, { number: 5, name: '<script>alert(1)</script>', source: 1 }],
    vocabulary,
    tables: [],
  };
  put('atlas.json', Buffer.from(JSON.stringify(index)));
  const bytes = files.get('atlas.json').length;
  server.files.set('demo/demo.json', Buffer.from(JSON.stringify({ ...manifest, atlas: { path: 'atlas/atlas.json', bytes } })));
  return files;
}
