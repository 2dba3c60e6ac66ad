// Files of a page in one file, in the page and in its workers: what asks for them by the addresses that they have on a site gets them
// from memory. Nothing of this is part of a site.
//
// The addresses are below one that stands for the site. Its name is reserved (RFC 2606): nothing ever answers there.

/** The bundles of the page lie in a folder below it. */
export const SITE = new URL('../', import.meta.url).href;

/** Path below the site → Blob. */
const files = new Map();

/** Path of a worker's script → its `blob:` address. */
const scripts = new Map();

const { fetch, Worker } = globalThis;

/** @param {Iterable<[string, Blob]>} more path and content of each */
export function addFiles(more) {
  for (const [path, blob] of more) files.set(path, blob);
}

/** Path below the site; null for another address. */
function pathOf(address) {
  const { href } = new URL(address, SITE);
  return href.startsWith(SITE) ? decodeURIComponent(href.slice(SITE.length).split(/[?#]/)[0]) : null;
}

/** As a host answers that gives whole files, and files from a byte on. Without marks of a version, as nothing has to be stored of them. */
function answer(blob, method, range) {
  if (blob === undefined) return new Response(null, { status: 404 });
  const from = /^bytes=(\d+)-$/.exec(range ?? '')?.[1];
  const start = Number(from ?? 0);
  if (from !== undefined && start >= blob.size) return new Response(null, { status: 416, headers: { 'content-range': `bytes */${blob.size}` } });
  const part = from === undefined ? {} : { 'content-range': `bytes ${start}-${blob.size - 1}/${blob.size}` };
  const headers = { ...part, 'content-type': blob.type || 'application/octet-stream', 'content-length': String(blob.size - start) };
  return new Response(method === 'HEAD' ? null : blob.slice(start, blob.size, blob.type), { status: from === undefined ? 200 : 206, headers });
}

/** Resolves when a worker has the files: they are its first message, which nobody else shall see. A page waits for its own before it begins. */
const here = globalThis.document !== undefined ? Promise.resolve() : new Promise((resolve) => {
  addEventListener('message', (event) => {
    if (event.data?.siteFiles === undefined) return;
    event.stopImmediatePropagation();
    addFiles(event.data.siteFiles);
    resolve();
  });
});

globalThis.fetch = async (input, init = {}) => {
  const path = pathOf(input instanceof Request ? input.url : input);
  if (path === null) return fetch(input, init);
  // A worker may ask before its files have come.
  await here;
  init.signal?.throwIfAborted();
  const headers = new Headers(init.headers ?? (input instanceof Request ? input.headers : undefined));
  return answer(files.get(path), init.method ?? 'GET', headers.get('range'));
};

// A worker that is started from a file has the same files.
if (Worker !== undefined) {
  globalThis.Worker = class extends Worker {
    constructor(address, options) {
      const path = pathOf(address);
      const blob = path === null ? undefined : files.get(path);
      if (blob !== undefined && !scripts.has(path)) scripts.set(path, URL.createObjectURL(blob));
      // Chromium starts no module from a `blob:` of a page without an origin; the bundles do as classic scripts, too.
      super(scripts.get(path) ?? address, blob === undefined ? options : { ...options, type: 'classic' });
      if (blob !== undefined) this.postMessage({ siteFiles: [...files] });
    }
  };
}

