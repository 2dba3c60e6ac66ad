// How the package's workers are started: as browsers do it. Node has another kind of worker, and exchanges these functions (node.js).

import { SharedEngine } from './shared-engine.js';

const engine = () => new Worker(new URL('./worker.js', import.meta.url), { type: 'module' });

/** Each starts a fresh worker with the interface of the browser's `Worker`; that of the engine is one that others share, where `share` names it. */
export const start = {
  engine: (share) => (share === undefined ? engine() : new SharedEngine(share, engine)),
  train: () => new Worker(new URL('./train-worker.js', import.meta.url), { type: 'module' }),
  scan: () => new Worker(new URL('./scan-worker.js', import.meta.url), { type: 'module' }),
};
