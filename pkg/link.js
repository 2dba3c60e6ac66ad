// One worker and the calls under way in it: matches replies to calls, forwards events, and notices when the worker dies.

import { SaeExplorerError, fromPlain } from './errors.js';

// Without Web Locks (a page that is not a secure context) a worker's death shows only as silence. The engine's longest
// stretch without handling messages is one stage on the CPU, so two minutes of silence mean that nobody is there.
const PING_EVERY_MS = 5_000;
const SILENCE_MEANS_DEATH_MS = 120_000;
// Time that a worker that is to end has for storing what it still holds; files that are not stored are downloaded again.
const SETTLING_MS = 5_000;

let linksMade = 0;

export class Link {
  #worker;
  #calls = new Map();
  #nextId = 1;
  #dead = false;
  #onDeath;
  #onNotice;
  #lockRequest = new AbortController();
  #pingTimer;
  #lastHeard = Date.now();

  /**
   * @param {Worker} worker a fresh worker; this link owns it from now on
   * @param {{onDeath: (error: SaeExplorerError) => void, onNotice: (notice: object) => void}} handlers
   */
  constructor(worker, { onDeath, onNotice }) {
    this.#worker = worker;
    this.#onDeath = onDeath;
    this.#onNotice = onNotice;
    worker.onmessage = ({ data }) => this.#receive(data);
    worker.onerror = (event) => {
      event.preventDefault?.();
      this.#die(event.message ? `it stopped with "${event.message}"` : 'its script could not be loaded or run');
    };
    worker.onmessageerror = () => this.#die('one of its messages could not be read');
    this.#watch();
  }

  get worker() {
    return this.#worker;
  }

  get dead() {
    return this.#dead;
  }

  /**
   * Asks the worker for something.
   * @returns {{id: number, reply: Promise<unknown>}} the reply rejects with a SaeExplorerError; one that died before
   *   the call reached it rejects with `details.delivered === false`
   */
  call(method, args, onEvent) {
    const id = this.#nextId++;
    const reply = new Promise((resolve, reject) => {
      if (this.#dead) {
        reject(died('it is no longer running', false));
        return;
      }
      this.#calls.set(id, { resolve, reject, onEvent, delivered: false });
      try {
        this.#worker.postMessage({ id, method, args });
      } catch (error) {
        // Structured cloning refuses functions, DOM nodes and the like.
        this.#calls.delete(id);
        reject(new SaeExplorerError('bad-option', `${method} was given something that a worker cannot take: ${error.message}`));
      }
    });
    return { id, reply };
  }

  /** Asks the worker to stop a call; its reply still comes. */
  cancel(id) {
    if (!this.#dead && this.#calls.has(id)) this.#worker.postMessage({ cancel: id });
  }

  /** Ends the worker. Calls under way are rejected with `error`. */
  close(error) {
    if (this.#dead) return;
    this.#dead = true;
    clearInterval(this.#pingTimer);
    this.#lockRequest.abort();
    this.#worker.terminate();
    this.#rejectAll(error);
  }

  /** Rejects calls under way with `error`, and ends the worker once it has stored what it still holds. */
  async retire(error) {
    if (this.#dead) return;
    for (const id of this.#calls.keys()) this.cancel(id);
    this.#rejectAll(error);
    const { reply } = this.call('settle', {});
    let timer;
    const enough = new Promise((resolve) => (timer = setTimeout(resolve, SETTLING_MS)));
    await Promise.race([reply.catch(() => {}), enough]);
    clearTimeout(timer);
    this.close(error);
  }

  #rejectAll(error) {
    const calls = [...this.#calls.values()];
    this.#calls.clear();
    for (const call of calls) {
      const own = new SaeExplorerError(error.code, error.message, { ...error.details, delivered: call.delivered });
      call.reject(own);
    }
  }

  #die(why) {
    if (this.#dead) return;
    const error = died(why, true);
    this.close(error);
    this.#onDeath(error);
  }

  #receive(message) {
    this.#lastHeard = Date.now();
    if (message.fatal !== undefined) return this.#die(`it stopped with "${message.fatal}"`);
    if (message.notice !== undefined) return this.#onNotice(message.notice);
    const call = this.#calls.get(message.id);
    if (call === undefined) return undefined; // a pong, or the late word of a call that was given up
    if (message.received) {
      call.delivered = true;
      return undefined;
    }
    if (message.event !== undefined) return call.onEvent?.(message.event, message.value);
    this.#calls.delete(message.id);
    if (message.error !== undefined) call.reject(fromPlain(message.error));
    else call.resolve(message.value);
    return undefined;
  }

  // The worker holds a lock for as long as it lives, and the browser gives it to the next in line (this page) when the
  // worker is gone, however it went. That is exact and needs no clock; terminate() and crashes send no event otherwise.
  #watch() {
    const locks = globalThis.navigator?.locks;
    if (locks === undefined) {
      this.#watchByPing();
      return;
    }
    const name = `sae-explorer-worker-${Date.now()}-${Math.random().toString(36).slice(2)}-${linksMade++}`;
    const onLocked = ({ data }) => {
      if (data.locked === undefined) return;
      this.#worker.removeEventListener('message', onLocked);
      if (!data.locked) {
        this.#watchByPing();
        return;
      }
      locks
        .request(name, { signal: this.#lockRequest.signal }, () => this.#die('it ended without a word'))
        .catch(() => {}); // close() gave the request up
    };
    this.#worker.addEventListener('message', onLocked);
    this.#worker.postMessage({ lock: name });
  }

  #watchByPing() {
    this.#pingTimer = setInterval(() => {
      if (this.#calls.size === 0) {
        this.#lastHeard = Date.now();
        return;
      }
      if (Date.now() - this.#lastHeard > SILENCE_MEANS_DEATH_MS) this.#die('it has not answered for two minutes');
      else this.#worker.postMessage({ ping: true });
    }, PING_EVERY_MS);
    this.#pingTimer.unref?.();
  }
}

function died(why, delivered) {
  return new SaeExplorerError(
    'worker-died',
    `The engine's worker is gone: ${why}. The next call starts a new one and loads the model and SAEs again.`,
    { reason: why, delivered },
  );
}
