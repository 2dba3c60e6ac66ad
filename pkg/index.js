// SaeExplorer: the engine's face for a page. The engine itself lives in a Web Worker (worker.js); this file remembers
// what was loaded, so that a lost device or a dead worker costs a reload of the weights and nothing else.

import { SaeExplorerError, cancelled } from './errors.js';
import { Link } from './link.js';
import { droppedFiles } from './drop.js';
import { fileList, modelSource, saeSource } from './sources.js';

export { SAMPLE_TEXT } from './sample.js';
export { SaeExplorerError, droppedFiles };

export class SaeExplorer {
  #options;
  #spawn;
  #link = null;
  #starting = null;
  #disposed = false;
  #model = null; // {source, options} of the loaded model
  #saes = new Map(); // id → {method, sent} that loads it, in the order of loading
  #trace = null; // {cancel} of the trace under way
  #settings = { mirror: null, memoryBudget: null };

  /** Not called directly: use SaeExplorer.create(). */
  constructor(options, spawn) {
    this.#options = options;
    this.#spawn = spawn;
  }

  static async create(options = {}) {
    const { backend = 'auto', limits = 'adapter', demo, catalogue, onProgress, onNotice } = options;
    oneOf('backend', backend, ['auto', 'gpu', 'cpu']);
    oneOf('limits', limits, ['adapter', 'default']);
    const spawn = options._spawn ?? (() => new Worker(new URL('./worker.js', import.meta.url), { type: 'module' }));
    const beside = (given, usual) => new URL(given ?? usual, given === undefined ? import.meta.url : globalThis.location?.href).href;
    const addresses = { demo: beside(demo, '../demo/demo.json'), catalogue: beside(catalogue, '../catalogue.json') };
    const explorer = new SaeExplorer({ backend, limits, ...addresses, onProgress, onNotice }, spawn);
    await explorer.#connected();
    return explorer;
  }

  async loadModel(source, options = {}) {
    const from = modelSource(source);
    const { id, prependBos, weightFormat } = options;
    const sent = { source: from, id, prependBos, weightFormat };
    const info = await this.#load('loadModel', sent, options.signal, 'Loading the model');
    // SAEs belong to the model they were loaded for.
    this.#model = sent;
    this.#saes.clear();
    return info;
  }

  async loadSae(source, options = {}) {
    const from = saeSource(source);
    const { hook, id, weightFormat, centre, normScalingFactor, stream } = options;
    const sent = { source: from, hook, id, weightFormat, centre, normScalingFactor, stream };
    const loaded = await this.#load('loadSae', sent, options.signal, 'Loading the SAE');
    for (const sae of Array.isArray(loaded) ? loaded : [loaded]) {
      // One of the demo's SAEs is found again by its id.
      const again = from.demo ? { source: { demo: true, only: sae.id } } : { ...sent, id: sae.id };
      this.#saes.set(sae.id, { method: 'loadSae', sent: again });
    }
    return loaded;
  }

  async loadNeurons(hook, { id = hook } = {}) {
    const sent = { hook: text(hook, 'hook'), id };
    const loaded = await this.#call('loadNeurons', sent);
    this.#saes.set(loaded.id, { method: 'loadNeurons', sent });
    return loaded;
  }

  async unloadSae(id) {
    await this.#call('unloadSae', { id: text(id, 'id') });
    this.#saes.delete(id);
  }

  async catalogue() {
    return this.#call('catalogue', {});
  }

  async recognise(files) {
    return this.#call('recognise', { list: fileList(files) });
  }

  async fromLink(link) {
    return this.#call('fromLink', { text: text(link, 'link') });
  }

  async setMirror(base) {
    if (base !== null && !/^https?:\/\/[^/]/.test(base)) {
      throw new SaeExplorerError('bad-option', `"${base}" is no mirror: give an http(s) address below which files lie as {owner}/{name}/resolve/{revision}/{path}, or null.`, { option: 'mirror', value: base });
    }
    await this.#configure({ mirror: base });
  }

  async setMemoryBudget(bytes) {
    if (bytes !== null && !(bytes > 0)) {
      throw new SaeExplorerError('bad-option', `The memory budget is ${bytes}; it must be a number of bytes above 0, or null for the usual estimate.`, { option: 'bytes', value: bytes });
    }
    await this.#configure({ memoryBudget: bytes });
  }

