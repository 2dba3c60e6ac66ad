// The page's side of its service worker (sw.js): registers it, tells how far the storing of the page's files is, and whether another
// version waits.

import { site } from './site.js';

/** Time after which a page that comes back into view looks for another version, milliseconds. */
const LOOK_AGAIN = 60 * 60 * 1000;

/** This page's version, as the build wrote it. */
const VERSION = document.documentElement.dataset.version;

let registration = null;

/** A message to a worker, and its answer. One that has become redundant never answers. */
function ask(worker, message) {
  const { port1, port2 } = new MessageChannel();
  return new Promise((resolve) => {
    port1.onmessage = ({ data }) => resolve(data);
    worker.postMessage(message, [port2]);
  });
}

/** What the page itself has fetched so far, by its addresses: without the worker, on a first visit. */
const fetched = () => performance.getEntriesByType('resource').map(({ name }) => name);

async function versionOf(worker) {
  return worker === null ? null : (await ask(worker, { type: 'version' })).version;
}

/**
 * Has the page's files stored, and tells `told` how far that is, each time that it changes.
 * @param {(state: {stored: boolean, reason: string | null, update: boolean, lacks?: string}) => void} told `stored`: the page opens without a
 *   network; `reason`: why it never will, in this browser; `update`: another version waits; `lacks`: of a page in one file, which needs
 *   none of this, what it does not have
 */
export async function watchOffline(told) {
  if (site.lacks !== null) return told({ stored: true, reason: null, update: false, lacks: site.lacks });
  const denied = (reason) => told({ stored: false, reason, update: false });
  try {
    const { serviceWorker } = navigator;
    if (serviceWorker === undefined) return denied(isSecureContext ? 'this browser has no service workers' : 'browsers store pages over https only');
    registration = await serviceWorker.register(new URL('sw.js', document.baseURI), { updateViaCache: 'none' });
    if (registration === undefined) return denied('it refused to');
  } catch (error) {
    return denied(error?.message ?? String(error));
  }
  follow(told);
  return undefined;
}

/** Looks at the workers whenever one of them changes. */
function follow(told) {
  const watched = new WeakSet();
  let looks = 0;
  let checked = Date.now();
  const look = async () => {
    const turn = ++looks;
    const { installing, waiting, active } = registration;
    for (const worker of [installing, waiting, active]) {
      if (worker === null || watched.has(worker)) continue;
      watched.add(worker);
      worker.addEventListener('statechange', look);
    }
    if (active === null) {
      const reason = installing === null && waiting === null ? 'its files could not be fetched or kept; the next visit tries again' : null;
      return told({ stored: false, reason, update: false });
    }
    const [now, next] = await Promise.all([versionOf(active), versionOf(waiting)]);
    if (now === VERSION) await ask(active, { type: 'hello', version: VERSION, fetched: fetched() });
    // A page that came past its worker, or before it, may be of another version than the one that is stored.
    else if (next === null && installing === null) await registration.update().catch(() => {});
    if (turn !== looks) return undefined;
    const mine = now === VERSION || next === VERSION;
    const update = next === null ? !mine && registration.installing === null : next !== VERSION;
    return told({ stored: mine, reason: null, update });
  };
  registration.addEventListener('updatefound', look);
  document.addEventListener('visibilitychange', () => {
    if (document.hidden || Date.now() - checked < LOOK_AGAIN) return;
    checked = Date.now();
    registration.update().catch(() => {}); // without a network there is none
  });
  look();
}

/**
 * Reloads the page in the version that waits. Resolves with the number of other pages that are open, where there are any: they keep
 * their version, and this page keeps its own.
 */
export async function takeNewVersion() {
  const active = registration?.active ?? null;
  const { others } = active === null ? { others: 0 } : await ask(active, { type: 'next-reload' });
  if (others > 0) return others;
  location.reload();
  return 0;
}
