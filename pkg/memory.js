// Memory of all sources of a worker: a few blocks, the least recently used of which go first, and a few open
// connections, the idlest of which is closed first (browsers allow six to a host, and a paused one counts).

/** With one that the fetcher reads and one that it hands over, at most 64 MiB; what waits to be stored comes on top. */
const MAX_BLOCKS = 6;
const MAX_STREAMS = 4;

export class Memory {
  #blocks = new Map(); // "source index" → promise of bytes
  #streams = []; // sources with an open connection, the last used at the end
  #numbers = new WeakMap(); // source → its number, for as long as anyone else holds the source
  #numbered = 0;

  /** The block, if it is held or on its way. */
  get(source, index) {
    const key = this.#key(source, index);
    const held = this.#blocks.get(key);
    if (held === undefined) return undefined;
    this.#blocks.delete(key);
    this.#blocks.set(key, held);
    return held;
  }

  /** Holds a block, as the promise of its bytes; one that fails is not held. */
  set(source, index, promise) {
    const key = this.#key(source, index);
    this.#blocks.delete(key);
    this.#blocks.set(key, promise);
    promise.catch(() => {
      if (this.#blocks.get(key) === promise) this.#blocks.delete(key);
    });
    for (const oldest of this.#blocks.keys()) {
      if (this.#blocks.size <= MAX_BLOCKS) break;
      this.#blocks.delete(oldest);
    }
  }

  /** Lets go of all blocks of a source. */
  release(source) {
    const start = this.#key(source, '');
    for (const key of [...this.#blocks.keys()]) if (key.startsWith(start)) this.#blocks.delete(key);
  }

  /** A source uses its connection; idle ones of others are closed where there are too many. */
  streaming(source) {
    this.stopped(source);
    this.#streams.push(source);
    for (const other of [...this.#streams]) {
      if (this.#streams.length <= MAX_STREAMS) break;
      if (other !== source) other.hangUp();
    }
  }

  stopped(source) {
    this.#streams = this.#streams.filter((other) => other !== source);
  }

  #key(source, index) {
    if (!this.#numbers.has(source)) this.#numbers.set(source, (this.#numbered += 1));
    return `${this.#numbers.get(source)} ${index}`;
  }
}
