// Jobs for the engine, one after another: it has one device and one set of buffers. A job that waits can be taken out,
// the one that runs is stopped.

import { cancelled } from './errors.js';

export class Queue {
  #waiting = [];
  #running = null;
  #onIdle = []; // who waits until there is nothing to do
  #stopRunning;

  /** @param {() => void} stopRunning stops what the engine is doing */
  constructor(stopRunning) {
    this.#stopRunning = stopRunning;
  }

  /** The id of the job that runs, if one does. */
  get running() {
    return this.#running?.id;
  }

  /** Runs `work(signal)` when its turn comes. */
  add(id, what, work) {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ id, what, work, resolve, reject, controller: new AbortController() });
      this.#next();
    });
  }

  cancel(id) {
    if (this.#running?.id === id) {
      this.#running.controller.abort(cancelled(this.#running.what));
      this.#stopRunning();
      return;
    }
    const at = this.#waiting.findIndex((job) => job.id === id);
    if (at < 0) return;
    const [job] = this.#waiting.splice(at, 1);
    job.reject(cancelled(job.what));
  }

  /** Resolves when no job runs or waits. */
  idle() {
    if (this.#running === null && this.#waiting.length === 0) return Promise.resolve();
    return new Promise((resolve) => this.#onIdle.push(resolve));
  }

  async #next() {
    if (this.#running !== null) return;
    if (this.#waiting.length === 0) {
      for (const resolve of this.#onIdle.splice(0)) resolve();
      return;
    }
    const job = this.#waiting.shift();
    this.#running = job;
    try {
      job.resolve(await job.work(job.controller.signal));
    } catch (error) {
      job.reject(error);
    }
    this.#running = null;
    this.#next();
  }
}
