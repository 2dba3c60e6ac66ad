// Threads of Node with the interface of the browser's `Worker`, as far as this package uses it.

import { Worker } from 'node:worker_threads';

/** A thread that runs one of the package's worker modules. It keeps the program running until it is terminated. */
export class NodeWorker extends EventTarget {
  onmessage = null;
  onmessageerror = null;
  onerror = null;
  #thread;

  /** @param {URL} module the worker's module */
  constructor(module) {
    super();
    this.#thread = new Worker(new URL('./node-thread.js', import.meta.url), { workerData: { module: module.href } });
    this.#thread.on('message', (data) => this.#tell('message', { data }));
    this.#thread.on('messageerror', () => this.#tell('messageerror', {}));
    this.#thread.on('error', (error) => this.#tell('error', { message: String(error?.message ?? error) }));
    // After terminate() nobody listens any more; any other end is one that nobody wanted.
    this.#thread.on('exit', (code) => this.#tell('error', { message: `its thread ended with the code ${code}` }));
  }

  postMessage(message, transfer) {
    this.#thread.postMessage(message, transfer);
  }

  terminate() {
    this.#thread.terminate();
  }

  #tell(kind, values) {
    const event = Object.assign(new Event(kind, { cancelable: true }), values);
    this[`on${kind}`]?.(event);
    this.dispatchEvent(event);
  }
}
