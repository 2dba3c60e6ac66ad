// One load: what it opens counts in its progress, and is let go of in the end.

import { damaged } from './byte-sources.js';
import { Meter } from './progress.js';

/**
 * @param {object} given
 * @param {import('./files.js').Files} given.files
 * @param {import('./verify.js').Verifier} given.verifier checks what was stored, later
 */
export const loads = ({ files, verifier }) =>
  // Runs `work(means)`. `base`: the mirror, where it matters: the site's is in its catalogue, for which the demo shall not wait.
  async function loading(stage, { progress, signal }, { expected = 0, base = null }, work) {
    const meter = new Meter((loaded, total, more) => progress(stage, loaded, total, more), expected);
    const opened = [];
    let over = false;
    const open = async (file) => {
      const source = await files.open(file, { signal, onBytes: meter.onBytes });
      if (over) await source.close(); // another file has failed meanwhile
      else opened.push(source);
      return meter.add(source);
    };
    // A download that was damaged must not be taken from the store next time.
    const forget = async (error) => {
      for (const source of damaged(error, opened)) await source.forget();
    };
    try {
      const loaded = await work({ files, signal, open, forget, mirror: base });
      meter.finish();
      return loaded;
    } catch (error) {
      await forget(error);
      throw error;
    } finally {
      over = true;
      // Blocks that are still to be stored need not be waited for.
      for (const source of opened) source.close().then(() => verifier.add(source.entry));
    }
  };
