// A worker that is started before a session is wanted, so that the engine and the demo's model are on their way while the
// page's own code arrives. The next session takes it.

let prepared = null; // {worker, share, ended}

/**
 * Starts a worker and tells it what will be wanted. Whatever fails here is tried again, and reported, by the session.
 * @param {(share?: string) => Worker} spawn
 * @param {object} given
 * @param {string | null} given.demo address of the manifest of the demo whose model will be loaded; null: none
 * @param {Promise<object>} [given.manifest] what is at that address, where the page has requested it
 * @param {string | Promise<string>} [given.sae] id of the demo's SAE that will be loaded after the model
 * @param {Promise<unknown>} [given.after] large files are requested once it has settled
 * @param {string} [given.share] the name of what is shared
 * @returns {Promise<boolean>} whether others may share the worker
 */
export async function prepare(spawn, { share, ...given }) {
  if (prepared !== null) return false;
  let worker;
  try {
    worker = spawn(share);
  } catch {
    return false;
  }
  prepared = { worker, share, ended: false };
  tellWanted(prepared, given);
  return worker.shared ?? false;
}

async function tellWanted(own, { demo, manifest, sae, after }) {
  const { worker } = own;
  const end = (event) => {
    event.preventDefault?.();
    own.ended = true;
    worker.terminate();
  };
  worker.onerror = end;
  worker.onmessage = (event) => {
    if (event.data.fatal !== undefined) end(event);
  };
  const tell = (message) => own.ended || worker.postMessage(message);
  const [read, id] = await Promise.allSettled([manifest, sae]);
  tell({ prepare: { demo, manifest: read.value, sae: id.value } });
  await Promise.allSettled([after]);
  tell({ proceed: true });
}

/** The worker that was started with this name of what is shared, or none, for the caller to own; null where there is none, or none that still runs. */
export function takePrepared(share) {
  const own = prepared;
  if (own === null || own.share !== share) return null;
  prepared = null;
  return own.ended ? null : own.worker;
}