  async storage() {
    return this.#call('storage', {});
  }

  async deleteStored(key) {
    if (typeof key !== 'string') throw new SaeExplorerError('bad-option', 'deleteStored takes the key of a stored file, or "all".', { option: 'key' });
    await this.#call('deleteStored', { key });
  }

  /** Only a page can ask for this, not a worker. */
  async persistStorage() {
    return (await globalThis.navigator?.storage?.persist?.().catch(() => false)) ?? false;
  }

  async trace(prompt, options = {}) {
    const { signal, ...rest } = options;
    this.#trace?.cancel();
    const own = this.#abortable(signal, 'The trace');
    this.#trace = own;
    try {
      return await Promise.race([own.aborted, this.#call('trace', { prompt: promptOf(prompt), options: rest }, { own })]);
    } finally {
      own.done();
      if (this.#trace === own) this.#trace = null;
    }
  }

  async feature(sae, latent) {
    return this.#call('feature', { sae, latent });
  }

  async logits(prompt, options = {}) {
    return this.#call('logits', { prompt: promptOf(prompt), options });
  }

  async residual(prompt, layer, options = {}) {
    return this.#call('residual', { prompt: promptOf(prompt), layer, options });
  }

  async reconstruction(prompt, sae, options = {}) {
    return this.#call('reconstruction', { prompt: promptOf(prompt), sae, options });
  }

  async edited(prompt, edit, options = {}) {
    return this.#call('edited', { prompt: promptOf(prompt), edit, options });
  }

  async tokenize(prompt, options = {}) {
    return this.#call('tokenize', { prompt: promptOf(prompt), options });
  }

  async generate(prompt, options = {}) {
    const { signal, onToken, ...rest } = options;
    const own = this.#abortable(signal, 'The generation');
    // After a lost device the same tokens come again, because a generation is a function of its seed and settings:
    // the ones already told are passed over.
    let told = 0;
    let seen = 0;
    let thrown = null;
    const onStart = () => {
      seen = 0;
    };
    const onEvent = (event, token) => {
      if (event !== 'token' || thrown !== null || own.signal.aborted) return;
      seen += 1;
      if (seen <= told) return;
      told = seen;
      try {
        onToken?.(token);
      } catch (error) {
        thrown = { error };
        own.cancel();
      }
    };
    try {
      const generation = await this.#call('generate', { prompt: promptOf(prompt), options: rest }, { own, onEvent, onStart });
      if (thrown !== null) throw thrown.error;
      return generation;
    } catch (error) {
      // Stopped before its first token: as any other stopped generation, it ends with what it has.
      if (error.code === 'cancelled' && own.signal.aborted && !this.#disposed) return { ids: [], text: '', cancelled: true, stop: 'cancelled' };
      throw error;
    } finally {
      own.done();
    }
  }

  async info() {
    return this.#call('info', {});
  }

  async dispose() {
    this.#disposed = true;
    this.#trace?.cancel();
    const link = this.#link;
    this.#link = null;
    await link?.retire(new SaeExplorerError('cancelled', 'The explorer was disposed of.'));
  }

  /** For tests: the worker, to end it from outside. */
  get _worker() {
    return this.#link?.worker ?? null;
  }

  /** For tests: destroys the GPU device, as a driver reset would. */
  async _loseDevice() {
    return this.#call('loseDevice', {});
  }

  // A call is sent again at most once: when the device was lost under it, or when the worker turned out to be dead
  // before it took the call. What the worker had taken when it died may be what killed it, so that is reported.
  async #call(method, args, { own, onEvent, onStart } = {}) {
    for (let attempt = 0; ; attempt += 1) {
      const link = await this.#connected();
      if (own?.signal.aborted) throw cancelled(own.what);
      onStart?.();
      const { id, reply } = link.call(method, args, (event, value) => this.#event(event, value, onEvent));
      own?.onCancel(() => link.cancel(id));
      try {
        return await reply;
      } catch (error) {
        const undelivered = error.code === 'worker-died' && error.details.delivered === false;
        const lost = error.code === 'device-lost';
        if (this.#disposed || attempt > 0 || !(undelivered || lost)) throw error;
        if (lost) this.#drop(link, error);
      }
    }
  }

  // Kept here as well, for the worker that may follow this one.
  async #configure(changes) {
    this.#settings = { ...this.#settings, ...changes };
    await this.#call('configure', this.#settings);
  }

  async #load(method, sent, signal, what) {
    const own = this.#abortable(signal, what);
    try {
      // Not raced against the signal: only the worker knows whether it was loaded before it could be stopped.
      return await this.#call(method, sent, { own });
    } finally {
      own.done();
    }
  }

  #event(event, value, onEvent) {
    if (event === 'progress') this.#options.onProgress?.(value);
    else onEvent?.(event, value);
  }

  #notice(notice) {
    this.#options.onNotice?.(notice);
  }

  // Calls that ran into the same loss one after another must not each end the worker that was started for the first.
  #drop(link, error) {
    if (this.#link !== link) return;
    this.#link = null;
    link.close(error);
    this.#notice({ code: error.code, message: 'The GPU device was lost. The model and SAEs are being loaded again on a new one.' });
  }

  async #connected() {
    if (this.#disposed) throw new SaeExplorerError('cancelled', 'The explorer was disposed of. Create another one.');
    if (this.#link !== null && !this.#link.dead) return this.#link;
    this.#starting ??= this.#start().finally(() => {
      this.#starting = null;
    });
    return this.#starting;
  }

