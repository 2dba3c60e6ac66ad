// The service worker: keeps the files of one version of the page in the browser, so that it opens without a network.
//
// `SITE` is put before this file by the build (xtask/src/site/offline.rs):
//   version  a hash over all code
//   app      [path, first digits of the SHA-256] of each file of this version; '' is index.html
//   beside   paths of small files that a site's owner may exchange: the catalogue, the demo's descriptions
//   data     paths of the demo's larger files, without the weights, which the package stores itself (pkg/cache.js)
//
// A page and its worker are of one version. A page is given this worker's index.html and no other, and this worker takes pages over
// from another version only when no other page is open. So two versions never meet, whatever the server has by now.

/** Bounds of what belongs to this site; another one may lie beside it on the same host. */
const SCOPE = new URL('./', self.location.href);

/** Names of caches: one for each version of the page, and one for the demo's files, which versions share. */
const APP = `sae-explorer-app ${SCOPE.pathname} `;
const OWN = APP + SITE.version;
const DATA = 'sae-explorer-demo';

/** Time that another worker may take to answer, milliseconds. */
const PATIENCE = 3000;

/** Files of the site are the same whatever headers they were requested with. */
const ANY = { ignoreVary: true };

const BESIDE = new Set(SITE.beside);

/** The version whose pages are served: another one from the moment on at which a reload hands over to it. */
let serving = OWN;

/** True once a page has said that its next reload is for the version that waits. */
let announced = false;

const at = (path) => new URL(path, SCOPE).href;

/** The path of an address below the site's folder, without a query; null for everything else. */
function pathOf(address) {
  const { origin, pathname } = new URL(address);
  return origin === SCOPE.origin && pathname.startsWith(SCOPE.pathname) ? pathname.slice(SCOPE.pathname.length) : null;
}

const isPage = (path) => path === '' || path === 'index.html';

/** Open pages of the site, as far as the browser tells. */
async function pages() {
  const windows = await self.clients.matchAll({ type: 'window', includeUncontrolled: true });
  return windows.filter(({ url }) => isPage(pathOf(url)));
}

/** The number of open pages beside the one that asks. */
const otherPages = async () => Math.max(0, (await pages()).length - 1);

