// A Worker that a test plays: it answers calls from a table and can be ended as browsers end workers, without a word.

/** Makes a `spawn` for SaeExplorer; `workers` lists every worker it made. */
export function fakeWorkers(answers) {
  const workers = [];
  const spawn = () => {
    const worker = new FakeWorker(answers, workers.length);
    workers.push(worker);
    return worker;
  };
  return { spawn, workers };
}

class FakeWorker extends EventTarget {
  calls = [];
  cancelled = [];
  prepared = []; // what it was told before a session took it
  terminated = false;
  #answers;
  #release = () => {};

  constructor(answers, generation) {
    super();
    this.#answers = answers;
    this.generation = generation;
  }

  set onmessage(handler) {
    this.addEventListener('message', handler);
  }

  postMessage(message) {
    const data = structuredClone(message);
    queueMicrotask(() => this.#receive(data));
  }

  /** What a browser does: nothing more is handled, and the locks are released. */
  terminate() {
    this.terminated = true;
    this.#release();
  }

  emit(data) {
    if (!this.terminated) this.dispatchEvent(new MessageEvent('message', { data }));
  }

  async #receive(data) {
    if (this.terminated) return;
    if (data.lock !== undefined) {
      navigator.locks.request(data.lock, () => new Promise((resolve) => (this.#release = resolve)));
      this.emit({ locked: true });
      return;
    }
    if (data.cancel !== undefined) {
      this.cancelled.push(data.cancel);
      return;
    }
    if (data.prepare !== undefined || data.proceed) this.prepared.push(data);
    if (data.method === undefined) return;
    this.calls.push(data);
    this.emit({ id: data.id, received: true });
    const answer = this.#answers[data.method];
    const tell = (event, value) => this.emit({ id: data.id, event, value });
    try {
      const value = typeof answer === 'function' ? await answer(data.args, { worker: this, tell }) : answer;
      this.emit({ id: data.id, value });
    } catch ({ code, message, details }) {
      this.emit({ id: data.id, error: { code, message, details } });
    }
  }
}

/** Web Locks, as far as the package uses them: one holder at a time, in order, with AbortSignal. */
export function installFakeLocks() {
  const tails = new Map();
  const request = (name, optionsOrHold, maybeHold) => {
    const hold = maybeHold ?? optionsOrHold;
    const signal = maybeHold === undefined ? undefined : optionsOrHold.signal;
    const granted = (tails.get(name) ?? Promise.resolve()).then(() => (signal?.aborted ? undefined : hold()));
    tails.set(name, granted);
    return granted;
  };
  Object.defineProperty(globalThis, 'navigator', { value: { locks: { request, query: async () => ({ held: [] }) } }, configurable: true });
}
