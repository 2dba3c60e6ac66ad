// Byte sources: {name, size, read(offset, length), pieces(offset, length), prefetch()}, from which the engine takes what it
// needs. A read gives exactly `length` bytes in an array of their own, or rejects with a SaeExplorerError; `pieces` gives
// them in one or several arrays that are the source's, to be copied at once.

import { SaeExplorerError } from './errors.js';

/** A file on this device, or bytes in memory: read by slices, never as a whole. */
export class BlobSource {
  origin = 'file';
  entry = null;
  loaded = 0;
  #blob;
  #signal;
  #onBytes;

  /** @param {{name: string, blob: Blob, signal?: AbortSignal, onBytes?: (source: object) => void}} given */
  constructor({ name, blob, signal, onBytes = () => {} }) {
    this.name = name;
    this.size = blob.size;
    this.#blob = blob;
    this.#signal = signal;
    this.#onBytes = onBytes;
  }

  /** Another reader takes it over, with its own signal and its own counting of bytes. */
  attach({ signal, onBytes = () => {} }) {
    this.#signal = signal;
    this.#onBytes = onBytes;
  }

  async read(offset, length) {
    checkBounds(this, offset, length);
    this.#signal?.throwIfAborted();
    let bytes;
    try {
      bytes = new Uint8Array(await this.#blob.slice(offset, offset + length).arrayBuffer());
    } catch (error) {
      throw new SaeExplorerError('unreadable', `${this.name} can no longer be read (${error.message}). It was moved, changed or deleted since it was chosen: choose it again.`, { file: this.name });
    }
    this.#signal?.throwIfAborted();
    this.loaded = Math.max(this.loaded, offset + length);
    this.#onBytes(this);
    return bytes;
  }

  async pieces(offset, length) {
    return [await this.read(offset, length)];
  }

  /** It is there already. */
  prefetch() {}

  /** Nothing is held. */
  async close() {}

  /** Nothing is stored. */
  async forget() {}
}

/**
 * The part of a source that the engine uses, for one that is read during calls other than the one it was opened for: a read ends
 * when the call that needs it is stopped, and what made it fail is kept for that call.
 * @param {object} source
 * @param {() => {signal: AbortSignal, failed: unknown}} call the call under way
 */
export function duringCalls(source, call) {
  return {
    name: source.name,
    size: source.size,
    pieces: (offset, length) => {
      const present = call();
      const { signal } = present;
      return new Promise((resolve, reject) => {
        const stop = () => reject(signal.reason);
        if (signal.aborted) stop();
        signal.addEventListener('abort', stop);
        source.pieces(offset, length).then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
      }).catch((error) => {
        present.failed = error;
        throw error;
      });
    },
  };
}

// Errors that show that a file's content is wrong.
const DAMAGED = ['bad-file', 'wrong-shape', 'non-finite-weights'];

/**
 * The sources whose content made a load fail: those of the file that the error names, or all where it names none.
 * @param {unknown} error
 * @param {{name: string}[]} sources what the load has opened
 */
export function damaged(error, sources) {
  if (!DAMAGED.includes(error?.code)) return [];
  const file = error.details?.file;
  return file === undefined ? sources : sources.filter(({ name }) => name === file);
}

/** All bytes of a source, in one array; for files that are known to be small. */
export async function readAll(source) {
  let whole;
  try {
    whole = new Uint8Array(source.size);
  } catch {
    throw new SaeExplorerError('out-of-memory', `${source.name} needs ${source.size} bytes of memory in one piece, which the browser does not give. Close other tabs, or load a smaller model.`, { file: source.name, bytes: source.size });
  }
  const piece = 4 << 20;
  for (let at = 0; at < source.size; at += piece) {
    whole.set(await source.read(at, Math.min(piece, source.size - at)), at);
  }
  return whole;
}

/** Refuses a read that goes beyond the end, as a lying header asks for. */
export function checkBounds({ name, size }, offset, length) {
  if (Number.isSafeInteger(offset) && Number.isSafeInteger(length) && offset >= 0 && length >= 0 && offset + length <= size) return;
  throw new SaeExplorerError('bad-file', `${name} has ${size} bytes, but the bytes from ${offset} to ${offset + length} are requested: it is cut off, or its header is wrong. Download it again.`, { file: name, size, offset, length });
}
