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

/**
 * The promise, or a rejection with Stalled where it has not settled after `stall` milliseconds.
 * @template T
 * @param {number} stall
 * @param {Promise<T>} promise
 * @returns {Promise<T>}
 */
export function within(stall, promise) {
  return new Promise((resolve, reject) => {
    let left = PARTS;
    const timer = setInterval(() => {
      left -= 1;
      if (left > 0) return;
      clearInterval(timer);
      reject(new Stalled(stall));
    }, stall / PARTS);
    const over = () => clearInterval(timer);
    promise.then(over, over);
    promise.then(resolve, reject);
  });
}
