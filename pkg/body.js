// The body of an answer, read forward into blocks of memory.

import { STALL, within } from './patience.js';

/** The most bytes of a chunk. */
const CHUNK_BYTES = 1 << 20;

/**
 * State of a block: `filled` bytes of it are there. Fewer than requested mean that the body is over, or broke
 * with `reason`.
 * @typedef {{block: Uint8Array, filled: number, reason?: string}} Filled
 */

export class Body {
  #reader;
  #rest = null; // of a chunk that was longer than its block
  #turn = Promise.resolve();
  #stall;
  #broken; // why, once it is

  /**
   * @param {ReadableStream} stream
   * @param {number} stall silence after which it counts as broken, milliseconds
   */
  constructor(stream, stall = STALL) {
    this.#reader = readerOf(stream);
    this.#stall = stall;
  }

  /**
   * Skips `skip` bytes, then fills a block from the byte `filled` on; after the fills that were requested before. Does
   * not reject.
   * @param {{length: number, block?: Uint8Array, filled?: number, skip?: number}} wanted
   * @param {(filled: number) => void} onBytes called whenever bytes have arrived
   * @returns {Promise<Filled>}
   */
  fill(wanted, onBytes = () => {}) {
    const filled = this.#turn.then(() => this.#fill(wanted, onBytes));
    this.#turn = filled;
    return filled;
  }

  async cancel() {
    await this.#reader.cancel();
  }

  async #fill({ length, block = new Uint8Array(length), filled = 0, skip = 0 }, onBytes) {
    let left = skip;
    while (filled < length) {
      if (this.#broken !== undefined) return { block, filled, reason: this.#broken };
      let chunk;
      try {
        chunk = this.#rest ?? (await within(this.#stall, this.#reader.next(left + length - filled)));
      } catch (error) {
        this.#broken = error?.message ?? String(error);
        this.#reader.cancel().catch(() => {}); // of a silent connection
        continue;
      }
      if (chunk === undefined) return { block, filled };
      const passed = Math.min(left, chunk.length);
      left -= passed;
      const piece = chunk.subarray(passed, passed + length - filled);
      this.#rest = passed + piece.length < chunk.length ? chunk.subarray(passed + piece.length) : null;
      block.set(piece, filled);
      filled += piece.length;
      onBytes(filled);
    }
    return { block, filled };
  }
}

// Chunks of a stream, each valid until the next is requested, undefined at the end. Where the browser reads into memory
// that it is given, it is the same memory for all of them: fresh memory for every chunk costs as much as the copying.
function readerOf(stream) {
  let reader;
  let memory = new ArrayBuffer(CHUNK_BYTES);
  try {
    reader = stream.getReader({ mode: 'byob' });
  } catch {
    reader = stream.getReader();
    return { next: async () => (await reader.read()).value, cancel: () => reader.cancel() };
  }
  const next = async (most) => {
    const { done, value } = await reader.read(new Uint8Array(memory, 0, Math.min(most, CHUNK_BYTES)));
    if (value !== undefined) memory = value.buffer;
    return done ? undefined : value;
  };
  return { next, cancel: () => reader.cancel() };
}
