// Connections as the worker has them, the fetcher in this thread; or, for `direct.test.js`, as a browser has them that can
// start no fetcher.

import { after } from 'node:test';

import { Connections } from '../../../pkg/connections.js';
import { serve } from '../../../pkg/fetching.js';

const fetchers = [];
after(() => {
  for (const fetcher of fetchers) fetcher.close();
});

/** A fetcher that a test can end, as browsers do: without a word to what it reads. */
export function startFetcher() {
  const ports = [];
  const fetcher = {
    postMessage({ port }) {
      ports.push(port);
      if (!fetcher.dead) serve(port);
    },
    dead: false,
    onerror: () => {},
    close() {
      for (const port of ports) port.close();
    },
    die() {
      fetcher.dead = true;
      fetcher.close();
      fetcher.onerror({ message: 'out of memory' });
    },
  };
  fetchers.push(fetcher);
  return fetcher;
}

/** For tests of what is not about that: every origin is chosen. */
export const anyOrigin = { choose: () => {}, check: () => {} };

export function connections(options = {}) {
  const refused = () => {
    throw new Error('no worker in a worker');
  };
  return new Connections(globalThis.withoutFetcher ? refused : startFetcher, { gate: anyOrigin, ...options });
}
