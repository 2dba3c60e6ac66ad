// The model and SAEs that were loaded, and their loading again in a worker that follows a dead one. Each is loaded when a
// call needs it: one that cannot be loaded again stands in the way of the calls that need it, and of no others.

import { SaeExplorerError } from './errors.js';

export class Session {
  #model = null; // {method, sent, info}: the call that loads it, and what it gave
  #saes = new Map(); // id → the same, in the order of loading
  #loaded = new WeakMap(); // link → Set of those that its worker has loaded
  #loading = null; // {link, promise, stop} of the loading again under way
  #replacing = new Set(); // loads of another model under way

  /** Descriptions of the model and the SAEs, as they were loaded. */
  get loaded() {
    return { model: this.#model?.info ?? null, saes: [...this.#saes.values()].map(({ info }) => info) };
  }

  /** A model was loaded by a call, instead of the one before and of its SAEs. */
  setModel(link, sent, info) {
    this.#model = { method: 'loadModel', sent, info };
    this.#saes.clear();
    this.#loaded.set(link, new Set([this.#model]));
  }

  /** An SAE was loaded by a call, or made. */
  addSae(link, info, { method, sent }) {
    const call = { method, sent, info };
    this.#saes.set(info.id, call);
    this.#on(link).add(call);
  }

  /** Where the numbers of a loaded SAE are. */
  sourceOf(id) {
    return this.sentOf(id).source;
  }

  /** True for a loaded SAE that has numbers of its own. */
  hasSource(id) {
    return this.#saes.get(id)?.sent.source !== undefined;
  }

  /** The source of a loaded SAE, with the options of its loading. */
  sentOf(id) {
    const sent = this.#saes.get(id)?.sent;
    if (sent?.source === undefined) throw new SaeExplorerError('unknown-sae', this.#saes.has(id) ? `${id} are neurons: they have no numbers of their own.` : `${id} is not loaded. Load it first.`, { sae: id });
    return sent;
  }

  removeSae(id) {
    this.#saes.delete(id);
  }

  /** True for an SAE that was loaded, and that this worker (null: none) has not loaded yet. */
  isLost(link, id) {
    return this.#saes.has(id) && !(link !== null && this.#on(link).has(this.#saes.get(id)));
  }

  /** Another model is being loaded: the one before need not be loaded again, unless that fails. */
  replace(load) {
    this.#loading?.stop();
    this.#replacing.add(load);
    const over = () => this.#replacing.delete(load);
    load.then(over, over);
  }

  /**
   * Loads in a worker what it has not: the model and, with `saes`, every SAE or those of a list of ids, in their order. Calls that need the same
   * share the loading. What fails is tried again by the next call.
   * @param {import('./link.js').Link} link
   * @param {{saes: boolean | string[]}} what
   * @param {(event: string, value: unknown) => void} onEvent
   */
  async restore(link, { saes }, onEvent) {
    for (let call = this.#missing(link, saes); call !== null; call = this.#missing(link, saes)) {
      if (this.#replacing.size > 0) await Promise.allSettled([...this.#replacing]);
      else await this.#share(link, call, onEvent);
    }
  }

  #on(link) {
    if (!this.#loaded.has(link)) this.#loaded.set(link, new Set());
    return this.#loaded.get(link);
  }

  #missing(link, saes) {
    const loaded = this.#on(link);
    if (this.#model !== null && !loaded.has(this.#model)) return this.#model;
    const wanted = (id) => saes === true || (saes !== false && saes.includes(id));
    for (const [id, call] of this.#saes) if (wanted(id) && !loaded.has(call)) return call;
    return null;
  }

  #share(link, call, onEvent) {
    if (this.#loading?.link === link) return this.#loading.promise;
    const { id, reply } = link.call(call.method, call.sent, onEvent);
    const own = { link, stop: () => link.cancel(id) };
    own.promise = reply
      .then(() => void this.#on(link).add(call))
      .catch((error) => {
        throw this.#explained(call, error);
      })
      .finally(() => {
        if (this.#loading === own) this.#loading = null;
      });
    this.#loading = own;
    return own.promise;
  }

  // A dead worker and a lost device are the affair of the call; of anything else it says what failed and what to do.
  #explained(call, error) {
    if (['worker-died', 'device-lost'].includes(error.code)) return error;
    const id = [...this.#saes].find(([, other]) => other === call)?.[0];
    const what = call.method === 'loadModel' ? 'the model' : `the SAE ${id ?? ''}`.trim();
    const todo = call.method === 'loadModel' ? 'load the model again, or another one' : `load it again, or go on without it after unloadSae("${id}")`;
    return new SaeExplorerError(error.code, `The engine was started anew, and ${what} could not be loaded again: ${error.message} To go on, try the same again, ${todo}.`, { ...error.details, reloading: id ?? 'model' });
  }
}
