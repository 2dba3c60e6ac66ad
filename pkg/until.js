// Waiting that a signal ends.

/**
 * The promise, or a rejection with the signal's reason as soon as it is aborted.
 * @template T
 * @param {AbortSignal | undefined} signal
 * @param {Promise<T>} promise
 * @returns {Promise<T>}
 */
export async function until(signal, promise) {
  if (signal === undefined) return promise;
  promise.catch(() => {}); // nobody hears of it once the signal was aborted
  signal.throwIfAborted();
  let stop;
  const aborted = new Promise((_, reject) => {
    stop = () => reject(signal.reason);
    signal.addEventListener('abort', stop);
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
