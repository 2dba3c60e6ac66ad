// One training in its worker: reads texts for the engine, stores its checkpoints, and lets the person pause and stop it.

import { SaeExplorerError } from './errors.js';
import { StoredTraining } from './trainings.js';
import { turn } from './turn.js';

export class Trainer {
  #paused = false;
  #wake = null; // ends the waiting of a paused training
  #unsaved = false; // true if the last checkpoint could not be stored

  /** Pauses the training, or lets it go on; what waits for a word to begin begins. */
  steer({ paused }) {
    this.#paused = paused;
    this.#wake?.();
  }

  /**
   * @param {import('./train-engine.js').Engine} engine
   * @param {{id: string, list: {name: string, blob: Blob}[], resume: boolean, confirm: boolean, options: object}} given
   * @param {{signal: AbortSignal, train: (progress: object) => void}} context
   */
  async train(engine, given, context) {
    // Before anything is waited for: the person's word may come at once.
    this.#paused = given.confirm;
    const run = () => this.#run(engine, given, context);
    const { locks } = navigator;
    if (locks === undefined) return run();
    return locks.request(`sae-explorer-training-${given.id}`, { ifAvailable: true }, (lock) => {
      if (lock === null) throw new SaeExplorerError('in-use', 'This training goes on in another tab or window of this browser. Stop it there first.', { id: given.id });
      return run();
    });
  }

  async #run(engine, { id, list, resume, options }, { signal, train }) {
    const stored = new StoredTraining(id);
    const before = resume ? await found(stored, id) : null;
    let reader = null;
    // The engine's sources are asked at once, which workers can do.
    const read = (file, offset, length) => {
      reader ??= new FileReaderSync();
      return new Uint8Array(reader.readAsArrayBuffer(list[file].blob.slice(offset, offset + length)));
    };
    const word = () => (signal.aborted ? 'stop' : 'go');
    const woken = () =>
      new Promise((resolve) => {
        const over = () => {
          signal.removeEventListener('abort', over);
          this.#wake = null;
          resolve();
        };
        this.#wake = over;
        signal.addEventListener('abort', over);
      });
    const host = {
      read,
      progress: train,
      async turn() {
        await turn();
        return word();
      },
      confirmed: async () => {
        while (this.#paused && !signal.aborted) await woken();
        return word();
      },
      between: async (step, saved) => {
        await turn();
        if (this.#paused && !saved && !signal.aborted && !this.#unsaved) return 'save';
        if (this.#paused && !signal.aborted) train({ stage: 'paused', step });
        while (this.#paused && !signal.aborted) await woken();
        this.#unsaved = false;
        return word();
      },
      store: async (files, info) => {
        try {
          await stored.save(files, info);
          return undefined;
        } catch (error) {
          // A paused training does not try for ever.
          this.#unsaved = true;
          return reason(error);
        }
      },
      stored: async () => before.files,
    };
    return engine.train({ id, files: list.map(({ name, blob }) => [name, blob.size]), resume, options: { name: before?.info.name, ...options } }, host);
  }
}

/** The last checkpoint of a training. */
async function found(stored, id) {
  const last = await stored.load().catch((error) => {
    throw new SaeExplorerError('bad-file', `The training cannot be read: ${reason(error)}`, { id });
  });
  if (last === null) throw new SaeExplorerError('missing-file', 'This training is not in this browser: it was deleted, or the browser has cleared its storage.', { id });
  return last;
}

function reason(error) {
  if (error.name === 'QuotaExceededError') return 'this browser has no room left for it. Make room (Library, storage), or download the result when the training ends.';
  return `${error.message}.`.replace(/\.\.$/, '.');
}