async function digits(bytes) {
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return [...hash].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** An answer that can be kept and given for any request: not redirected, and no longer in the form in which it was sent. */
function copyOf({ headers: sent }, bytes) {
  const headers = new Headers(sent);
  for (const name of ['content-encoding', 'content-length', 'content-range', 'transfer-encoding']) headers.delete(name);
  return new Response(bytes, { headers });
}

// Storing a version

/** A file of this version, from the browser's HTTP cache where that has it: a visit has just requested most of them. */
async function whole(path, hash) {
  for (const cache of ['force-cache', 'no-cache']) {
    const response = await fetch(at(path), { cache });
    const bytes = await response.arrayBuffer();
    if (response.ok && (await digits(bytes)).startsWith(hash)) return copyOf(response, bytes);
  }
  throw new Error(`${path || 'index.html'} on the server is not that of version ${SITE.version}`);
}

async function install() {
  const own = await caches.open(OWN);
  const before = await versions();
  for (const [path, hash] of SITE.app) {
    if ((await own.match(at(path))) !== undefined) continue; // from an attempt that was cut off
    // A name with a hash means the same in every version.
    const known = path === '' ? undefined : await find(at(path), before);
    await own.put(at(path), known ?? (await whole(path, hash)));
  }
  // The page has just requested them, unless this is an update: then those in the HTTP cache may be older than this version.
  const cache = self.registration.active === null ? 'force-cache' : 'no-cache';
  for (const path of SITE.beside) {
    const response = await fetch(at(path), { cache });
    if (response.ok) await own.put(at(path), copyOf(response, await response.arrayBuffer()));
  }
  // Somebody may have emptied the storage meanwhile.
  const kept = await caches.open(OWN);
  for (const [path] of SITE.app) if ((await kept.match(at(path))) === undefined) throw new Error('the browser did not keep the files');
}

/** Names of this site's versions that are stored. */
async function versions() {
  return (await caches.keys()).filter((name) => name.startsWith(APP));
}

async function find(address, names) {
  for (const name of names) {
    const found = await caches.match(address, { ...ANY, cacheName: name });
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Deletes other versions, and files of the demo that are of none any more, while no page but that of this version is open. */
async function prune() {
  const { installing, waiting } = self.registration;
  const others = (await versions()).filter((name) => name !== OWN);
  if (others.length === 0 || installing !== null || waiting !== null || (await pages()).length > 1) return;
  for (const name of others) await caches.delete(name);
  const data = await caches.open(DATA);
  const listed = new Set(SITE.data.map(at));
  for (const request of await data.keys()) if (pathOf(request.url) !== null && !listed.has(request.url)) await data.delete(request);
}

// Answers to requests

self.addEventListener('install', (event) => event.waitUntil(install()));

self.addEventListener('fetch', (event) => {
  const { request } = event;
  const path = pathOf(request.url);
  if (request.method !== 'GET' || path === null) return;
  if (request.mode === 'navigate') {
    if (isPage(path)) event.respondWith(page(request));
  } else if (path.startsWith('assets/')) event.respondWith(code(request));
  else if (BESIDE.has(path)) event.respondWith(exchangeable(request, serving));
  else if (isData(path, request)) event.respondWith(exchangeable(request, DATA));
  // Weights and everything else are none of this worker's business.
});

/** A file of the demo that the page itself requests. The package requests weights past all caches, in parts, and stores them. */
const isData = (path, request) => path.startsWith('demo/') && request.cache !== 'no-store' && !request.headers.has('range');

async function page(request) {
  // Browsers let the other version wait for the page's end, and on a reload the old page is there until the new one has come.
  // Handed over is here and not before the reload: a reload that comes while workers change is never answered in Chromium 148.
  if ((announced || request.cache === 'no-cache') && self.registration.waiting !== null) await handOver();
  return (await find(SCOPE.href, [serving])) ?? fetch(request);
}

/** A file of any version: its name says which content it has, and a page may need one of the version before. */
async function code(request) {
  return (await find(request.url, [serving])) ?? (await find(request.url, await versions())) ?? fetch(request);
}

/**
 * From now on pages are of the version that waits, unless another page is open than the one that is about to be reloaded. The other
 * worker begins when this one has nothing to do any more; until then this one serves the other's files.
 */
async function handOver() {
  const answer = await ask(self.registration.waiting, { type: 'take-over' });
  if (answer?.others === 0) serving = answer.name;
}

/** A message to another worker, and its answer; null where none comes. */
function ask(worker, message) {
  const { port1, port2 } = new MessageChannel();
  return new Promise((resolve) => {
    port1.onmessage = ({ data }) => resolve(data);
    setTimeout(resolve, PATIENCE, null);
    worker.postMessage(message, [port2]);
  });
}

/**
 * A file under a name that stays: from the server, so that an owner's changes are seen, or else what is stored. Where the server
 * has another version of the site by now, what it sends belongs to that one, and the page goes on with what is stored.
 */
async function exchangeable(request, name) {
  const kept = await find(request.url, [name]);
  let answer;
  let bytes;
  try {
    answer = await fetch(request);
    bytes = answer.ok ? await answer.arrayBuffer() : null;
  } catch (error) {
    if (kept !== undefined) return kept;
    throw error;
  }
  if (kept !== undefined) {
    if (bytes !== null && same(bytes, await kept.clone().arrayBuffer())) return kept;
    if (answer.status >= 500 || (await movedOn())) return kept;
  }
  if (bytes === null) return answer;
  // What cannot be stored is not there without a network, and is all right with one.
  await keep(name, request.url, copyOf(answer, bytes)).catch(() => {});
  return copyOf(answer, bytes);
}

async function keep(name, address, response) {
  await (await caches.open(name)).put(address, response);
}

function same(one, other) {
  const [left, right] = [new Uint8Array(one), new Uint8Array(other)];
  return left.length === right.length && left.every((byte, index) => byte === right[index]);
}

/** True if the server has another version than this worker's, or does not say so. */
async function movedOn() {
  try {
    const response = await fetch(self.location.href, { cache: 'no-cache' });
    return !response.ok || !(await response.text()).includes(`"${SITE.version}"`);
  } catch {
    return true;
  }
}

// Messages of pages

self.addEventListener('message', (event) => event.waitUntil(answer(event)));

async function answer({ data: { type, version, fetched }, ports: [port] }) {
  if (type === 'version') port.postMessage({ version: SITE.version });
  if (type === 'next-reload') port.postMessage(await nextReload());
  if (type === 'take-over') port.postMessage(await takeOver());
  if (type !== 'hello') return;
  try {
    if (version === SITE.version) await welcome(fetched);
  } finally {
    port.postMessage({});
  }
}

/** A page is about to be reloaded in the version that waits, unless other pages are open. */
async function nextReload() {
  const others = await otherPages();
  announced = others === 0;
  return { others };
}

/** Makes this version the one that answers, unless another page is open than the one for which that is asked: it keeps its version. */
async function takeOver() {
  const others = await otherPages();
  if (others === 0) self.skipWaiting();
  return { others, name: OWN };
}

/** A page of this version is there. On its first visit it came without this worker, and so did what it has fetched. */
async function welcome(fetched) {
  if ((await pages()).length === 1) await self.clients.claim();
  for (const address of fetched) {
    const path = pathOf(address) ?? '';
    if (!path.startsWith('demo/') || BESIDE.has(path) || (await find(address, [DATA])) !== undefined) continue;
    const response = await fetch(address, { cache: 'force-cache' });
    if (response.ok) await keep(DATA, address, copyOf(response, await response.arrayBuffer()));
  }
  await prune();
}
