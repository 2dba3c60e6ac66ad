// Messages of the worker: what goes over without a copy, and the lock by which the page knows that it lives.

/** Buffers of the typed arrays in a value: they go over without a copy. */
export function buffersIn(value, found = new Set()) {
  if (ArrayBuffer.isView(value)) found.add(value.buffer);
  else if (value !== null && typeof value === 'object') for (const inner of Object.values(value)) buffersIn(inner, found);
  return found;
}

/** The page waits for this lock; it gets it when this worker is gone (see link.js). */
export function hold(name, post) {
  const held = () => {
    post({ locked: true });
    return new Promise(() => {});
  };
  const request = navigator.locks === undefined ? Promise.reject() : navigator.locks.request(name, held);
  request.catch(() => post({ locked: false }));
}
