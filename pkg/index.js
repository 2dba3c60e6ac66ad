// SaeExplorer: the package's API for a page. The engine itself lives in a Web Worker (worker.js). A lost device or a dead
// worker costs a reload of the weights and nothing else: what was loaded is remembered (session.js).

import { abortable } from './abortable.js';
import { SaeExplorerError, cancelled } from './errors.js';
import { Link } from './link.js';
import { droppedFiles } from './drop.js';
import { BYTES, COUNT, CREATE, EDITED, EFFECTS, EVALUATE, FILES, GENERATE, LOAD_MODEL, LOAD_SAE, NAME, PATCH_STREAM, PREPARE, PROMPT, SCAN, STOPPABLE, TAPS, TEXT, TRACE, TRAIN, checked, editList, givenEdits, required, wrong } from './options.js';
import { prepare, takePrepared } from './prepared.js';
import { Session } from './session.js';
import { fileList, modelSource, pinned, saeSource } from './sources.js';
import { isHttp, promptOf, text } from './texts.js';
import { Training } from './training.js';
import { listTrainings, removeTraining, trainedFiles, trainingLog } from './trainings.js';
import { start } from './workers.js';

/** The files of an SAE in SAELens's layout. */
const SAELENS = ['cfg.json', 'sae_weights.safetensors'];

export { SAMPLE_TEXT } from './sample.js';
export { SaeExplorerError, droppedFiles };

export class SaeExplorer extends EventTarget {
  #options;
  #spawn;
  #link = null;
  #engine = null; // a promise of the link's engine, once it is needed
  #disposed = false;
  #session = new Session();
  #trace = null; // {cancel} of the trace under way
  #settings = { mirror: null, memoryBudget: null };
  #beside = new Set(); // links of workers that scan or train

  /** Not called directly: use SaeExplorer.create(). */
  constructor(options, spawn) {
    super();
    this.#options = options;
    this.#spawn = spawn;
  }

