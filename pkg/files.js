// Bytes from URLs and Blobs, with progress, kept in the browser's Cache where it lets us.

import { SaeExplorerError } from './errors.js';

const CACHE_NAME = 'sae-explorer-v1';

/** Files, fetched once and kept. One store serves one worker. */
export class Files {
  #cache; // undefined: not tried; null: denied
  #onDenied;

  /** @param {(reason: string) => void} onDenied told once, when the browser denies storage */
  constructor(onDenied) {
    this.#onDenied = onDenied;
  }

  /**
   * Reads a file. `commit()` on the result keeps it for later visits: call it when the content has proved good, so
   * that a damaged download is never kept.
   * @param {{name: string, url?: string, blob?: Blob, bytes?: number}} file `bytes`: the length it must have
   * @param {{signal?: AbortSignal, onProgress?: (loaded: number, total: number) => void}} options
   * @returns {Promise<{name: string, bytes: Uint8Array, commit: () => Promise<void>}>}
   */
  async read(file, { signal, onProgress = () => {} } = {}) {
    if (file.blob !== undefined) {
      onProgress(0, file.blob.size);
      const bytes = await readBlob(file);
      onProgress(bytes.length, bytes.length);
      return { name: file.name, bytes, commit: async () => {} };
    }
    const cache = await this.#open();
    const kept = await this.#fromCache(cache, file, signal);
    if (kept !== null) {
      onProgress(kept.length, kept.length);
      return { name: file.name, bytes: kept, commit: async () => {} };
    }
    const { bytes, headers } = await download(file, signal, onProgress);
    return { name: file.name, bytes, commit: () => this.#keep(cache, file.url, bytes, headers) };
  }

  /** Reads several files at once; their progress is told as one. */
  async readTogether(list, { signal, onProgress }) {
    const meter = new Meter(onProgress);
    meter.expect(list);
    return Promise.all(list.map((file) => this.read(file, { signal, onProgress: meter.of(file) })));
  }

  /** Reads a small JSON file; never kept, because it says what the others must be. */
  async json(file, { signal } = {}) {
    const { bytes } = await download(file, signal, () => {});
    try {
      return JSON.parse(new TextDecoder().decode(bytes));
    } catch (error) {
      throw new SaeExplorerError('bad-file', `${file.name} is not JSON: ${error.message}`, { file: file.name, url: file.url });
    }
  }

  async #open() {
    if (this.#cache !== undefined) return this.#cache;
    try {
      if (!('caches' in globalThis)) throw new Error('this page is not a secure context');
      this.#cache = await globalThis.caches.open(CACHE_NAME);
    } catch (error) {
      this.#deny(error);
    }
    return this.#cache;
  }

  #deny(error) {
    if (this.#cache === null) return;
    this.#cache = null;
    this.#onDenied(String(error?.message ?? error));
  }

  // A kept file is used when the server says that it is still the same one, or when the server cannot be reached.
  async #fromCache(cache, file, signal) {
    if (cache === null) return null;
    let kept;
    try {
      kept = await cache.match(file.url);
    } catch (error) {
      this.#deny(error);
      return null;
    }
    if (kept === undefined) return null;
    const now = await validators(file.url, signal);
    if (now !== 'unreachable' && !sameFile(now, kept.headers)) return null;
    try {
      const bytes = new Uint8Array(await kept.arrayBuffer());
      return file.bytes === undefined || bytes.length === file.bytes ? bytes : null;
    } catch {
      return null;
    }
  }

  async #keep(cache, url, bytes, headers) {
    if (cache === null) return;
    const kept = new Headers({ 'content-type': 'application/octet-stream' });
    for (const name of ['etag', 'last-modified']) if (headers.has(name)) kept.set(name, headers.get(name));
    try {
      await cache.put(url, new Response(bytes, { headers: kept }));
    } catch (error) {
      this.#deny(error);
    }
  }
}

/** Whether a failed read means that there is no such file. */
export const isMissing = (error) => error?.code === 'missing-file';

async function validators(url, signal) {
  try {
    const response = await fetch(url, { method: 'HEAD', signal });
    return response.ok ? response.headers : null;
  } catch (error) {
    signal?.throwIfAborted();
    return 'unreachable';
  }
}

