// Time-outs of connections on which nothing comes.

/** Silence after which a connection counts as broken, milliseconds. */
export const STALL = 30_000;

/**
 * The silence is counted in so many parts: of a thread that was busy or asleep meanwhile only one part passes, since what
 * came in that time could not be heard.
 */
const PARTS = 5;

/** A host was silent for too long. */
export class Stalled extends Error {
  /** @param {number} stall milliseconds */
  constructor(stall) {
    super(`nothing came for ${stall / 1000} seconds`);
    this.seconds = stall / 1000;
  }
}

/** A clock that runs while something is waited for, and calls `onSilence` once nothing was heard for too long. */
export class Watch {
  #stall;
  #onSilence;
  #timer;
  #left;

  /**
   * @param {number} stall milliseconds
   * @param {() => void} onSilence
   */
  constructor(stall, onSilence) {
    this.#stall = stall;
    this.#onSilence = onSilence;
  }

  start() {
    this.heard();
    this.#timer ??= setInterval(() => {
      this.#left -= 1;
      if (this.#left > 0) return;
      this.stop();
      this.#onSilence();
    }, this.#stall / PARTS);
  }

  heard() {
    this.#left = PARTS;
  }

  stop() {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}

/**
 * The promise, or a rejection with Stalled where it has not settled after `stall` milliseconds.
 * @template T
 * @param {number} stall
 * @param {Promise<T>} promise
 * @returns {Promise<T>}
 */
export function within(stall, promise) {
  return new Promise((resolve, reject) => {
    const watch = new Watch(stall, () => reject(new Stalled(stall)));
    watch.start();
    const over = () => watch.stop();
    promise.then(over, over);
    promise.then(resolve, reject);
  });
}
