// The demo's manifest, which is requested once for a model and its SAEs, so that both are of one version; and the files of its
// model and of one SAE, which may be requested before anybody loads them.

import { demoManifest, readManifest } from './load.js';
import { until } from './until.js';

export class Demo {
  #files;
  #url = null;
  #manifest = null; // a promise, once it was requested
  #begun = false; // whether it was requested for a model that nobody has loaded yet
  #turn = 0; // of what is begun

  /** @param {import('./files.js').Files} files */
  constructor(files) {
    this.#files = files;
  }

  /** Address of the manifest. */
  get url() {
    return this.#url;
  }

  set url(url) {
    if (url === this.#url) return;
    this.#url = url;
    this.#manifest = null;
    this.abandon();
  }

  /**
   * Requests the manifest at once, unless it is given; the model's files when `proceed` has resolved; and those of an SAE when the
   * model's weights have come, so that the line is never idle and nothing is in their way.
   * @param {Promise<unknown>} proceed
   * @param {{manifest?: object, sae?: string}} [given] what is at the manifest's address, and the SAE's id
   */
  async begin(proceed, { manifest: read, sae: id } = {}) {
    this.#begun = true;
    const turn = ++this.#turn;
    try {
      if (read !== undefined) this.#manifest = Promise.resolve(readManifest(read, this.#url));
      const { parts, saes } = await (this.#manifest ?? this.#request());
      await proceed;
      if (this.#turn !== turn) return;
      const { weights, ...small } = parts;
      for (const file of Object.values(small)) this.#files.begin(file);
      const model = this.#files.begin(weights);
      const sae = saes.find((one) => one.id === id);
      if (sae !== undefined) this.#follow(model, sae, turn);
    } catch {
      // Whoever loads the model requests it again, and is told.
    }
  }

  async #follow(model, sae, turn) {
    const source = await model.catch(() => null);
    await source?.whole;
    if (source === null || this.#turn !== turn) return;
    this.#files.begin(sae.cfg);
    this.#files.begin(sae.weights);
  }

  /** Another model is loaded: what was begun of this one is not wanted. */
  abandon() {
    this.#begun = false;
    this.#turn += 1;
    this.#files.abandon();
  }

  /** The manifest, for a model that is about to be loaded from it: a fresh one, unless it was requested for this. */
  async ofModel(signal) {
    const manifest = this.#begun && this.#manifest !== null ? this.#manifest : this.#request();
    this.#begun = false;
    return until(signal, manifest);
  }

  /** The manifest that the model was loaded from, or else the site's. */
  async ofSaes(signal) {
    return until(signal, this.#manifest ?? this.#request());
  }

  /** Something that it names could not be loaded: the next call requests it again. */
  forget() {
    this.#manifest = null;
  }

  #request() {
    const manifest = demoManifest(this.#files, this.#url);
    this.#manifest = manifest;
    manifest.catch(() => {
      if (this.#manifest === manifest) this.#manifest = null;
    });
    return manifest;
  }
}