function sameFile(now, kept) {
  if (now === null) return false;
  for (const name of ['etag', 'last-modified']) {
    if (now.has(name) && kept.has(name)) return weak(now.get(name)) === weak(kept.get(name));
  }
  return false;
}

// A compressing server weakens its ETag; the file is the same.
const weak = (tag) => tag.replace(/^W\//, '');

async function readBlob({ name, blob }) {
  try {
    return new Uint8Array(await blob.arrayBuffer());
  } catch (error) {
    throw new SaeExplorerError('bad-file', `${name} cannot be read (${error.message}). Choose the file again.`, { file: name });
  }
}

async function download({ name, url, bytes: expected }, signal, onProgress) {
  let response;
  try {
    response = await fetch(url, { signal });
  } catch (error) {
    signal?.throwIfAborted();
    throw network(name, url, `it cannot be reached (${error.message})`);
  }
  if (response.status === 404 || response.status === 410) {
    throw new SaeExplorerError('missing-file', `${name} is missing: ${url} answered ${response.status}. Check the address and the files beside it.`, { file: name, url, status: response.status });
  }
  if (!response.ok) throw network(name, url, `the server answered ${response.status}`, { status: response.status });
  // Content-Length counts the bytes on the wire, so it says nothing about a compressed file.
  const encoded = (response.headers.get('content-encoding') ?? 'identity') !== 'identity';
  const announced = encoded ? 0 : Number(response.headers.get('content-length') ?? 0);
  let bytes;
  try {
    bytes = await readStream(response, expected ?? announced, onProgress);
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof RangeError) throw tooLarge(name, expected ?? announced);
    throw network(name, url, `the transfer broke off (${error.message})`);
  }
  if (expected !== undefined && bytes.length !== expected) {
    throw new SaeExplorerError(
      'bad-file',
      `${name} has ${bytes.length} bytes where ${expected} are expected: the file on the server is cut off or another one. Reload, or copy it there again.`,
      { file: name, url, bytes: bytes.length, expected },
    );
  }
  return { bytes, headers: response.headers };
}

// Written straight into one array where the length is known: weights are too large to hold twice.
async function readStream(response, length, onProgress) {
  onProgress(0, length);
  if (response.body === null) return new Uint8Array(await response.arrayBuffer());
  let whole = new Uint8Array(length);
  let loaded = 0;
  for (const reader = response.body.getReader(); ; ) {
    const { done, value } = await reader.read();
    if (done) break;
    if (loaded + value.length > whole.length) {
      const grown = new Uint8Array(Math.max(loaded + value.length, 2 * whole.length));
      grown.set(whole.subarray(0, loaded));
      whole = grown;
    }
    whole.set(value, loaded);
    loaded += value.length;
    onProgress(loaded, Math.max(length, loaded));
  }
  return whole.length === loaded ? whole : whole.slice(0, loaded);
}

function tooLarge(name, bytes) {
  return new SaeExplorerError('out-of-memory', `${name} needs ${bytes} bytes of memory in one piece, which the browser does not give. Close other tabs, or load a smaller model.`, { file: name, bytes });
}

function network(name, url, why, details = {}) {
  return new SaeExplorerError('network', `${name} could not be loaded: ${why}. Check the connection and ${url}, then try again.`, { file: name, url, ...details });
}

// Adds up the progress of several files into one.
class Meter {
  #onProgress;
  #files = new Map();

  constructor(onProgress) {
    this.#onProgress = onProgress;
  }

  /** Files whose lengths are known beforehand count from the start. */
  expect(files) {
    for (const file of files) if (file.bytes !== undefined) this.#files.set(file, { loaded: 0, total: file.bytes });
  }

  of(file) {
    return (loaded, total) => {
      this.#files.set(file, { loaded, total });
      const sum = { loaded: 0, total: 0 };
      for (const one of this.#files.values()) {
        sum.loaded += one.loaded;
        sum.total += one.total;
      }
      this.#onProgress(sum.loaded, sum.total);
    };
  }
}
