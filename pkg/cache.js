// Files kept in the browser's Cache, in blocks. Each block is one entry, written in one piece by the browser, so that
// there is never half of one; whether a file is whole follows from the blocks that are there. Two tabs that load the same
// file write the same blocks.
//
//   /.sae-explorer/{key}/meta     {key, url, name, size, etag, modified, hash, pinned, commit, blockBytes, usedAt, verified}
//   /.sae-explorer/{key}/{index}  block number `index`
//   /.sae-explorer/listing/{key}  a host's list of a repository's files, for when it cannot be reached
//
// The key is the content's hash where the host states it, else a hash of address, size, and ETag or Last-Modified.

import { canHash, hexadecimalHash } from './hash.js';
import { WriteBehind } from './write-behind.js';

const CACHE_NAME = 'sae-explorer-v2';
const OLD_CACHES = ['sae-explorer-v1'];
const FOLDER = '/.sae-explorer/';
const LISTING = 'listing';
/** Attempts to read a part that the browser does not give. */
const READ_ATTEMPTS = 2;
const UNREADABLE = Symbol('unreadable');

/** Bytes in a block: of the store, of a request, of memory. */
export const BLOCK_BYTES = 8 << 20;

/** The store of one worker. */
export class Store {
  /** Blocks that are being stored. */
  behind = new WriteBehind();
  #onNotice;
  #base;
  #opening = null;
  #full = false;
  #reason = null;

  /**
   * @param {(notice: {code: string, message: string}) => void} onNotice called once when the browser denies storage, and
   *   once when it is full
   */
  constructor(onNotice) {
    this.#onNotice = onNotice;
    // A page from a file has no origin; its store is as good under any name.
    const origin = globalThis.location?.origin ?? 'null';
    this.#base = new URL(FOLDER, origin === 'null' ? 'http://localhost' : origin);
  }

  /** Why nothing is stored; null while it is. */
  get reason() {
    return this.#reason;
  }

  /** True if there is room for more, as far as is known. */
  get writable() {
    return this.#reason === null && !this.#full;
  }

  /** Every stored file: its description, with the set of blocks that are there. */
  async entries() {
    const { found } = await this.#scan();
    return [...found.values()].map(({ meta, blocks }) => new Entry(this, meta, blocks));
  }

  /** The files stored for an address, the last used first. */
  async find(url) {
    const entries = await this.entries();
    return entries.filter(({ meta }) => meta.url === url).sort((one, other) => other.meta.usedAt - one.meta.usedAt);
  }

