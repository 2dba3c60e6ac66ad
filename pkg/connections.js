// Connections that a worker of their own reads (fetcher.js), or this one where it cannot be had: an old browser, or a
// package that is served from another site.

import { Body } from './body.js';
import { Gate } from './gate.js';
import { STALL, Watch } from './patience.js';

/** The browser's own, which the worker takes out of its scope. */
const { fetch } = globalThis;

/**
 * An answer as `fetch` gives it, with a body that is read by blocks.
 * @typedef {{status: number, ok: boolean, type: string, headers: Headers, body: Body | RemoteBody | null}} Answer
 */

/** Every request of the package goes through `fetch` here. */
export class Connections {
  /** The origins that may be contacted. */
  gate;
  /** How the browser's HTTP cache is used by requests that do not say it. */
  cache = 'no-store';
  /** Silence after which a connection counts as broken, milliseconds. */
  stall;
  #start;
  #fetcher = null;
  #open = new Set(); // what the fetcher reads

  /**
   * @param {() => {postMessage: Function, onerror: Function}} start starts a fetcher, or throws
   * @param {{gate?: Gate, stall?: number}} options
   */
  constructor(start = startFetcher, { gate = new Gate(), stall = STALL } = {}) {
    this.#start = start;
    this.gate = gate;
    this.stall = stall;
  }

  /** Starts the fetcher, so that the first request need not wait for it. */
  prepare() {
    this.#running();
  }

  /**
   * As the browser's `fetch`: rejects with a TypeError where there is no answer; with `not-chosen` where nobody has chosen
   * the address.
   * @param {string} url
   * @param {object} init
   * @param {string} [init.name] of the requested file, for messages
   * @param {boolean} [init.here] whether the answer is read in this worker, and not by the fetcher
   * @param {string} [init.method]
   * @param {object} [init.headers]
   * @param {string} [init.cache]
   * @param {AbortSignal} init.signal aborting it closes the connection
   * @returns {Promise<Answer>}
   */
  async fetch(url, { name, here = false, signal, ...init }) {
    this.gate.check(url, name);
    const fetcher = here ? null : this.#running();
    if (fetcher === null) return this.#direct(url, { signal, ...init });
    const onClosed = () => this.#open.delete(remote);
    const onSilence = () => fetcher === this.#fetcher && this.#lost();
    const remote = new RemoteBody(fetcher, { signal, stall: this.stall, onClosed, onSilence });
    this.#open.add(remote);
    const answer = await remote.ask(url, init);
    return answer ?? this.#direct(url, { signal, ...init });
  }

  async #direct(url, init) {
    const { status, ok, type, headers, body } = await fetch(url, init);
    return { status, ok, type, headers, body: body === null ? null : new Body(body, this.stall) };
  }

  #running() {
    if (this.#start === null) return null;
    try {
      this.#fetcher ??= this.#watched(this.#start());
      return this.#fetcher;
    } catch {
      this.#lost();
      return null;
    }
  }

  #watched(fetcher) {
    fetcher.onerror = (event) => {
      event.preventDefault?.();
      this.#lost();
    };
    return fetcher;
  }

  // Without the fetcher everything is read here from now on; what it was reading has broken off.
  #lost() {
    this.#start = null;
    this.#fetcher = null;
    for (const remote of [...this.#open]) remote.lose();
  }
}

function startFetcher() {
  return new Worker(new URL('./fetcher.js', import.meta.url), { type: 'module' });
}

// This side of one connection of the fetcher: its answer, then its body.
class RemoteBody {
  #port;
  #signal;
  #stall;
  #onClosed;
  // The fetcher itself reports a silent host. One that reports nothing for twice that time is dead, and browsers do not
  // report every death.
  #watch;
  #answered; // {resolve, reject}
  #fills = []; // {wanted, onBytes, resolve}, in the order of the requests

  constructor(fetcher, { signal, stall, onClosed, onSilence }) {
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    this.#signal = signal;
    this.#stall = stall;
    this.#onClosed = onClosed;
    this.#watch = new Watch(2 * stall, onSilence);
    port1.onmessage = ({ data }) => this.#receive(data);
    signal.addEventListener('abort', this.#abort, { once: true });
    fetcher.postMessage({ port: port2 }, [port2]);
  }

  /** Resolves with the answer, or with null where the fetcher died before it came. */
  ask(url, init) {
    return new Promise((resolve, reject) => {
      this.#answered = { resolve, reject };
      if (this.#signal.aborted) this.#abort();
      else this.#port.postMessage({ url, init, stall: this.#stall });
    });
  }

  /** As Body.fill(). */
  fill(wanted, onBytes = () => {}) {
    return new Promise((resolve) => {
      const fill = { wanted, onBytes, resolve };
      this.#fills.push(fill);
      if (this.#port === null) return this.#break('the connection is closed');
      const { block } = wanted;
      this.#watch.start();
      this.#port.postMessage({ fill: wanted }, block === undefined ? [] : [block.buffer]);
    });
  }

  async cancel() {
    this.#end('the connection was closed');
  }

  /** The fetcher died. */
  lose() {
    this.#answered?.resolve(null);
    this.#end('the worker that reads connections stopped');
  }

  #abort = () => {
    this.#answered?.reject(this.#signal.reason);
    this.#end('the connection was closed');
  };

  #end(reason) {
    if (this.#port === null) return;
    this.#port.postMessage({ close: true });
    this.#port.close();
    this.#port = null;
    this.#watch.stop();
    this.#signal.removeEventListener('abort', this.#abort);
    this.#break(reason);
    this.#onClosed();
  }

  // A block that was under way is lost with the connection.
  #break(reason) {
    for (const { wanted, resolve } of this.#fills.splice(0)) {
      resolve({ block: new Uint8Array(wanted.length), filled: 0, reason });
    }
  }

  #receive({ answer, failed, arrived, filled }) {
    if (this.#port === null) return; // it was on its way
    this.#watch.heard();
    if (answer !== undefined) {
      const { headers, empty, ...rest } = answer;
      this.#answered.resolve({ ...rest, headers: new Headers(headers), body: empty ? null : this });
    } else if (failed !== undefined) {
      this.#answered.reject(new TypeError(failed));
      this.#end(failed);
    } else if (arrived !== undefined) {
      this.#fills[0]?.onBytes(arrived);
    } else if (filled !== undefined) {
      const { onBytes, resolve } = this.#fills.shift();
      if (this.#fills.length === 0) this.#watch.stop();
      onBytes(filled.filled);
      resolve(filled);
    }
  }
}
