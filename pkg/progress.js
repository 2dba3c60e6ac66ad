// Progress of several files as one: bytes that have arrived, of all that will.

/** The least time between two reports, milliseconds: more of them cost more than they show. */
const EVERY = 50;

export class Meter {
  #onProgress;
  #sources = new Set();
  #expected = 0;
  #lastReport = 0;
  #latest = null;

  /**
   * @param {(loaded: number, total: number, more: {name: string, source: 'network' | 'cache' | 'file'}) => void} onProgress
   * @param {number} expected bytes in all, where they are known beforehand
   */
  constructor(onProgress, expected = 0) {
    this.#onProgress = onProgress;
    this.#expected = expected;
  }

  /** For a source to call whenever bytes have arrived. */
  onBytes = (source) => {
    this.#sources.add(source);
    this.#latest = source;
    const now = performance.now();
    if (now - this.#lastReport >= EVERY || this.#loaded === this.#total) {
      this.#lastReport = now;
      this.#report();
    }
  };

  /** Counts a source from now on, before any of it has arrived. */
  add(source) {
    this.#sources.add(source);
    this.#latest = source;
    this.#report();
    return source;
  }

  /** Everything that was needed has come; there may be more in the files. */
  finish() {
    if (this.#latest !== null) this.#report(this.#total);
  }

  get #loaded() {
    return this.#sum('loaded');
  }

  get #total() {
    return Math.max(this.#expected, this.#sum('size'));
  }

  #sum(what) {
    let sum = 0;
    for (const source of this.#sources) sum += source[what];
    return sum;
  }

  #report(loaded = this.#loaded) {
    const { name, origin } = this.#latest;
    this.#onProgress(loaded, this.#total, { name, source: origin });
  }
}