  /**
   * The entry of a file, made where there is none yet; null where it cannot be stored, or where nothing would distinguish the
   * file from a later one of the same length.
   * @param {{url: string, name: string, size: number, etag?: string|null, modified?: string|null, hash?: string|null, pinned?: boolean, commit?: string|null}} file
   */
  async entry({ url, name, size, etag = null, modified = null, hash = null, pinned = false, commit = null }) {
    if ((hash ?? etag ?? modified) === null) return null;
    const key = hash ?? (await digest([url, size, etag ?? modified]));
    if (key === null || (await this.#cache()) === null) return null;
    const { found: entries, unreadable } = await this.#scan(key);
    // Its description cannot be read now: the file is read from elsewhere, and its blocks are left alone.
    if (unreadable.has(key)) return null;
    const found = entries.get(key);
    const kept = found?.meta.size === size && found.meta.blockBytes === BLOCK_BYTES;
    const verified = kept && found.meta.verified === true;
    const meta = { key, url, name, size, etag, modified, hash, pinned, commit, blockBytes: BLOCK_BYTES, usedAt: Date.now(), verified };
    const entry = new Entry(this, meta, kept ? found.blocks : new Set());
    await entry.touch();
    return entry;
  }

  /** Deletes a file by its key, or `"all"`; what was written next to it in the meantime goes with it. */
  async delete(key) {
    const cache = await this.#cache();
    if (cache === null) return;
    await this.behind.drop(key === 'all' ? undefined : key);
    const keys = await this.#attempt(() => cache.keys(), []);
    const parts = keys.filter(({ url }) => key === 'all' || this.#parse(url)?.key === key);
    // The description last: whatever stops this halfway leaves an incomplete file, not blocks that nobody knows.
    parts.sort((one, other) => Number(/\/meta$/.test(one.url)) - Number(/\/meta$/.test(other.url)));
    for (const part of parts) await this.#attempt(() => cache.delete(part), false);
    this.#full = false;
  }

  /** Keeps a host's list of files. */
  async keepListing(url, text) {
    const key = await digest(['listing', url]);
    if (key !== null) await this.write([LISTING, key], new TextEncoder().encode(text));
  }

  /** The list kept for an address, or null. */
  async listing(url) {
    const key = await digest(['listing', url]);
    const bytes = key === null ? null : await this.read([LISTING, key]);
    return bytes === null ? null : new TextDecoder().decode(bytes);
  }

  /** The bytes of one part, or null where there are none or they cannot be read now: the network has them too. */
  async read(at) {
    const bytes = await this.#bytesOf(at);
    return bytes === UNREADABLE ? null : bytes;
  }

  // The bytes of one part, null where there is none, UNREADABLE where there is one that the browser does not give: under
  // memory pressure, or while its disk is busy, that passes.
  async #bytesOf([key, part]) {
    const cache = await this.#cache();
    if (cache === null) return null;
    for (let attempt = 0; attempt < READ_ATTEMPTS; attempt += 1) {
      try {
        const kept = await cache.match(this.#address(key, part));
        return kept === undefined ? null : new Uint8Array(await kept.arrayBuffer());
      } catch {
        // Tried again.
      }
    }
    return UNREADABLE;
  }

  /** Writes one part; false where it could not be kept. */
  async write([key, part], bytes) {
    const cache = await this.#cache();
    if (cache === null || this.#full) return false;
    const headers = { 'content-type': 'application/octet-stream', 'content-length': String(bytes.length) };
    try {
      // A Blob goes to the browser's process in one piece, an array as a stream: twice the time.
      await cache.put(this.#address(key, part), new Response(new Blob([bytes]), { headers }));
      return true;
    } catch (error) {
      if (error?.name === 'QuotaExceededError') this.#fill();
      else this.#deny(error);
      return false;
    }
  }

  #address(key, part) {
    return new URL(`${key}/${part}`, this.#base).href;
  }

  #parse(url) {
    if (!url.startsWith(this.#base.href)) return null;
    const [key, part] = url.slice(this.#base.href.length).split('/');
    return { key, part };
  }

  // Stored files by key, and the keys of those that cannot be read now. Blocks without a description are what a deletion in
  // another tab left: they are deleted, and so are those whose description is there but makes no sense.
  async #scan(only) {
    const cache = await this.#cache();
    const found = new Map();
    const unreadable = new Set();
    if (cache === null) return { found, unreadable };
    for (const { url } of await this.#attempt(() => cache.keys(), [])) {
      const at = this.#parse(url);
      if (at === null || at.key === LISTING || (only !== undefined && at.key !== only)) continue;
      if (!found.has(at.key)) found.set(at.key, { meta: null, parts: [], blocks: new Set() });
      const { parts, blocks } = found.get(at.key);
      parts.push(url);
      if (at.part !== 'meta') blocks.add(Number(at.part));
    }
    for (const [key, entry] of found) {
      const description = await this.#bytesOf([key, 'meta']);
      entry.meta = description === UNREADABLE ? null : parse(description);
      if (entry.meta !== null) continue;
      found.delete(key);
      if (description === UNREADABLE) unreadable.add(key);
      else for (const part of entry.parts) await this.#attempt(() => cache.delete(part), false);
    }
    return { found, unreadable };
  }

  #cache() {
    this.#opening ??= this.#open();
    return this.#opening.then((cache) => (this.#reason === null ? cache : null));
  }

  async #open() {
    try {
      if (!('caches' in globalThis)) throw new Error(globalThis.isSecureContext === undefined ? 'there is no browser here' : 'this page is not a secure context');
      const cache = await globalThis.caches.open(CACHE_NAME);
      for (const old of OLD_CACHES) await globalThis.caches.delete(old);
      return cache;
    } catch (error) {
      this.#deny(error);
      return null;
    }
  }

  async #attempt(work, otherwise) {
    try {
      return await work();
    } catch (error) {
      this.#deny(error);
      return otherwise;
    }
  }

  #deny(error) {
    if (this.#reason !== null) return;
    this.#reason = String(error?.message ?? error);
    this.#onNotice({ code: 'storage-denied', message: `No files are stored (${this.#reason}); models from other hosts are downloaded again each time.` });
  }

  #fill() {
    if (this.#full) return;
    this.#full = true;
    this.#onNotice({
      code: 'quota',
      message: 'The browser has no more room for the files of this page. Loading goes on, but what comes from here on is not kept and will be downloaded again next time. Delete stored files that you no longer need, or free space on the disk.',
    });
  }
}

/** One stored file. */
export class Entry {
  #store;
  #blocks;