  static async create(options = {}) {
    const { share, backend = 'auto', limits = 'adapter', demo, catalogue, stallSeconds, onProgress, onNotice, _spawn } = checked(options, CREATE);
    const spawn = _spawn ?? (() => takePrepared(share) ?? start.engine(share));
    const addresses = { demo: beside('demo', demo, '../demo/demo.json'), catalogue: beside('catalogue', catalogue, '../catalogue.json') };
    const explorer = new SaeExplorer({ backend, limits, stallSeconds, ...addresses, onProgress, onNotice }, spawn);
    try {
      const ready = () => explorer.#ready(explorer.#worker(), 'engine');
      await ready().catch((error) => {
        if (!explorer.#parted(explorer.#link, error)) throw error;
        return ready();
      });
    } catch (error) {
      explorer.#link?.close(error);
      throw error;
    }
    return explorer;
  }

  /** Starts the worker of the next session; see index.d.ts. */
  static prepare(options = {}) {
    const { share, model, demo, manifest, sae, after, _spawn = start.engine } = checked(options, PREPARE);
    return prepare(_spawn, { share, demo: model === undefined ? null : beside('demo', demo, '../demo/demo.json'), manifest, sae, after });
  }

  async loadModel(source, options = {}) {
    const { id, prependBos, weightFormat, signal } = checked(options, LOAD_MODEL);
    const sent = { source: modelSource(source), id, prependBos, weightFormat };
    // SAEs belong to the model they were loaded for.
    const done = (link, info) => this.#session.setModel(link, { ...sent, source: pinned(sent.source, info?.origin) }, info);
    const load = this.#load('loadModel', sent, { needs: 'engine', done }, signal, 'Loading the model');
    this.#session.replace(load);
    return load;
  }

  async loadSae(source, options = {}) {
    const { hook, id, weightFormat, centre, prependBos, normScalingFactor, stream, only, signal } = checked(options, LOAD_SAE);
    const from = saeSource(source);
    if (only !== undefined && !from.demo) throw wrong('only', only, { accepts: 'left out where the source is not "demo"' });
    const sent = from.demo ? { source: { ...from, only }, weightFormat } : { source: from, hook, id, weightFormat, centre, prependBos, normScalingFactor, stream };
    const done = (link, loaded) => {
      for (const sae of Array.isArray(loaded) ? loaded : [loaded]) {
        // One of the demo's SAEs is found again by its id.
        const again = from.demo ? { ...sent, source: { ...from, only: sae.id } } : { ...sent, source: pinned(from, sae.origin), id: sae.id };
        this.#session.addSae(link, sae, { method: 'loadSae', sent: again });
      }
    };
    return this.#load('loadSae', sent, { needs: 'model', done }, signal, 'Loading the SAE');
  }

  async loadNeurons(hook, options = {}) {
    const { id = hook, signal } = checked(options, { id: NAME, ...STOPPABLE });
    const sent = { hook: text(hook, 'hook'), id };
    const done = (link, loaded) => this.#session.addSae(link, loaded, { method: 'loadNeurons', sent });
    return this.#load('loadNeurons', sent, { needs: 'model', done }, signal, 'Loading the neurons');
  }

  async unloadSae(id, options = {}) {
    const { signal } = checked(options, STOPPABLE);
    const sent = { id: text(id, 'id') };
    const done = () => this.#session.removeSae(id);
    // Not loaded again only to be unloaded.
    if (this.#session.isLost(this.#link, id)) {
      done();
      this.#changed('unloadSae');
      return;
    }
    await this.#load('unloadSae', sent, { done }, signal, 'The unloading');
  }

  async catalogue(options = {}) {
    return this.#ask('catalogue', {}, options, { needs: 'engine' });
  }

  async recognise(files, options = {}) {
    return this.#ask('recognise', { list: fileList(files) }, options, { needs: 'engine', what: 'Looking at the files' });
  }

  async sha256(source, options = {}) {
    return this.#ask('sha256', { list: fileList(source?.files ?? source) }, options, { needs: 'engine', what: 'The hashing' });
  }

  async fromLink(link, options = {}) {
    return this.#ask('fromLink', { text: text(link, 'link') }, options, { needs: 'engine', what: 'Looking at the link' });
  }

  async identify(sae, options = {}) {
    const { signal } = checked(options, STOPPABLE);
    const source = this.#session.sourceOf(required('sae', sae, TEXT));
    const own = abortable(signal, 'The identification');
    const onEvent = (event, value) => this.#event(event, value);
    try {
      return await this.#aside(own, async (link) => {
        const work = this.#started(link, onEvent).then(() => link.call('identify', { source }, onEvent).reply);
        return Promise.race([own.aborted, work]);
      });
    } finally {
      own.done();
    }
  }

  async setMirror(base) {
    if (base !== null && !isHttp(base)) throw wrong('mirror', base, { accepts: 'null, or the http(s) address of a mirror, below which files lie as {owner}/{name}/resolve/{revision}/{path}' });
    await this.#configure({ mirror: base });
  }

  async setMemoryBudget(bytes) {
    if (bytes !== null && !(typeof bytes === 'number' && bytes > 0)) throw wrong('memoryBudget', bytes, { accepts: 'a number of bytes above 0, or null for the usual estimate' });
    await this.#configure({ memoryBudget: bytes });
  }

  async storage(options = {}) {
    return this.#ask('storage', {}, options, { needs: 'worker' });
  }

  async deleteStored(key, options = {}) {
    await this.#ask('deleteStored', { key: required('key', key, { accepts: 'the key of a stored file, or "all"', test: TEXT.test }) }, options, { needs: 'worker' });
  }

  /** Only a page can ask for this, not a worker. */
  async persistStorage() {
    return (await globalThis.navigator?.storage?.persist?.().catch(() => false)) ?? false;
  }

  async trace(prompt, options = {}) {
    const { signal, ...rest } = checked(options, TRACE);
    this.#trace?.cancel();
    const own = abortable(signal, 'The trace');
    this.#trace = own;
    try {
      return await Promise.race([own.aborted, this.#call('trace', { prompt: promptOf(prompt), options: rest }, { own })]);
    } finally {
      own.done();
      if (this.#trace === own) this.#trace = null;
    }
  }

  async feature(sae, latent, options = {}) {
    return this.#ask('feature', { sae: required('sae', sae, TEXT), latent: required('latent', latent, COUNT) }, options);
  }

  async matches(sae, latent, other) {
    return this.#call('matches', { sae: required('sae', sae, TEXT), latent: required('latent', latent, COUNT), other: required('other', other, TEXT) });
  }

  async logits(prompt, options = {}) {
    return this.#ask('logits', { prompt: promptOf(prompt) }, options, { kinds: PROMPT });
  }

  async residual(prompt, layer, options = {}) {
    return this.#ask('residual', { prompt: promptOf(prompt), layer: required('layer', layer, COUNT) }, options, { kinds: PROMPT });
  }

  async reconstruction(prompt, sae, options = {}) {
    return this.#ask('reconstruction', { prompt: promptOf(prompt), sae: required('sae', sae, TEXT) }, options, { kinds: PROMPT });
  }

  async edited(prompt, edit, options = {}) {
    return this.#ask('edited', { prompt: promptOf(prompt), edit: givenEdits(edit) }, options, { kinds: EDITED });
  }

  async editBatch(prompt, edits, options = {}) {
    if (!Array.isArray(edits)) throw wrong('edits', edits, { accepts: 'a list of lists of edits' });
    return this.#ask('editBatch', { prompt: promptOf(prompt), edits: edits.map(editList) }, options, { kinds: EDITED });
  }

  async effects(prompt, options = {}) {
    const { signal, onEffects, ...rest } = checked(options, EFFECTS);
    required('sae', rest.sae, TEXT);
    const own = abortable(signal, 'The call of effects()');
    let thrown = null;
    // After a lost device it begins again, and so do the parts.
    const onEvent = (event, effects) => {
      if (event !== 'effects' || thrown !== null || own.signal.aborted) return;
      try {
        onEffects?.(effects);
      } catch (error) {
        thrown = { error };
        own.cancel();
      }
    };
    try {
      return await Promise.race([own.aborted, this.#call('effects', { prompt: promptOf(prompt), options: rest }, { own, onEvent })]);
    } catch (error) {
      throw thrown === null ? error : thrown.error;
    } finally {
      own.done();
    }
  }

  async patchStream(prompt, source, options = {}) {
    return this.#ask('patchStream', { prompt: promptOf(prompt), source: promptOf(source) }, options, { kinds: PATCH_STREAM });
  }

  async taps(prompt, options = {}) {
    return this.#ask('taps', { prompt: promptOf(prompt) }, options, { kinds: TAPS });
  }

  async sampleLoss(options = {}) {
    return this.#ask('sampleLoss', {}, options, { needs: 'model' });
  }

  async tokenize(prompt, options = {}) {
    return this.#ask('tokenize', { prompt: promptOf(prompt) }, options, { kinds: PROMPT });
  }

  async generate(prompt, options = {}) {
    const { signal, onToken, onFeatures, edits, ...rest } = checked(options, GENERATE);
    required('maxTokens', rest.maxTokens, COUNT);
    const given = edits === undefined || edits === null ? undefined : givenEdits(edits);
    const own = abortable(signal, 'The generation');
    // After a lost device the same tokens and features come again, because a generation is a function of its seed and settings:
    // what was already reported is skipped.
    const told = { token: onToken, features: onFeatures };
    const reported = { token: 0, features: 0 };
    let seen = { token: 0, features: 0 };
    let thrown = null;
    const onStart = () => {
      seen = { token: 0, features: 0 };
    };
    const onEvent = (event, value) => {
      if (!(event in told) || thrown !== null || own.signal.aborted) return;
      seen[event] += 1;
      if (seen[event] <= reported[event]) return;
      reported[event] = seen[event];
      try {
        told[event]?.(value);
      } catch (error) {
        thrown = { error };
        own.cancel();
      }
    };
    try {
      const generation = await this.#call('generate', { prompt: promptOf(prompt), options: rest, edits: given }, { own, onEvent, onStart });
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

  async scan(files, options = {}) {
    const { signal, onProgress = () => {}, sets = true, ...rest } = checked(options, SCAN);
    const list = fileList(files);
    for (const { name, blob } of list) if (blob === undefined) throw wrong('files', name, { accepts: 'files of this device' });
    const own = abortable(signal, 'The scan');
    const unknown = sets === true ? undefined : sets.find((id) => this.loaded.saes.every((sae) => sae.id !== id));
    const onEvent = (event, value) => {
      if (event === 'scan') onProgress(value);
      else if (event === 'progress') onProgress({ stage: 'load', bytes: value.loaded ?? 0, totalBytes: value.total ?? 0 });
    };
    try {
      if (unknown !== undefined) throw new SaeExplorerError('unknown-sae', `${unknown} is not loaded. Load it first, or leave it out.`, { sae: unknown });
      return await this.#aside(own, async (link) => {
        await Promise.race([own.aborted, this.#started(link, onEvent).then(() => this.#session.restore(link, { saes: sets }, onEvent))]);
        // Not raced against the signal: where it is stopped, the answer is what it has.
        const { id, reply } = link.call('scan', { list, sets: sets === true ? undefined : sets, options: rest }, onEvent);
        own.onCancel(() => link.cancel(id));
        return reply;
      });
    } finally {
      own.done();
    }
  }

  train(files, options = {}) {
    const { signal, onProgress = () => {}, resume, confirm = false, ...rest } = checked(options, TRAIN);
    const list = resume === undefined ? fileList(files) : [];
    for (const { name, blob } of list) if (blob === undefined) throw wrong('files', name, { accepts: 'files of this device' });
    if (resume === undefined) required('hook', rest.hook, NAME);
    const id = resume ?? `${Date.now().toString(36)}-${Math.random().toString(36).slice(2, 8)}`;
    const own = abortable(signal, 'The training');
    let steer = () => {}; // until the worker has it
    let paused = confirm;
    const means = {
      stop: own.cancel,
      steer(wanted) {
        paused = wanted;
        steer();
      },
    };
    const onEvent = (event, value) => {
      if (event === 'train') onProgress(value);
      else if (event === 'progress') onProgress({ stage: 'load', bytes: value.loaded ?? 0, totalBytes: value.total ?? 0 });
    };
    const work = async (link) => {
      await Promise.race([own.aborted, this.#started(link, onEvent).then(() => this.#session.restore(link, { saes: false }, onEvent))]);
      // Not raced against the signal: where it is stopped, the answer is what it has.
      const { id: call, reply } = link.call('train', { id, list, resume: resume !== undefined, confirm, options: rest }, onEvent);
      steer = () => void link.call('steer', { paused }).reply.catch(() => {}); // one that has ended is not steered
      if (paused !== confirm) steer();
      own.onCancel(() => link.cancel(call));
      return reply;
    };
    return new Training(id, this.#aside(own, work, start.train).finally(own.done), means);
  }

  async evaluate(files, options = {}) {
    const { signal, onProgress = () => {}, saes = this.#evaluable(), ...rest } = checked(options, EVALUATE);
    const list = fileList(files);
    for (const { name, blob } of list) if (blob === undefined) throw wrong('files', name, { accepts: 'files of this device' });
    const own = abortable(signal, 'The evaluation');
    const onEvent = (event, value) => {
      if (event === 'evaluate') onProgress(value);
      else if (event === 'progress') onProgress({ stage: 'load', bytes: value.loaded ?? 0, totalBytes: value.total ?? 0 });
    };
    try {
      const opened = [];
      for (const sae of saes) opened.push(await this.#subject(sae));
      if (opened.length === 0) throw wrong('saes', saes, { accepts: 'at least one SAE; none is loaded' });
      return await this.#aside(own, async (link) => {
        await Promise.race([own.aborted, this.#started(link, onEvent).then(() => this.#session.restore(link, { saes: false }, onEvent))]);
        // Not raced against the signal: where it is stopped, the answer is what it has.
        const { reply } = link.call('evaluate', { list, saes: opened, options: rest }, onEvent);
        own.onCancel(() => void link.call('stopEvaluation', {}).reply.catch(() => {}));
        return reply;
      }, start.train);
    } finally {
      own.done();
    }
  }

  // The loaded SAEs that have numbers of their own.
  #evaluable() {
    return this.loaded.saes.map(({ id }) => id).filter((id) => this.#session.hasSource(id));
  }

  // An SAE of an evaluation: a loaded one, or that of a training.
  async #subject(sae) {
    if (typeof sae === 'string') {
      const { source, ...options } = this.#session.sentOf(sae);
      const { origin = null } = this.loaded.saes.find(({ id }) => id === sae);
      return { id: sae, source, options, origin };
    }
    const parts = (await this.trainedFiles(sae.training)).filter(({ path }) => SAELENS.includes(path));
    const id = sae.id ?? sae.training;
    return { id, source: { files: parts.map(({ path, bytes }) => ({ name: path, path: `${id}/${path}`, blob: new Blob([bytes]) })) }, options: {}, origin: null };
  }

  async trainings() {
    return listTrainings();
  }

  async trainingLog(id) {
    const records = await trainingLog(required('id', id, NAME));
    if (records === null) throw new SaeExplorerError('missing-file', `There is no training ${id} in this browser.`, { id });
    return records;
  }

  async trainedFiles(id) {
    const files = await trainedFiles(required('id', id, NAME));
    if (files === null) throw new SaeExplorerError('missing-file', `There is no training ${id} in this browser.`, { id });
    return files;
  }

  async removeTraining(id) {
    await removeTraining(required('id', id, NAME));
  }

  async packTraining(files, options = {}) {
    return this.#packing('packed', { files: required('files', files, FILES) }, options, 'The packing', start.train);
  }

  async trainingAsPt(files, options = {}) {
    return this.#packing('pt', { files: required('files', files, FILES) }, options, 'The packing', start.train);
  }

  async archive(files, options = {}) {
    return this.#packing('archive', { files: required('files', files, FILES) }, options, 'The packing');
  }

  async unarchive(bytes, options = {}) {
    return this.#packing('unarchive', { bytes: required('bytes', bytes, BYTES) }, options, 'The unpacking');
  }

  /** A call of a worker that packs files, which does not wait for others. */
  async #packing(method, given, options, what, worker) {
    const { signal } = checked(options, STOPPABLE);
    const own = abortable(signal, what);
    try {
      return await this.#aside(own, (link) => Promise.race([own.aborted, link.call(method, given).reply]), worker);
    } finally {
      own.done();
    }
  }

  async info(options = {}) {
    try {
      return await this.#ask('info', {}, options);
    } catch (error) {
      // Parts that could not be loaded again are not loaded, and this states so.
      if (error.details?.reloading === undefined) throw error;
      return this.#ask('info', {}, options, { needs: 'engine' });
    }
  }

  /** What is loaded, or will be loaded again by the call that needs it: the model (or null), and the SAEs in their order. */
  get loaded() {
    return this.#session.loaded;
  }

  async dispose() {
    const first = !this.#disposed;
    this.#disposed = true;
    this.#session = new Session();
    if (first) this.#changed('dispose');
    this.#trace?.cancel();
    for (const beside of this.#beside) beside.close(gone());
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
    return this.#call('loseDevice', {}, { needs: 'engine' });
  }

  // A call is sent again at most once: when the device was lost under it, or when the worker turned out to be dead
  // before it took the call. What the worker had taken when it died may be what killed it, so that is reported.
  async #call(method, args, { needs = 'session', own, onEvent, onStart, done } = {}) {
    for (let attempt = 0; ; attempt += 1) {
      const link = this.#worker();
      try {
        await Promise.race([this.#ready(link, needs), ...(own === undefined ? [] : [own.aborted])]);
        if (own?.signal.aborted) throw cancelled(own.what);
        onStart?.();
        const { id, reply } = link.call(method, args, (event, value) => this.#event(event, value, onEvent));
        own?.onCancel(() => link.cancel(id));
        const value = await reply;
        done?.(link, value);
        return value;
      } catch (error) {
        const undelivered = error.code === 'worker-died' && error.details.delivered === false;
        const lost = error.code === 'device-lost';
        if (this.#disposed) throw error;
        // It happens once: what comes next is this session's alone.
        if (this.#parted(link, error)) {
          attempt -= 1;
          continue;
        }
        if (lost) this.#drop(link, error);
        if (attempt > 0 || !(undelivered || lost)) throw error;
      }
    }
  }

  // Kept here as well, for the worker that may follow this one.
  async #configure(changes) {
    this.#settings = { ...this.#settings, ...changes };
    await this.#call('configure', this.#settings, { needs: 'engine' });
  }

  async #load(method, sent, { needs, done }, signal, what) {
    const own = abortable(signal, what);
    try {
      // Not raced against the signal: only the worker knows whether it was loaded before it could be stopped.
      const noted = (link, value) => {
        done(link, value);
        this.#changed(method);
      };
      return await this.#call(method, sent, { needs, done: noted, own });
    } finally {
      own.done();
    }
  }

  // A call that can be stopped, and of which nothing comes but its answer: one who has stopped it need not wait for the worker.
  // Options other than the signal are sent, where there are any (`kinds`).
  async #ask(method, args, options, { kinds, needs, what = `The call of ${method}()` } = {}) {
    const { signal, ...rest } = checked(options, kinds ?? STOPPABLE);
    const own = abortable(signal, what);
    try {
      return await Promise.race([own.aborted, this.#call(method, kinds === undefined ? args : { ...args, options: rest }, { needs, own })]);
    } finally {
      own.done();
    }
  }

  // Tells that something else is loaded, whoever made it so: the page, or a script on it. What a listener throws is not the call's.
  #changed(method) {
    this.dispatchEvent(Object.assign(new Event('change'), { detail: { method, ...this.#session.loaded } }));
  }

  #event(event, value, onEvent) {
    if (event === 'progress') this.#options.onProgress?.(value);
    else onEvent?.(event, value);
  }

  #notice(notice) {
    this.#options.onNotice?.(notice);
  }

  // True where a shared worker cannot have what a call needs beside what others have there: from now on this session has its own.
  #parted(link, error) {
    if (error.code !== 'engine-shared') return false;
    if (this.#link !== link) return true; // another call has found out before
    this.#spawn = () => start.engine();
    this.#link = null;
    link.close(error);
    return true;
  }

  // Calls that ran into the same loss one after another must not each end the worker that was started for the first.
  #drop(link, error) {
    if (this.#link !== link) return;
    this.#link = null;
    link.close(error);
    this.#notice({ code: error.code, message: 'The GPU device was lost. The model and SAEs are being loaded again on a new one.' });
  }

  // Work in a worker of its own, beside the one that answers: what it loads there is let go of in the end.
  async #aside(own, work, worker = start.scan) {
    if (this.#disposed) throw gone();
    const link = new Link(worker(), { onDeath: () => {}, onNotice: () => {} });
    this.#beside.add(link);
    try {
      return await work(link);
    } finally {
      this.#beside.delete(link);
      link.close(cancelled(own.what));
    }
  }

  // The worker that there is, or a fresh one. It becomes useful by degrees, see #ready().
  #worker() {
    if (this.#disposed) throw gone();
    if (this.#link !== null && !this.#link.dead) return this.#link;
    const link = new Link(this.#spawn(), {
      onDeath: (error) => {
        if (this.#link !== link) return;
        this.#link = null;
        this.#notice({ code: error.code, message: error.message });
      },
      onNotice: (notice) => this.#notice(notice),
    });
    this.#link = link;
    this.#engine = null;
    return link;
  }

  // Resolves when a worker has what a call needs: `worker` nothing but itself, `engine` a device, `model` the model that
  // was loaded, `session` the SAEs too.
  async #ready(link, needs) {
    if (needs === 'worker') return;
    if (this.#link === link) this.#engine ??= this.#start(link);
    await this.#engine;
    if (needs !== 'engine') await this.#session.restore(link, { saes: needs === 'session' }, (event, value) => this.#event(event, value));
  }

  #started(link, onEvent) {
    const { backend, limits, demo, catalogue, stallSeconds } = this.#options;
    const args = { backend, limits, demo, catalogue, stallSeconds, settings: this.#settings };
    return link.call('start', args, onEvent).reply;
  }

  async #start(link) {
    try {
      await this.#started(link, (event, value) => this.#event(event, value));
    } catch (error) {
      // The next call tries again; what needs no engine goes on.
      if (this.#link === link) this.#engine = null;
      throw error;
    }
  }
}

function gone() {
  return new SaeExplorerError('cancelled', 'The explorer was disposed of. Create another one.');
}

// An address relative to the page, or the usual one beside this module.
function beside(option, given, usual) {
  if (given === undefined || given === null) return new URL(usual, import.meta.url).href;
  try {
    return new URL(given, globalThis.location?.href).href;
  } catch {
    throw wrong(option, String(given), { accepts: 'a URL' });
  }
}
