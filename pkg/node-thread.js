// The first module of a thread in Node (node-worker.js): gives it what the package's workers find in a browser, then runs one of them.
//
// There is no fetcher here: `Worker` is left undefined, and connections are then read in this thread.

import { totalmem } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';

import { withFiles } from './node-fetch.js';
import { FileReaderSync } from './node-reader.js';

const set = (name, value) => Object.defineProperty(globalThis, name, { value, writable: true, configurable: true });
set('self', globalThis);
// By this name the engine knows that it may look for a GPU; it finds none, and says so.
set('WorkerGlobalScope', class WorkerGlobalScope {});
set('postMessage', (message, transfer) => parentPort.postMessage(message, transfer));
// Workers listen for errors that nobody caught. Node ends the thread with them, and tells of it by itself.
set('addEventListener', () => {});
// No Web Locks, which only some versions of Node have: a thread that ends says so, so that nothing needs them.
set('navigator', { deviceMemory: totalmem() / 2 ** 30 });
set('fetch', withFiles(globalThis.fetch));
set('FileReaderSync', FileReaderSync);

// Static imports run before the module that has them, and the workers look at their scope while they are loaded.
await import(workerData.module);
parentPort.on('message', (data) => globalThis.onmessage({ data }));
