// The files of an atlas as the format has them (docs/atlas.md), written here a second time, apart from the project's own code, which
// has to read them: a header of 16 bytes and a zlib stream of what postcard writes.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { deflateSync, inflateSync } from 'node:zlib';

import { root } from './server.js';

/** Features per shard. */
export const SHARD_SIZE = 64;

const demo = (path) => readFileSync(join(root, 'web/demo', path));

/** A file of the index, from its path below the atlas's folder. */
export const described = (path, bytes) => ({ path, bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') });

/** Name of a shard. */
export const shardName = (set, shard) => `${set}/features-${String(shard).padStart(4, '0')}.bin`;

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
const list = (values, write) => Buffer.concat([unsigned(values.length), ...values.map((value) => write(value))]);

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

// Of counts by source the first is the main one, unless it is said.
const mainSource = ({ sources, source = sources === undefined ? null : 0 }) => source;
const shareOfSource = ({ sources, share = sources === undefined ? 0 : sources[0] / sources.reduce((all, one) => all + one) }) => share;

/** The record of a feature; what is not given is empty. */
export function record(latent, given = {}) {
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
    option(mainSource(given), unsigned),
    list(given.documents ?? [], ([document, times]) => bytesOf(unsigned(document), unsigned(times))),
    list(given.coactive ?? [], ([other, count, pmi]) => bytesOf(unsigned(other), unsigned(count), single(pmi))),
    option(given.logits, ({ up, down, histogram: effects }) => bytesOf(list(up, tokenValue), list(down, tokenValue), histogram(effects))),
    list(given.similar ?? [], ([other, cosine]) => bytesOf(unsigned(other), single(cosine))),
    list(given.elsewhere ?? [], ([set, other, cosine]) => bytesOf(text(set), unsigned(other), single(cosine))),
    list(given.neurons ?? [], ([layer, neuron, cosine]) => bytesOf(unsigned(layer), unsigned(neuron), single(cosine))),
    list(given.heads ?? [], ([layer, head, share]) => bytesOf(unsigned(layer), unsigned(head), single(share))),
  );
}

/** A line of the table. */
export const row = (latent, { label = '', fired = 0, max = 0, mean = 0, meanSquare = 0, skew = null, kurtosis = null, tokens = [], logits, ...given } = {}) =>
  bytesOf(
    unsigned(latent), text(label), unsigned(fired), single(max), single(mean), single(meanSquare), option(skew, single), option(kurtosis, single),
    option(mainSource(given), unsigned), single(shareOfSource(given)), option(tokens[0]?.[0], unsigned),
    list((logits?.up ?? []).slice(0, 3).map(([token]) => token), unsigned), list((logits?.down ?? []).slice(0, 3).map(([token]) => token), unsigned),
  );

/** A file of a kind. */
function file(kind, plain) {
  const header = Buffer.alloc(16);
  header.write('SAEATLAS');
  header.writeUInt32LE(1, 8);
  header.writeUInt32LE(kind, 12);
  return bytesOf(header, deflateSync(plain));
}

/** A shard, from its records. */
export const shardFile = (records) => file(1, list(records, (one) => one));
/** A table, from its lines. */
export const tableFile = (rows) => file(2, list(rows, (one) => one));
/** Coordinates. */
export const mapFile = (points) => file(3, list(points, ([x, y]) => bytesOf(single(x), single(y))));
/** Features by token: latent and number of times. */
export const tokensFile = (index) => file(4, list(index, (features) => list(features, ([latent, fired]) => bytesOf(unsigned(latent), unsigned(fired)))));
/** The bytes of each token. */
export const vocabularyFile = (tokens) => file(6, list(tokens, (bytes) => bytesOf(unsigned(bytes.length), bytes)));

/** The lines of a table, from its file. */
export function readTable(file) {
  const bytes = inflateSync(Buffer.from(file).subarray(16));
  let at = 0;
  const unsigned = () => {
    let [value, shift, byte] = [0, 1, 0];
    do {
      byte = bytes[at++];
      value += (byte & 0x7f) * shift;
      shift *= 128;
    } while (byte > 0x7f);
    return value;
  };
  const single = () => bytes.readFloatLE((at += 4) - 4);
  const text = () => {
    const length = unsigned();
    return bytes.toString('utf8', at, (at += length));
  };
  const option = (read) => (bytes[at++] === 0 ? null : read());
  const list = (read) => Array.from({ length: unsigned() }, read);
  return list(() => ({
    latent: unsigned(), label: text(), fired: unsigned(), max: single(), mean: single(), meanSquare: single(), skew: option(single), kurtosis: option(single),
    source: option(unsigned), share: single(), token: option(unsigned), up: list(unsigned), down: list(unsigned),
  }));
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

/** Puts an atlas beside the demo of a site. */
export function publish(server, files) {
  const manifest = { ...JSON.parse(demo('demo.json')), atlas: { path: 'atlas/atlas.json', bytes: files.get('atlas.json').length } };
  server.files.set('demo/demo.json', Buffer.from(JSON.stringify(manifest)));
  for (const [path, bytes] of files) server.files.set(`demo/atlas/${path}`, bytes);
}
