// The demo's manifest, which is requested once for a model and its SAEs, so that both are of one version; and its model's
// files, which may be requested before anybody loads them.

import { demoManifest, readManifest } from './load.js';
import { until } from './until.js';

export class Demo {
  #files;
  #url = null;
  #manifest = null; // a promise, once it was requested
  #begun = false; // whether it was requested for a model that nobody has loaded yet

  /** @param {import('./files.js').Files} files */
  constructor(files) {
    this.#files = files;
  }

  /** Address of the manifest. */
  set url(url) {
    if (url === this.#url) return;
    this.#url = url;
    this.#manifest = null;
    this.abandon();
  }

  /**
   * Requests the manifest at once, unless it is given, and the model's files when `proceed` has resolved.
   * @param {Promise<unknown>} proceed
   * @param {object} [given] what is at the manifest's address
   */
  async begin(proceed, given) {
    this.#begun = true;
    try {
      if (given !== undefined) this.#manifest = Promise.resolve(readManifest(given, this.#url));
      const { parts } = await (this.#manifest ?? this.#request());
      await proceed;
      if (this.#begun) for (const file of Object.values(parts)) this.#files.begin(file);
    } catch {
      // Whoever loads the model requests it again, and is told.
    }
  }

  /** Another model is loaded: what was begun of this one is not wanted. */
  abandon() {
    this.#begun = false;
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
