// The package in Node: the same API, with threads as workers. `package.json` gives this module to Node, and index.js to everything else.

import { NodeWorker } from './node-worker.js';
import { start } from './workers.js';

start.engine = () => new NodeWorker(new URL('./worker.js', import.meta.url));
start.train = () => new NodeWorker(new URL('./train-worker.js', import.meta.url));
start.scan = () => new NodeWorker(new URL('./scan-worker.js', import.meta.url));

export * from './index.js';
