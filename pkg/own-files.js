// Hashes of files of one's own, by which links know them.

import { recognised } from './load.js';
import { Meter } from './progress.js';
import { onlyOne } from './recognise.js';

/** Bytes that are hashed before other messages have their turn: a few milliseconds. */
const PIECE_BYTES = 1 << 20;

/**
 * The SHA-256 of the weights among the files of one model or SAE: of a `.pt`, of `sae_weights.safetensors`, of
 * `model.safetensors`; of several shards, one after the other in the order of their index.
 * @param {import('./files.js').FileAt[]} list
 * @param {object} given
 * @param {import('./files.js').Files} given.files
 * @param {AbortSignal} given.signal
 * @param {() => {update(bytes: Uint8Array): void, finish(): string, free?(): void}} given.newHash begins a SHA-256
 * @param {(loaded: number, total: number, more: object) => void} given.onProgress
 * @returns {Promise<{sha256: string, bytes: number, files: string[]}>}
 */
export async function weightsHash(list, { files, signal, newHash, onProgress }) {
  const found = await recognised(list, { files, signal });
  const { parts } = onlyOne(found, found.models.length > 0 ? 'models' : 'saes');
  const sources = [parts.pt ?? parts.weights].flat().map(({ source }) => source);
  const bytes = sources.reduce((sum, { size }) => sum + size, 0);
  const meter = new Meter(onProgress, bytes);
  const hash = newHash();
  try {
    for (const source of sources) {
      source.attach({ signal, onBytes: meter.onBytes });
      await hashSource(source, hash);
    }
  } catch (error) {
    hash.free?.();
    throw error;
  }
  return { sha256: hash.finish(), bytes, files: sources.map(({ name }) => name) };
}

// A piece is read while the one before it is hashed.
async function hashSource(source, hash) {
  const piece = (at) => (at < source.size ? source.read(at, Math.min(PIECE_BYTES, source.size - at)) : null);
  for (let at = 0, next = piece(0); at < source.size; at += PIECE_BYTES) {
    const bytes = await next;
    next = piece(at + PIECE_BYTES);
    next?.catch(() => {}); // it is awaited next
    hash.update(bytes);
  }
}
