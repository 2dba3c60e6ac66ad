// A worker that several pages and figures of one origin share, with the interface of the browser's `Worker`: a `SharedWorker` of a name,
// which lives as long as one of them is open. Where that cannot be had (the browser has none, its storage is denied, or it gives such
// workers no WebGPU), it is a worker of one's own. Messages wait until it is known which.

import { isAlive } from './alive.js';

/** Time that a worker which stopped may take to be gone, milliseconds: who asks for one of its name before that gets no answer. */
const ENDING = 3_000;

/** The lock of a worker which stopped, that it holds until it is gone; null where none has. */
let ending = null;

/** Time in which a worker that runs has to say so, and one that is being loaded, milliseconds: beyond that each has its own. */
const [PATIENCE, LOADING] = [5_000, 120_000];

export class SharedEngine extends EventTarget {
  onmessage = null;
  onmessageerror = null;
  onerror = null;
  /** Resolves with true where the worker is one that others may share. */
  shared;
  #target = null; // the port, or the worker of one's own
  #held = [];
  #ended = false;
  #release = () => {};
  #lock = `sae-explorer-caller-${Date.now()}-${Math.random().toString(36).slice(2)}`;
  #alive; // the worker's lock

  /**
   * @param {string} name of what is shared
   * @param {() => Worker} alone starts a worker of one's own
   */
  constructor(name, alone) {
    super();
    this.shared = this.#join(name).then(
      (port) => this.#take(port, true),
      () => this.#alone(alone),
    );
  }

  postMessage(message) {
    if (this.#target === null) this.#held.push(message);
    else this.#target.postMessage(message);
  }

  /** Leaves what is shared, and ends what is one's own. */
  terminate() {
    this.#ended = true;
    this.#release();
    this.#target?.terminate?.();
    this.#target?.close?.();
  }

  async #join(name) {
    const { locks, gpu } = globalThis.navigator ?? {};
    // By a lock the worker knows who is still there.
    if (locks === undefined) throw new Error('no locks');
    await locks.query(); // rejects where storage is denied
    if (ending !== null) await Promise.race([locks.request(ending, () => (ending = null)), new Promise((enough) => setTimeout(enough, ENDING))]);
    const worker = new SharedWorker(new URL('./worker.js', import.meta.url), { type: 'module', name });
    const { port } = worker;
    const timers = [];
    try {
      const hello = await new Promise((resolve, reject) => {
        const silent = () => reject(new Error('no answer'));
        timers.push(setTimeout(async () => (await isAlive(name, locks)) && silent(), PATIENCE), setTimeout(silent, LOADING));
        worker.onerror = (event) => {
          event.preventDefault();
          reject(event);
        };
        port.onmessage = ({ data }) => resolve(data.hello);
      });
      this.#alive = hello.alive;
      if (gpu !== undefined && !hello.gpu) throw new Error('no WebGPU there');
      await new Promise((held, denied) => {
        locks.request(this.#lock, () => new Promise((release) => {
          this.#release = release;
          held();
        })).catch(denied);
      });
      port.postMessage({ join: this.#lock });
      return port;
    } catch (error) {
      this.#release();
      port.close();
      throw error;
    } finally {
      timers.forEach(clearTimeout);
    }
  }

  #alone(start) {
    try {
      this.#take(start(), false);
    } catch (error) {
      this.#tell('error', { message: String(error?.message ?? error) });
    }
    return false;
  }

  #take(target, shared) {
    this.#target = target;
    if (this.#ended) {
      this.terminate();
      return shared;
    }
    target.onmessage = ({ data }) => {
      if (shared && data.fatal !== undefined) ending = this.#alive;
      this.#tell('message', { data });
    };
    target.onmessageerror = () => this.#tell('messageerror', {});
    target.onerror = (event) => {
      event.preventDefault?.();
      this.#tell('error', { message: event.message });
    };
    for (const message of this.#held.splice(0)) target.postMessage(message);
    return shared;
  }

  #tell(kind, values) {
    const event = Object.assign(new Event(kind, { cancelable: true }), values);
    this[`on${kind}`]?.(event);
    this.dispatchEvent(event);
  }
}
