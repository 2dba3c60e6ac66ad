// Scans of a person's own texts: the identities of what is loaded, which an atlas is known by, and texts that are read while the
// engine runs.

const NEURONS = Symbol('neurons');

export class Scans {
  #open;
  #identify;
  #model = null; // {name, source}
  #saes = new Map(); // id → the source of an SAE, or NEURONS
  #hashes = new Map(); // source → SHA-256 of the numbers in it

  /**
   * @param {object} open opens what is loaded once more, for its identity
   * @param {(source: object, context: object, work: (parts: object) => Promise<string>) => Promise<string>} open.model
   * @param {(source: object, context: object, work: (parts: object) => Promise<string>) => Promise<string>} open.sae
   * @param {{model: Function, pt: Function, saelens: Function}} identify gives the SHA-256 of the numbers in opened files
   */
  constructor(open, identify) {
    this.#open = open;
    this.#identify = identify;
  }

  /** A model was loaded, instead of the one before and of its SAEs. */
  setModel(name, source) {
    this.#model = { name, source };
    this.#saes.clear();
    this.#hashes.clear();
  }

  setSae(id, source) {
    this.#saes.set(id, source);
  }

  setNeurons(id) {
    this.#saes.set(id, NEURONS);
  }

  remove(id) {
    this.#saes.delete(id);
  }

  /**
   * @param {import('./scan-engine.js').Engine} engine
   * @param {{list: {name: string, blob: Blob}[], sets?: string[], options: object}} given
   * @param {{signal: AbortSignal, scan: (progress: object) => void}} context
   */
  async scan(engine, { list, sets = [...this.#saes.keys()], options }, { signal, scan }) {
    const context = { signal, progress: (stage, bytes, totalBytes) => scan({ stage: 'load', bytes, totalBytes }) };
    const model = this.#model === null ? '' : await this.#ofModel(context);
    const known = [];
    for (const id of sets) known.push({ id, sha256: await this.#ofSae(id, model, context) });
    const reader = new FileReaderSync();
    const read = (file, offset, length) => new Uint8Array(reader.readAsArrayBuffer(list[file].blob.slice(offset, offset + length)));
    const files = list.map(({ name, blob }) => ({ name, bytes: blob.size }));
    return engine.scan({ ...options, files, sets: known, modelName: this.#model?.name ?? '', modelSha256: model }, read, scan);
  }

  #ofModel(context) {
    const { source } = this.#model;
    return this.#hash(source, () => this.#open.model(source, context, ({ config, weights, index }) => this.#identify.model(config, weights, index)));
  }

  // What is not loaded the engine refuses by name.
  async #ofSae(id, model, context) {
    const source = this.#saes.get(id);
    if (source === undefined) return '';
    if (source === NEURONS) return model;
    return this.identify(source, context);
  }

  /** The SHA-256 of the numbers of an SAE. */
  async identify(source, context) {
    return this.#hash(source, () => this.#open.sae(source, context, ({ pt, cfg, weights }) => (pt === undefined ? this.#identify.saelens(cfg, weights) : this.#identify.pt(pt, cfg))));
  }

  async #hash(source, find) {
    const found = this.#hashes.get(source) ?? (await find());
    this.#hashes.set(source, found);
    return found;
  }
}
