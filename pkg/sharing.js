// What each of those who share an engine has loaded. Everybody sees their own alone, as if they had the engine for themselves; what two
// of them load alike is there once, and is let go of when nobody has it any more. Where somebody wants what cannot be there beside what
// others have, such as another model, the error `engine-shared` says so, and they start an engine of their own (index.js).
//
// Calls come here one after the other, as the engine takes them.

import { SaeExplorerError } from './errors.js';

/** Calls that load, and of which several may want the same. */
const LOADS = ['loadModel', 'loadSae', 'loadNeurons'];
/** Calls for which no model has to be there. */
const WITHOUT_MODEL = ['info', 'loseDevice'];

/** A call in words that are the same for the same; null for what has no such, as a file of one's own. */
export function keyOf(given) {
  let plain = true;
  const words = JSON.stringify(given, (_, value) => {
    if (value !== null && typeof value === 'object' && !Array.isArray(value) && Object.getPrototypeOf(value) !== Object.prototype) plain = false;
    return value;
  });
  return plain ? words : null;
}

export class Sharing {
  #engine;
  #started = null; // in words, how the engine was started
  #turn = 0; // of the engine: with each lost device another one begins
  #model = null; // {key, info, of: Set of callers}
  #sets = new Map(); // id → the same
  #wanted = new Map(); // key → Set of calls that load it, or wait for that
  #turns = new WeakMap(); // caller → the turn that it knows

  /** @param {() => object} engine */
  constructor(engine) {
    this.#engine = engine;
  }

  /** A call has come, and may have to wait. */
  enter(call) {
    call.key = LOADS.includes(call.method) ? keyOf([call.method, call.args]) : null;
    if (call.key === null) return;
    if (!this.#wanted.has(call.key)) this.#wanted.set(call.key, new Set());
    this.#wanted.get(call.key).add(call);
  }

  exit(call) {
    const wanted = this.#wanted.get(call.key);
    wanted?.delete(call);
    if (wanted?.size === 0) this.#wanted.delete(call.key);
  }

  /** The calls that want the same as one, itself included: what is heard of one is news for all. */
  alike(call) {
    return [...(this.#wanted.get(call.key) ?? [call])];
  }

  /**
   * Runs a call for its caller. `work(claim)` has the engine do it; it calls `claim(id)` before it puts a feature set into the
   * place of one with this id.
   */
  async run(call, work) {
    if (call.method === 'start') return this.#start(call, work);
    if (this.#turns.get(call.caller) !== this.#turn) throw new SaeExplorerError('device-lost', 'The GPU device was lost.');
    try {
      if (call.method === 'loadModel') return await this.#loadModel(call, work);
      if (LOADS.includes(call.method)) return await this.#loadSets(call, work);
      if (call.method === 'unloadSae') return this.#unload(call, work);
      return await this.#ask(call, work);
    } catch (error) {
      // The next one who starts gets another device; all others learn of it by their next calls.
      if (error?.code === 'device-lost') this.#reset();
      throw error;
    }
  }

  /** A caller is gone. */
  leave(caller) {
    this.#model?.of.delete(caller);
    for (const { of } of this.#sets.values()) of.delete(caller);
  }

  /** Lets go of what nobody has and nobody waits for. */
  sweep() {
    for (const [id, { key, of }] of this.#sets) if (of.size === 0 && !this.#wanted.has(key)) this.#remove(id);
  }

  async #start(call, work) {
    const key = keyOf(call.args);
    if (this.#started === null) {
      await work();
      this.#started = key;
    } else if (key !== this.#started) throw taken('it was started with other options');
    this.#turns.set(call.caller, this.#turn);
  }

  async #loadModel(call, work) {
    const { caller, key } = call;
    const there = this.#model;
    const others = there !== null && hasOthers(there, caller);
    if (there !== null && there.key === key && key !== null && (others || !there.of.has(caller))) {
      // SAEs belong to the model that they were loaded for.
      this.leave(caller);
      this.sweep();
      join(there, call);
      return there.info;
    }
    if (others) throw taken('it has another model');
    this.#engine().lookAt(undefined);
    const info = await work();
    this.#sets.clear();
    this.#model = { key, info, of: new Set() };
    join(this.#model, call);
    return info;
  }

  async #loadSets(call, work) {
    const { caller, method, args, key } = call;
    if (!this.#model?.of.has(caller)) throw noModel();
    const there = [...this.#sets.values()].find((set) => key !== null && set.key === key);
    if (there !== undefined && (hasOthers(there, caller) || !there.of.has(caller))) {
      join(there, call);
      return there.info;
    }
    // All of the demo's at once are what they are one by one.
    const keyOne = (id) => (args.source?.demo === true ? keyOf([method, { ...args, source: { ...args.source, only: id } }]) : key);
    const claim = (id) => {
      const before = this.#sets.get(id);
      const same = before?.key !== null && before?.key === keyOne(id);
      if (before !== undefined && !same && hasOthers(before, caller)) throw taken(`it has another SAE ${id}`);
    };
    this.#engine().lookAt(undefined);
    const loaded = await work(claim);
    for (const info of [loaded].flat()) {
      const of = this.#sets.get(info.id)?.of ?? new Set();
      const set = { key: keyOne(info.id), info, of };
      this.#sets.set(info.id, set);
      join(set, call);
    }
    return loaded;
  }

  #unload({ caller, args: { id } }, work) {
    const set = this.#sets.get(id);
    this.#look(caller);
    // One that the caller does not have is an error of the engine's.
    if (set === undefined || !set.of.has(caller)) return work();
    set.of.delete(caller);
    this.sweep();
    return undefined;
  }

  async #ask({ caller, method }, work) {
    const has = this.#model?.of.has(caller) ?? false;
    if (!has && this.#model !== null && !WITHOUT_MODEL.includes(method)) throw noModel();
    this.#look(caller);
    const answer = await work();
    return method === 'info' && !has ? { ...answer, model: null } : answer;
  }

  // Questions are about what the caller has loaded.
  #look(caller) {
    const own = [...this.#sets].filter(([, { of }]) => of.has(caller));
    this.#engine().lookAt(own.map(([id]) => id));
  }

  #remove(id) {
    this.#sets.delete(id);
    this.#engine().lookAt(undefined);
    this.#engine().unloadSae(id);
  }

  #reset() {
    this.#started = null;
    this.#turn += 1;
    this.#model = null;
    this.#sets.clear();
  }
}

const hasOthers = ({ of }, caller) => [...of].some((one) => one !== caller);

function join({ of }, { caller, gone }) {
  if (!gone) of.add(caller);
}

const noModel = () => new SaeExplorerError('no-model', 'No model is loaded. Load one first.');

const taken = (why) => new SaeExplorerError('engine-shared', `The engine is shared, and ${why}.`);