  async #start() {
    const { backend, limits, demo, catalogue } = this.#options;
    let link = null;
    link = new Link(this.#spawn(), {
      onDeath: (error) => {
        if (this.#link !== link) return;
        this.#link = null;
        this.#notice({ code: error.code, message: error.message });
      },
      onNotice: (notice) => this.#notice(notice),
    });
    const ask = (method, args) => link.call(method, args, (event, value) => this.#event(event, value)).reply;
    try {
      await ask('start', { backend, limits, demo, catalogue, settings: this.#settings });
      if (this.#model !== null) await ask('loadModel', this.#model);
      for (const { method, sent } of this.#saes.values()) await ask(method, sent);
    } catch (error) {
      link.close(error);
      throw error;
    }
    if (this.#disposed) {
      const error = new SaeExplorerError('cancelled', 'The explorer was disposed of.');
      link.close(error);
      throw error;
    }
    this.#link = link;
    return link;
  }

  // A call that can be stopped, by the caller's signal or from here.
  #abortable(signal, what) {
    const controller = new AbortController();
    const cancel = () => controller.abort();
    if (signal?.aborted) cancel();
    signal?.addEventListener('abort', cancel);
    const aborted = new Promise((_, reject) => {
      const stop = () => reject(cancelled(what));
      if (controller.signal.aborted) stop();
      controller.signal.addEventListener('abort', stop);
    });
    aborted.catch(() => {}); // a call that nobody races against it is told by its reply
    return {
      what,
      cancel,
      aborted,
      signal: controller.signal,
      onCancel: (tell) => {
        if (controller.signal.aborted) tell();
        else controller.signal.addEventListener('abort', tell, { once: true });
      },
      done: () => signal?.removeEventListener('abort', cancel),
    };
  }
}

function oneOf(name, value, allowed) {
  if (allowed.includes(value)) return;
  throw new SaeExplorerError('bad-option', `${name} is "${value}"; it can be ${allowed.join(', ')}.`, { option: name, value, allowed });
}

// A prompt: a text, or token ids.
function promptOf(given) {
  if (given instanceof Uint32Array) return given;
  if (!Array.isArray(given)) return text(given);
  const wrong = given.find((id) => !Number.isInteger(id) || id < 0 || id > 0xffffffff);
  if (wrong !== undefined) throw new SaeExplorerError('bad-option', `prompt has the token ${wrong}; it can be a text, or whole numbers from 0 on.`, { option: 'prompt', value: wrong });
  return Uint32Array.from(given);
}

// Text in JavaScript may hold half a surrogate pair, which no UTF-8 can; it becomes U+FFFD, as browsers do everywhere.
function text(given, name = 'prompt') {
  if (typeof given !== 'string') {
    throw new SaeExplorerError('bad-option', `The ${name} must be a string, not ${given === null ? 'null' : typeof given}.`, { option: name });
  }
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(new TextEncoder().encode(given));
}
