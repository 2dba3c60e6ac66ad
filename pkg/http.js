// Requests to hosts of files, and the errors for a person when they fail.

import { SaeExplorerError } from './errors.js';
import { Stalled, within } from './patience.js';

/**
 * Asks a host for a file, or for the rest of it from the byte `from` on. Resolves with an answer of 200, 206 or 416, which
 * can be given up at any time: by `signal` until it comes, by `controller` after that. Anything else, and a host that does not
 * answer at all, rejects with an error that says what to do.
 *
 * The browser's own HTTP cache is passed by, unless `cache` or the connections say otherwise: it would keep every large file a second time.
 * @param {import('./connections.js').Connections} connections
 * @param {{name: string, url: string}} file
 * @param {{method?: string, from?: number, signal?: AbortSignal, cache?: string, here?: boolean}} options
 * @returns {Promise<{response: import('./connections.js').Answer, controller: AbortController}>}
 */
export async function connect(connections, { name, url }, { method = 'GET', from, signal, cache = connections.cache, here } = {}) {
  const controller = new AbortController();
  const abort = () => controller.abort(signal.reason);
  signal?.addEventListener('abort', abort, { once: true });
  try {
    signal?.throwIfAborted();
    const headers = from === undefined ? {} : { range: `bytes=${from}-` };
    const answer = connections.fetch(url, { name, method, headers, signal: controller.signal, cache, here });
    const response = await within(connections.stall, answer);
    if (response.ok || response.status === 416) return { response, controller };
    throw refusal(name, url, response.status);
  } catch (error) {
    controller.abort(); // nobody reads the body of a refusal, and an unread body keeps its connection
    signal?.throwIfAborted();
    if (error instanceof SaeExplorerError) throw error;
    throw error instanceof Stalled ? silent(name, url, error) : unreachable(name, url, error);
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}

/** True for the failure of a request whose host sent no answer. */
export const isSilent = (error) => error?.details?.stalled === true;

/** Times to wait before a broken connection is tried again, milliseconds. */
export const WAITS = [500, 1500, 4000];

/** Waits, unless `signal` ends it. */
export function waitFor(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop);
      resolve();
    }, milliseconds);
    signal?.addEventListener('abort', stop, { once: true });
  });
}

/** The error of a file that became another one. */
export function changed({ name, url }) {
  return new SaeExplorerError('file-changed', `${name} was changed on the server while it was being loaded, so its parts do not belong together; they were thrown away. Try again: it is then loaded from its beginning.`, { file: name, url });
}

/**
 * Version of the whole file as an answer states it: its length, the marks by which a changed file is recognised, and the commit that it
 * is from.
 */
export function versionOf(response) {
  const { headers } = response;
  const encoding = headers.get('content-encoding');
  const encoded = (encoding ?? 'identity') !== 'identity';
  // Another site need not show this header, and the length is then perhaps that of a compressed form. Requests for parts
  // ask for none.
  const hidden = encoding === null && response.type === 'cors' && response.status === 200;
  const length = headers.get('content-length');
  const range = /^bytes (?:(\d+)-\d+|\*)\/(\d+|\*)$/.exec(headers.get('content-range') ?? '');
  const version = { etag: strong(headers.get('etag')), modified: headers.get('last-modified'), encoded, size: null, start: 0, commit: commitIn(headers) };
  if (response.status === 206) version.start = range?.[1] === undefined ? null : Number(range[1]);
  if (range !== null && range[2] !== '*') version.size = Number(range[2]);
  else if (response.status === 200 && length !== null && (encoded || hidden)) version.announced = Number(length);
  else if (response.status === 200 && length !== null) version.size = Number(length);
  else if (response.status === 206 && length !== null) version.rest = Number(length);
  return version;
}

// Hugging Face names the commit that a file is from, with small files at least.
function commitIn(headers) {
  const commit = headers.get('x-repo-commit');
  return /^[0-9a-f]{40}$/.test(commit ?? '') ? commit : null;
}

/** True if two answers may be of the same file: nothing that both of them say differs. */
export function sameVersion(one, other) {
  if (one.size !== null && other.size !== null && one.size !== other.size) return false;
  if (one.etag !== null && other.etag !== null) return one.etag === other.etag;
  if (one.modified !== null && other.modified !== null) return one.modified === other.modified;
  return true;
}

// A server that compresses weakens its ETag; the file is the same.
const strong = (tag) => tag?.replace(/^W\//, '') ?? null;

function unreachable(name, url, error) {
  const { host, origin } = new URL(url);
  const details = { file: name, url, reason: String(error?.message ?? error) };
  if (globalThis.navigator?.onLine === false) {
    return new SaeExplorerError('network', `${name} cannot be loaded: this device is offline, and the file is not stored in this browser. Connect it and try again.`, details);
  }
  if (origin === globalThis.location?.origin) {
    return new SaeExplorerError('network', `${name} could not be loaded: ${url} cannot be reached. The server is not running, the connection is broken, or its redirects go in a circle. Check them, then try again.`, details);
  }
  return new SaeExplorerError(
    'cors',
    `${name} could not be loaded from ${host}; browsers do not say why. Either the host cannot be reached, or its redirects go in a circle, or it does not allow other sites to read its files (it sends no Access-Control-Allow-Origin). Open ${url} in a tab of its own: if it is downloaded there, the host forbids it here; download the files and drop them on this page instead.`,
    details,
  );
}

function silent(name, url, { seconds }) {
  const { host } = new URL(url);
  const reason = `no answer came for ${seconds} seconds`;
  return new SaeExplorerError(
    'network',
    `${name} could not be loaded: ${host} sent no answer for ${seconds} seconds. Check the connection, then try again; if ${host} stays silent, take the file from a mirror, or download it elsewhere and drop it on this page.`,
    { file: name, url, host, seconds, stalled: true, reason },
  );
}

function refusal(name, url, status) {
  const details = { file: name, url, status };
  if (status === 404 || status === 410) {
    return new SaeExplorerError('missing-file', `${name} is missing: ${url} answered ${status}. Check the address and the files beside it.`, details);
  }
  if (status === 401 || status === 403) {
    return new SaeExplorerError(
      'network',
      `${name} could not be loaded: ${url} answered ${status}, which means that there is no such file or that not everybody may read it. Check the address. In a gated or private repository accept its terms, download the files there and drop them on this page.`,
      details,
    );
  }
  const what = status === 429 ? 'the server answered 429, too many requests; wait a few minutes' : `the server answered ${status}; check ${url}`;
  return new SaeExplorerError('network', `${name} could not be loaded: ${what}, then try again.`, details);
}
