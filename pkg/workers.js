// How the package's workers are started: as browsers do it. Node has another kind of worker, and exchanges these functions (node.js).

/** Each starts a fresh worker with the interface of the browser's `Worker`. */
export const start = {
  engine: () => new Worker(new URL('./worker.js', import.meta.url), { type: 'module' }),
  train: () => new Worker(new URL('./train-worker.js', import.meta.url), { type: 'module' }),
  scan: () => new Worker(new URL('./scan-worker.js', import.meta.url), { type: 'module' }),
};
