// Blocks on their way into the store. To write one takes longer than to read it from a fast host, so loading comes first:
// a block is written when its file is done with, or a moment after it came, or when too many wait. What waits can be read.

/** Time that a block waits while its file is still being read, milliseconds; a fast host has sent all by then. */
const DELAY = 2000;
const MIB = 1 << 20;

/** Bytes that may wait at once: a sixteenth of the device's memory, which browsers state in GiB or not at all. */
export const MOST_BYTES = Math.min(512 * MIB, ((globalThis.navigator?.deviceMemory ?? 4) * 1024 * MIB) / 16);

export class WriteBehind {
  #items = []; // {entry, index, bytes, due}, the oldest first
  #bytes = 0;
  #working = false;
  #current = null; // the one that is being written
  #wake = () => {};
  #watchers = []; // {until: () => boolean, resolve}

  /**
   * Takes a block of a stored file. The promise resolves when there is room for another.
   * @param {import('./cache.js').Entry} entry
   * @param {number} index
   * @param {Uint8Array} bytes
   */
  add(entry, index, bytes) {
    this.#items.push({ entry, index, bytes, due: performance.now() + DELAY });
    this.#bytes += bytes.length;
    this.#work();
    return this.#when(() => this.#bytes <= MOST_BYTES);
  }

  /** A block that waits, or undefined. */
  find(key, index) {
    return this.#items.find((item) => item.entry.key === key && item.index === index)?.bytes;
  }

  /** Writes without further delay what waits of a file, or of all files; resolves when that is done. */
  flush(key) {
    const mine = new Set(this.#of(key));
    for (const item of mine) item.due = 0;
    this.#wake();
    return this.#when(() => !this.#items.some((item) => mine.has(item)));
  }

  /** Forgets what waits of a file, or of all files; resolves when nothing of it is being written either. */
  drop(key) {
    for (const item of this.#of(key)) if (item !== this.#current) this.#remove(item);
    return this.flush(key);
  }

  // Waiting blocks of a file, or of all files.
  #of(key) {
    return this.#items.filter(({ entry }) => key === undefined || entry.key === key);
  }

  #when(until) {
    if (until()) return Promise.resolve();
    return new Promise((resolve) => this.#watchers.push({ until, resolve }));
  }

  #remove(item) {
    this.#items.splice(this.#items.indexOf(item), 1);
    this.#bytes -= item.bytes.length;
    this.#watchers = this.#watchers.filter(({ until, resolve }) => {
      if (!until()) return true;
      resolve();
      return false;
    });
  }

  async #work() {
    this.#wake();
    if (this.#working) return;
    this.#working = true;
    while (this.#items.length > 0) {
      // The first that is due: the files are not all in the same hurry.
      const now = performance.now();
      const item = this.#items.find(({ due }) => due <= now) ?? (this.#bytes > MOST_BYTES ? this.#items[0] : undefined);
      if (item === undefined) {
        await this.#sleep(this.#items[0].due - now);
        continue;
      }
      this.#current = item;
      await item.entry.put(item.index, item.bytes); // does not reject
      this.#current = null;
      this.#remove(item);
    }
    this.#working = false;
  }

  #sleep(milliseconds) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