  constructor(store, meta, blocks) {
    this.#store = store;
    this.meta = meta;
    this.#blocks = blocks;
  }

  get key() {
    return this.meta.key;
  }

  /** Number of blocks of the whole file. */
  get count() {
    return Math.ceil(this.meta.size / this.meta.blockBytes);
  }

  /** The hash that the host stated, where it is a SHA-256; else null. */
  get sha256() {
    return /^sha256-([0-9a-f]{64})$/.exec(this.meta.hash ?? '')?.[1] ?? null;
  }

  /** True if the stored file was found to have that hash. */
  get verified() {
    return this.meta.verified === true;
  }

  get complete() {
    for (let index = 0; index < this.count; index += 1) if (!this.#blocks.has(index)) return false;
    return true;
  }

  /** Bytes that are stored, or on their way. */
  get storedBytes() {
    let sum = 0;
    for (let index = 0; index < this.count; index += 1) if (this.has(index)) sum += this.#length(index);
    return sum;
  }

  /** True if a block is stored, or being stored. */
  has(index) {
    return this.#blocks.has(index) || this.waiting(index) !== undefined;
  }

  /** A block that is on its way, or undefined. */
  waiting(index) {
    return this.#store.behind.find(this.key, index);
  }

  /** A block that is there, or null where it is no longer there or not whole. */
  async get(index) {
    if (!this.#blocks.has(index)) return null;
    const bytes = await this.#store.read([this.key, index]);
    if (bytes?.length === this.#length(index)) return bytes;
    this.#blocks.delete(index);
    return null;
  }

  /** Stores a block; false where there is no room or no permission. */
  async put(index, bytes) {
    const kept = await this.#store.write([this.key, index], bytes);
    if (kept) this.#blocks.add(index);
    if (kept && this.verified) await this.#describe({ verified: false });
    return kept;
  }

  /** True if there is room for more, as far as is known. */
  get writable() {
    return this.#store.writable;
  }

  /** Stores a block, soon; resolves when there is room for another. */
  putSoon(index, bytes) {
    return this.#store.behind.add(this, index, bytes);
  }

  /** Resolves when nothing of the file is on its way any more. */
  settle() {
    return this.#store.behind.flush(this.key);
  }

  /** Notes that the file was used now. */
  async touch() {
    await this.#describe({ usedAt: Date.now() });
  }

  /** Notes that what is stored has the hash that the host stated. */
  async markVerified() {
    if (this.complete) await this.#describe({ verified: true });
  }

  async #describe(changes) {
    Object.assign(this.meta, changes);
    await this.#store.write([this.key, 'meta'], new TextEncoder().encode(JSON.stringify(this.meta)));
  }

  async drop() {
    this.#blocks.clear();
    await this.#store.delete(this.key);
  }

  #length(index) {
    return Math.max(0, Math.min(this.meta.blockBytes, this.meta.size - index * this.meta.blockBytes));
  }
}

// SHA-256 of some values as hexadecimal digits; null outside a secure context, where there is no store either.
async function digest(values) {
  if (!canHash()) return null;
  return `url-${await hexadecimalHash('SHA-256', new TextEncoder().encode(JSON.stringify(values)))}`;
}

function parse(bytes) {
  if (bytes === null) return null;
  try {
    const meta = JSON.parse(new TextDecoder().decode(bytes));
    return typeof meta.key === 'string' && typeof meta.url === 'string' && Number.isSafeInteger(meta.size) && meta.blockBytes > 0 ? meta : null;
  } catch {
    return null;
  }
}
