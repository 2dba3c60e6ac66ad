// A file at an address, read by pieces: blocks come from memory, from the browser's store, or from one connection that
// is read forward, a few blocks ahead of the reader. A broken connection is resumed where it stopped.

import { BLOCK_BYTES } from './cache.js';
import { checkBounds } from './byte-sources.js';
import { SaeExplorerError } from './errors.js';
import { changed, connect, isSilent, sameVersion, versionOf, waitFor } from './http.js';

/** Blocks that are fetched ahead of the reader. */
const AHEAD = 4;
/** A gap of at most this many blocks is read through; beyond it another connection is cheaper. */
const READ_THROUGH = 4;
/** Bytes that a connection must have delivered for the next break to count as the first one. */
const PROGRESS_BYTES = 256 << 10;

export class UrlSource {
  #onWhole;
  /** Origin of the last bytes, or of the first if there are none yet. */
  origin;
  /** Bytes that have arrived, each counted once. */
  loaded = 0;
  /** Resolves when all of them have. */
  whole = new Promise((resolve) => (this.#onWhole = resolve));
  #version;
  #hash;
  #ranges; // null until an answer has shown whether the host gives parts of files
  #entry;
  #memory;
  #signal;
  #onBytes;
  #waits;
  #connections;
  // {body, controller, index, requested, first, fills}: the next block to come, the next to request, what is there already of
  // the first and what comes before it, and what was requested.
  #stream = null;
  #waiting = new Map(); // index → {promise, resolve, reject}
  #spool = new Map(); // index → Blob: blocks that can be had again from nowhere else
  #counted = new Map(); // index → bytes that count as arrived
  #last = -1; // the last block that was read
  #pumping = false;
  #storing = Promise.resolve(true);

  /**
   * @param {object} given
   * @param {string} given.name
   * @param {string} given.url
   * @param {string} [given.hash] its content's hash, where it is known
   * @param {number} given.size
   * @param {{etag: string|null, modified: string|null, size: number}} given.version what later answers are compared with
   * @param {import('./cache.js').Entry | null} given.entry where blocks are kept
   * @param {import('./connections.js').Connections} given.connections
   * @param {import('./memory.js').Memory} given.memory
   * @param {{response: import('./connections.js').Answer, controller: AbortController}} [given.answer] one with the whole
   *   file, not yet read
   * @param {AbortSignal} [given.signal]
   * @param {(source: UrlSource) => void} [given.onBytes] called whenever bytes have arrived
   * @param {number[]} given.waits how long to wait before the connection is tried again, milliseconds
   */
  constructor({ name, url, hash, size, version, entry, connections, memory, answer, signal, onBytes = () => {}, waits }) {
    this.name = name;
    this.url = url;
    this.size = size;
    this.origin = entry?.has(0) ? 'cache' : 'network';
    this.#hash = hash;
    this.#version = version;
    this.#entry = entry;
    this.#connections = connections;
    this.#memory = memory;
    this.#signal = signal;
    this.#onBytes = onBytes;
    this.#waits = waits;
    this.#ranges = null;
    if (answer !== undefined) this.#start(answer, 0);
    signal?.addEventListener('abort', this.#abort);
  }

  /** The commit that the file is from, where its host names it; else null. */
  get commit() {
    return this.#version.commit ?? null;
  }

  /** Its content's SHA-256, where it is known before it is read; else null. */
  get sha256() {
    return /^sha256-([0-9a-f]{64})$/.exec(this.#hash ?? '')?.[1] ?? null;
  }

  /** Entry of the file in the store; null where it cannot be stored. */
  get entry() {
    return this.#entry;
  }

  async read(offset, length) {
    const pieces = await this.pieces(offset, length);
    const bytes = new Uint8Array(length);
    let at = 0;
    for (const piece of pieces) {
      bytes.set(piece, at);
      at += piece.length;
    }
    return bytes;
  }

  /** Another reader takes it over, with its own signal and its own counting of bytes. */
  attach({ signal, onBytes = () => {} }) {
    this.#signal?.removeEventListener('abort', this.#abort);
    this.#signal = signal;
    this.#onBytes = onBytes;
    signal?.addEventListener('abort', this.#abort);
    if (signal?.aborted) this.#abort();
  }

  /** Begins to fetch the file from its beginning, for a reader that will read it forward. */
  prefetch() {
    this.#pump();
  }

  async pieces(offset, length) {
    checkBounds(this, offset, length);
    this.#signal?.throwIfAborted();
    const pieces = [];
    for (let at = offset; at < offset + length; ) {
      const index = Math.floor(at / BLOCK_BYTES);
      const start = index * BLOCK_BYTES;
      const block = await this.#block(index);
      const piece = block.subarray(at - start, Math.min(block.length, offset + length - start));
      pieces.push(piece);
      at += piece.length;
    }
    return pieces;
  }

  /** Lets go of connection and memory, once what has arrived is stored; a later read takes them up again. */
  async close() {
    this.#stop();
    this.#memory.release(this);
    this.#signal?.removeEventListener('abort', this.#abort);
    this.#signal = undefined;
    await this.#storing;
    await this.#entry?.settle();
  }

  /** Deletes what is stored of the file. */
  async forget() {
    await this.close();
    this.#spool.clear();
    await this.#entry?.drop();
  }

  /** Closes the connection, unless it is being read. */
  hangUp() {
    if (this.#pumping) return;
    this.#stop();
  }

  #abort = () => {
    this.#stop();
    for (const { reject } of this.#waiting.values()) reject(this.#signal.reason);
    this.#waiting.clear();
    this.#entry?.settle(); // what has come is not for nothing
  };

  #stop() {
    this.#stream?.controller.abort();
    this.#stream = null;
    this.#memory.stopped(this);
  }

  #length(index) {
    return Math.min(BLOCK_BYTES, this.size - index * BLOCK_BYTES);
  }

  get #count() {
    return Math.ceil(this.size / BLOCK_BYTES);
  }

  #block(index) {
    this.#last = index;
    const block = this.#held(index);
    // From the store the next block is fetched meanwhile, too.
    if (index + 1 < this.#count && this.#entry?.has(index + 1)) this.#held(index + 1).catch(() => {});
    this.#pump();
    return block;
  }

  #held(index) {
    let held = this.#memory.get(this, index);
    if (held === undefined) {
      held = this.#obtain(index);
      this.#memory.set(this, index, held);
    }
    return held;
  }

  async #obtain(index) {
    const waiting = this.#entry?.waiting(index);
    if (waiting !== undefined) {
      this.#arrived(index, waiting.length, 'network');
      return waiting;
    }
    const kept = (await this.#entry?.get(index)) ?? null;
    if (kept !== null) {
      this.#arrived(index, kept.length, 'cache');
      return kept;
    }
    const spooled = this.#spool.get(index);
    if (spooled !== undefined) return new Uint8Array(await spooled.arrayBuffer());
    this.#signal?.throwIfAborted();
    if (!this.#waiting.has(index)) {
      const waiting = {};
      waiting.promise = new Promise((resolve, reject) => Object.assign(waiting, { resolve, reject }));
      this.#waiting.set(index, waiting);
    }
    this.#pump();
    return this.#waiting.get(index).promise;
  }

  #arrived(index, bytes, origin) {
    this.origin = origin;
    const before = this.#counted.get(index) ?? 0;
    if (bytes > before) {
      this.#counted.set(index, bytes);
      this.loaded += bytes - before;
      if (this.loaded === this.size) this.#onWhole();
    }
    this.#onBytes(this);
  }

  // Reads the connection forward while somebody waits, or while there is room ahead of the reader.
  async #pump() {
    this.#askAhead();
    if (this.#pumping) return;
    this.#pumping = true;
    try {
      for (let index = this.#due(); index !== null; index = this.#due()) {
        const next = this.#stream?.index ?? Infinity;
        if (index < next || (this.#ranges && index > next + READ_THROUGH)) await this.#open(index);
        await this.#produce();
      }
    } catch (error) {
      this.#stop();
      for (const { reject } of this.#waiting.values()) reject(error);
      this.#waiting.clear();
    } finally {
      this.#pumping = false;
    }
  }

  #due() {
    for (const index of this.#waiting.keys()) return index;
    const next = this.#stream?.index;
    if (next === undefined) return null;
    if (next >= this.#count || (this.#ranges && this.#entry?.has(next))) {
      this.#stop();
      return null;
    }
    return next <= this.#last + AHEAD ? next : null;
  }

  // Asks the connection for the blocks that are fetched ahead; a reader that has gone far ahead is
  // better served by another connection.
  #askAhead() {
    const stream = this.#stream;
    if (stream === null) return;
    const last = Math.min(this.#last, stream.index) + AHEAD;
    while (stream.requested < this.#count && stream.requested <= last && !(this.#ranges && this.#entry?.has(stream.requested))) this.#ask(stream);
  }

  #ask(stream) {
    const index = stream.requested;
    const wanted = { length: this.#length(index), filled: 0, ...stream.first };
    const done = stream.body.fill(wanted, (filled) => this.#arrived(index, filled, 'network'));
    stream.fills.push({ before: wanted.filled, done });
    Object.assign(stream, { requested: index + 1, first: {} });
  }

  // Connects at a block, of which some bytes may be there already; waits between the attempts if the host has answered
  // before.
  async #open(index, filled = 0, block = null) {
    this.#stop();
    for (let attempt = 0; ; attempt += 1) {
      try {
        const from = index * BLOCK_BYTES + filled;
        const answer = await connect(this.#connections, this, { from, signal: this.#signal });
        await this.#check(answer.response, from);
        this.#start(answer, index, filled, block);
        return;
      } catch (error) {
        this.#signal?.throwIfAborted();
        if (!isSilent(error) && (this.#ranges === null || !passing(error))) throw error;
        if (attempt >= this.#waits.length) throw this.#ranges === null ? error : this.#broken(error.details?.reason ?? error.message);
        await waitFor(this.#waits[attempt], this.#signal);
      }
    }
  }

  // Without ranges the host starts again at the beginning of the file: it is read from the first block that is missing.
  #start({ response, controller }, index, filled = 0, block = null) {
    this.#ranges = response.status === 206;
    let first = index;
    if (!this.#ranges && block === null) for (first = 0; first < index && this.#available(first); ) first += 1;
    const skip = this.#ranges ? 0 : first * BLOCK_BYTES + filled;
    const there = block === null ? {} : { block, filled };
    this.#stream = { body: response.body, controller, index: first, requested: first, first: { skip, ...there }, fills: [] };
    this.#memory.streaming(this);
  }

  #available(index) {
    return this.#spool.has(index) || this.#entry?.has(index) === true;
  }

  // Holds an answer against the first one.
  async #check(response, from) {
    const version = versionOf(response);
    if (version.size === null && version.rest !== undefined) version.size = from + version.rest;
    const another = response.status === 206 && ((version.start !== null && version.start !== from) || version.encoded);
    if (!another && response.status !== 416 && sameVersion(version, this.#version)) {
      // A file known by its hash has no marks yet; from now on the first answer's are what the others are compared with.
      this.#version.etag ??= version.etag;
      this.#version.modified ??= version.modified;
      this.#version.commit ??= version.commit;
      return;
    }
    response.body?.cancel().catch(() => {});
    if (another) {
      throw new SaeExplorerError('no-range', `${this.name} could not be loaded: the bytes from ${from} on were requested, and ${this.url} sent others. Download the file and drop it on this page.`, { file: this.name, url: this.url, from, start: version.start });
    }
    this.#spool.clear();
    this.#memory.release(this);
    await this.#storing;
    await this.#entry?.drop();
    throw changed(this);
  }

  // Reads the connection to the end of its next block; one that breaks is resumed where it stopped.
  async #produce() {
    for (let attempt = 0; this.#stream !== null; attempt += 1) {
      this.#memory.streaming(this);
      const stream = this.#stream;
      const { index } = stream;
      if (stream.fills.length === 0) this.#ask(stream);
      this.#askAhead();
      const { before, done } = stream.fills.shift();
      const { block, filled, reason = 'the server closed the connection too early' } = await done;
      if (filled === this.#length(index)) {
        stream.index += 1;
        // A stopped load goes on from here; a closed file is done with.
        if (this.#stream === stream || this.#signal?.aborted) await this.#deliver(index, block);
        return;
      }
      this.#signal?.throwIfAborted();
      if (this.#stream === null) return; // closed on purpose
      if (filled - before >= PROGRESS_BYTES) attempt = 0;
      if (attempt >= this.#waits.length) throw this.#broken(reason);
      await waitFor(this.#waits[attempt], this.#signal);
      await this.#open(index, filled, block);
    }
  }

  async #deliver(index, block) {
    await this.#keep(index, block);
    this.#memory.set(this, index, Promise.resolve(block));
    this.#waiting.get(index)?.resolve(block);
    this.#waiting.delete(index);
  }

  // If the host gives parts of files, a block that cannot be stored can be requested again; from another host it is stored while
  // the next one arrives, and spooled if that fails.
  async #keep(index, block) {
    if (this.#ranges && this.#entry?.writable && !this.#entry.has(index)) return this.#entry.putSoon(index, block);
    if (this.#ranges) return;
    await this.#storing;
    if (this.#spool.has(index)) return;
    this.#storing = this.#entry === null || this.#entry.has(index) ? Promise.resolve(this.#entry !== null) : this.#entry.put(index, block);
    if (!(await this.#storing)) this.#spool.set(index, new Blob([block]));
  }

  #broken(reason) {
    const kept = this.#entry?.storedBytes ?? 0;
    const resume = kept > 0 ? `${kept} of its ${this.size} bytes are stored: try again to go on from there.` : 'Check the connection, then try again.';
    return new SaeExplorerError('network', `${this.name} was not loaded to its end: the connection to ${new URL(this.url).host} broke ${this.#waits.length + 1} times (${reason}). ${resume}`, { file: this.name, url: this.url, host: new URL(this.url).host, reason, stored: kept, size: this.size });
  }
}

// Errors that may pass in a moment.
const passing = ({ code, details }) => code === 'cors' || (code === 'network' && ![401, 403].includes(details?.status));
