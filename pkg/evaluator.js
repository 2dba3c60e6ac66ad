// Evaluations in their worker: reads texts and opens SAEs for the engine, and lets the person stop it.

import { turn } from './turn.js';

export class Evaluator {
  #open;
  #stopped = false;

  /**
   * @param {object} open opens the files of SAEs, see serve.js
   * @param {(source: object, context: object, work: (parts: object, own: object) => Promise<unknown>) => Promise<unknown>} open.sae
   */
  constructor(open) {
    this.#open = open;
  }

  /** The evaluation under way ends with what it has. */
  stop() {
    this.#stopped = true;
  }

  /**
   * @param {import('./train-engine.js').Engine} engine
   * @param {{list: {name: string, blob: Blob}[], saes: {id: string, source: object, options: object, origin: object | null}[], options: object}} given
   * @param {{signal: AbortSignal, progress: Function, evaluate: (progress: object) => void}} context
   */
  async evaluate(engine, { list, saes, options }, context) {
    const reader = new FileReaderSync();
    const stopped = () => this.#stopped || context.signal.aborted;
    const open = (source, work) => this.#open.sae(source, context, work);
    let release = () => {}; // lets go of the open SAE's files
    let over = Promise.resolve(); // when they are let go of
    // The engine does not know where files are from.
    const origins = new Map(saes.map(({ id, origin }) => [id, origin]));
    const withOrigins = ({ evaluations, ...rest }) => ({ ...rest, evaluations: { ...evaluations, saes: evaluations.saes.map((sae) => ({ ...sae, origin: origins.get(sae.id) ?? null })) } });
    const host = {
      read: (file, offset, length) => new Uint8Array(reader.readAsArrayBuffer(list[file].blob.slice(offset, offset + length))),
      get stopped() {
        return stopped();
      },
      progress: (progress) => context.evaluate(progress.stage === 'found' ? { ...progress, evaluated: withOrigins(progress.evaluated) } : progress),
      turn,
      open: (index) =>
        new Promise((resolve, reject) => {
          const { source, options: given } = saes[index];
          over = open(source, ({ pt, cfg, weights }, own) => {
            const { hook = own.hook, centre = own.centre, prependBos = own.prependBos, normScalingFactor, weightFormat } = given;
            resolve({ pt, cfg, weights, options: { hook, centre, prependBos, normScalingFactor, weightFormat } });
            return new Promise((done) => (release = done));
          }).catch(reject);
        }),
      async close() {
        release();
        await over;
      },
    };
    const files = list.map(({ name, blob }) => [name, blob.size]);
    return withOrigins(await engine.evaluate({ files, saes: saes.map(({ id }) => id), options }, host));
  }
}
