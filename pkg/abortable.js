// Calls that can be stopped.

import { cancelled } from './errors.js';

/**
 * What stops a call: the caller's signal, or `cancel()`.
 * @param {AbortSignal | undefined} signal
 * @param {string} what the call, for its error
 */
export function abortable(signal, what) {
  const controller = new AbortController();
  const cancel = () => controller.abort();
  if (signal?.aborted) cancel();
  signal?.addEventListener('abort', cancel);
  const aborted = new Promise((_, reject) => {
    const stop = () => reject(cancelled(what));
    if (controller.signal.aborted) stop();
    controller.signal.addEventListener('abort', stop);
  });
  aborted.catch(() => {}); // a call that nobody races against it learns it from its reply
  return {
    what,
    cancel,
    aborted,
    signal: controller.signal,
    onCancel: (cancel) => {
      if (controller.signal.aborted) cancel();
      else controller.signal.addEventListener('abort', cancel, { once: true });
    },
    done: () => signal?.removeEventListener('abort', cancel),
  };
}
