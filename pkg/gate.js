// The origins that the workers may contact: those of the page and the package, and those that a person has chosen, by a link, a
// mirror, a repository or an entry of the catalogue. Where a chosen host redirects to is its own affair: browsers do not
// show a redirect before they follow it. Where there are files on disk (node.js), a chosen one stands for its folder and those below.

import { SaeExplorerError } from './errors.js';

/** What a policy allows beyond the gate: patterns of hosts, such as `*.hf.co`; null where it allows any. */
export const policy = { hosts: null };

export class Gate {
  #chosen = new Set();
  #folders = new Set(); // of chosen files on disk, which have no origin
  #own; // origins of page and package

  /** @param {string[]} own addresses whose origins, or folders, are always allowed */
  constructor(own = [globalThis.location?.href, import.meta.url]) {
    for (const url of own) if (/^(https?|file):/.test(url ?? '')) this.choose(url);
    this.#own = new Set(this.#chosen);
  }

  /** A person has chosen an address: its origin may be contacted from now on, or its folder on disk read. */
  choose(url) {
    const { origin, protocol, href } = new URL(url);
    if (protocol === 'file:') this.#folders.add(new URL('.', href).href);
    else this.#chosen.add(origin);
  }

  /**
   * Throws where an address is of an origin that nobody has chosen.
   * @param {string} url
   * @param {string} name of what is to come from there, for the message
   */
  check(url, name = 'a file') {
    const { origin, protocol, href, hostname } = new URL(url);
    if (['http:', 'https:'].includes(protocol) && this.#chosen.has(origin)) {
      if (policy.hosts === null || this.#own.has(origin) || policy.hosts.some((pattern) => fits(hostname, pattern))) return;
      throw new SaeExplorerError('not-chosen', `${name} was not requested: it lies at ${url}, and this page is a file, which allows itself ${policy.hosts.join(', ')} and no other host. Download it and drop it on this page, or open it in the page of a site.`, { file: name, url, origin });
    }
    if (protocol === 'file:' && [...this.#folders].some((folder) => href.startsWith(folder))) return;
    throw new SaeExplorerError(
      'not-chosen',
      `${name} was not requested: it lies at ${url}, and nobody has chosen ${origin === 'null' ? 'such an address' : origin}. Something that was loaded, such as a list of files, names this address. If you trust it, give the address itself.`,
      { file: name, url, origin },
    );
  }
}

const fits = (host, pattern) => (pattern.startsWith('*.') ? host.endsWith(pattern.slice(1)) : host === pattern);

/** Ways to the network other than fetch, as far as a worker has them. */
const OTHERS = ['XMLHttpRequest', 'WebSocket', 'WebSocketStream', 'EventSource', 'WebTransport', 'RTCPeerConnection', 'importScripts'];

/**
 * Leaves a worker's scope no way to the network past the gate, whatever code runs in it: `fetch` goes through the gate, the others
 * are gone, and a worker can be started from a file of the package's origin only. The modules that ask for files have kept the
 * browser's own `fetch` for themselves (connections.js, fetching.js) and go through the gate.
 * @param {typeof globalThis} scope
 * @param {Gate} gate
 */
export function seal(scope, gate) {
  const { fetch, Worker } = scope;
  const set = (name, value) => Object.defineProperty(scope, name, { value, writable: false, configurable: false });
  set('fetch', async (input, init) => {
    const request = new Request(input, init);
    gate.check(request.url);
    return fetch(request);
  });
  for (const name of OTHERS) if (name in scope) set(name, undefined);
  if (Worker === undefined) return;
  const own = new URL(import.meta.url).origin;
  class OwnWorker extends Worker {
    constructor(url, options) {
      const { origin, protocol } = new URL(url);
      if (!['http:', 'https:'].includes(protocol) || origin !== own) throw new SaeExplorerError('not-chosen', `A worker can be started from a file of ${own} only, not from ${url}.`, { url: String(url) });
      super(url, options);
    }
  }
  set('Worker', OwnWorker);
}
