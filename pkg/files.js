// Opens files for reading, wherever they are: on this device, at an address, or stored from an earlier visit.

import { BlobSource, readAll } from './byte-sources.js';
import { BLOCK_BYTES, Store } from './cache.js';
import { Connections } from './connections.js';
import { SaeExplorerError } from './errors.js';
import { WAITS, changed, connect, isSilent, sameVersion, versionOf, waitFor } from './http.js';
import { Memory } from './memory.js';
import { until } from './until.js';
import { UrlSource } from './url-source.js';
import { checkSmall } from './verify.js';

/** Bytes that are read at once of a small file. */
const PIECE_BYTES = 256 << 10;

/**
 * A file to open.
 * @typedef {object} FileAt
 * @property {string} name for messages
 * @property {string} [url]
 * @property {Blob} [blob]
 * @property {number} [bytes] the length it must have
 * @property {string} [hash] its content's hash, where the host states it: `sha256-…` or `git-…`
 * @property {boolean} [pinned] whether the hash is from the catalogue, and not from the host
 */

/** The files of one worker. */
export class Files {
  #memory = new Memory();
  #begun = new Map(); // address → promise of a source that nobody has opened yet
  #connections;
  #waits;

  /**
   * @param {(notice: {code: string, message: string}) => void} onNotice
   * @param {{waits?: number[], connections?: Connections}} options `waits`: milliseconds before each further attempt at a
   *   broken connection
   */
  constructor(onNotice, { waits = WAITS, connections = new Connections() } = {}) {
    this.store = new Store((notice) => {
      // Where nothing may be stored, as in figures in articles of other sites for some readers, the HTTP cache is what there is.
      if (notice.code === 'storage-denied') connections.cache = 'default';
      onNotice(notice);
    });
    this.#connections = connections;
    this.#waits = waits;
  }

  /** A person has chosen an address: its host may be contacted. */
  choose(url) {
    this.#connections.gate.choose(url);
  }

  /** Begins to read a file that will be opened soon. What fails here is requested again when it is opened. */
  begin(file) {
    const source = this.#opened(file, {}).then((opened) => {
      opened.prefetch();
      return opened;
    });
    source.catch(() => {});
    this.#begun.set(file.url, source);
    return source;
  }

  /** Lets go of what was begun and not opened. */
  abandon() {
    for (const source of this.#begun.values()) source.then((opened) => opened.close(), () => {});
    this.#begun.clear();
  }

  /**
   * Opens a file for reading by pieces. Rejects at once where it is missing or may not be read.
   * @param {FileAt} file
   * @param {{signal?: AbortSignal, onBytes?: (source: object) => void}} options
   * @returns {Promise<{name: string, size: number, read: Function, close: Function, forget: Function}>}
   */
  async open(file, { signal, onBytes } = {}) {
    const begun = this.#begun.get(file.url);
    if (begun === undefined) return this.#opened(file, { signal, onBytes });
    this.#begun.delete(file.url);
    const source = await until(signal, begun.catch(() => null)).catch((error) => {
      begun.then((opened) => opened.close(), () => {});
      throw error;
    });
    if (source === null) return this.#opened(file, { signal, onBytes });
    source.attach({ signal, onBytes });
    return source;
  }

  async #opened(file, { signal, onBytes }) {
    if (file.blob !== undefined) return new BlobSource({ name: file.name, blob: file.blob, signal, onBytes });
    const make = (given) => new UrlSource({ name: file.name, url: file.url, hash: file.hash, connections: this.#connections, memory: this.#memory, signal, onBytes, waits: this.#waits, ...given });
    if (file.hash !== undefined && file.bytes !== undefined) {
      const entry = await this.store.entry({ ...file, size: file.bytes });
      return make({ size: file.bytes, version: { size: file.bytes, etag: null, modified: null, commit: null }, entry });
    }
    const kept = await this.#stillTheSame(file, signal);
    if (kept !== null) {
      await kept.touch();
      return make({ size: kept.meta.size, version: markOf(kept), entry: kept });
    }
    return this.#first(file, { signal, make, onBytes });
  }

  /**
   * All bytes of a small file. Whoever needs them does not wait until they are stored. `onCommit` receives the commit that the
   * file is from, where its host names it.
   */
  async bytes(file, { onCommit, ...options } = {}) {
    const source = await this.open(file, options);
    try {
      const bytes = await readAll(source);
      await checkSmall(file, bytes);
      if (typeof source.commit === 'string') onCommit?.(source.commit);
      return bytes;
    } catch (error) {
      if (error?.code === 'bad-file') await source.forget();
      throw error;
    } finally {
      source.close();
    }
  }

  /** A small JSON file that says what others must be: always requested, and not stored. `here`: without waiting for the fetcher. */
  async json(file, options) {
    return (await this.answer(file, options)).value;
  }

  /** The same, with the address of the page that follows it, where the host says that there is one. */
  async answer(file, { signal, here } = {}) {
    const { text, headers } = await this.#text(file, signal, here);
    const next = /<([^>]*)>\s*;[^,]*\brel="?next"?/.exec(headers.get('link') ?? '')?.[1] ?? null;
    try {
      return { value: JSON.parse(text), next };
    } catch (error) {
      throw new SaeExplorerError('bad-file', `${file.name} is not JSON: ${error.message}`, { file: file.name, url: file.url });
    }
  }

  /** A file of the site's own as the browser's Response, for what takes nothing else; kept as the browser keeps pages. */
  async response(file, type) {
    const { response } = await this.#ask(file, { cache: 'default', here: true });
    const pull = async (controller) => {
      const { block, filled, reason } = await response.body.fill({ length: PIECE_BYTES });
      if (filled > 0) controller.enqueue(block.subarray(0, filled));
      if (reason !== undefined) controller.error(new Error(reason));
      else if (filled < PIECE_BYTES) controller.close();
    };
    return new Response(new ReadableStream({ pull }), { headers: { 'content-type': type } });
  }

  // A text as a whole; a connection that breaks or stalls is tried again.
  async #text(file, signal, here) {
    for (let attempt = 0; ; attempt += 1) {
      const { response, controller } = await this.#ask(file, { signal, here });
      const parts = [];
      const ended = await readToEnd({ response, controller }, PIECE_BYTES, 0, signal, (piece) => parts.push(piece)).catch((error) => error);
      signal?.throwIfAborted();
      if (ended === undefined) return { text: await new Blob(parts).text(), headers: response.headers };
      if (attempt >= this.#waits.length) throw brokenOff(file, ended);
      await waitFor(this.#waits[attempt], signal);
    }
  }

  // A small request, made twice where the host is silent.
  async #ask(file, options) {
    try {
      return await this.#connect(file, options);
    } catch (error) {
      if (!isSilent(error)) throw error;
      return this.#connect(file, options);
    }
  }

  // The stored file for an address, when the host says that it is still the same one, or when it cannot be reached.
  async #stillTheSame(file, signal) {
    // A file whose hash is known is stored under it; what was stored without is not known to be the same.
    const stored = (await this.store.find(file.url)).filter(({ meta }) => file.hash === undefined || meta.hash === file.hash);
    const [kept, ...older] = stored;
    if (kept === undefined) return null;
    for (const entry of older) if (!entry.complete) await entry.drop();
    let now;
    try {
      const { response, controller } = await this.#ask(file, { method: 'HEAD', signal });
      now = versionOf(response);
      controller.abort();
    } catch (error) {
      signal?.throwIfAborted();
      if (isUnreachable(error) && kept.complete && fits(file, kept.meta.size)) return kept;
      // Some hosts know no HEAD; a GET describes it as well.
      if ([400, 403, 405, 501].includes(error.details?.status)) return null;
      throw error;
    }
    // The length in an answer to HEAD may be that of a compressed form, so the marks alone decide.
    const same = (now.etag ?? now.modified) !== null && sameVersion({ ...now, size: null }, markOf(kept));
    if (same && fits(file, kept.meta.size)) {
      kept.meta.commit = now.commit ?? kept.meta.commit;
      return kept;
    }
    await kept.drop();
    return null;
  }

  // The first request for a file is for all of it: the answer states its length, its marks, and whether the host gives
  // parts of files; it is then read as far as it is needed.
  async #first(file, { signal, make, onBytes }) {
    let answer = await this.#connect(file, { from: 0, signal }).catch(async (error) => {
      signal?.throwIfAborted();
      if (error.details?.status !== undefined) throw error;
      // A host that compresses everything answers in a form that was not requested, which browsers refuse; asked for the
      // whole, it may answer well.
      return this.#connect(file, { signal }).catch(() => {
        signal?.throwIfAborted();
        throw error;
      });
    });
    let version = versionOf(answer.response);
    // A part of a compressed form is of no use, and an empty file has no part.
    if (answer.response.status === 416 || (answer.response.status === 206 && (version.encoded || (version.start ?? 0) !== 0))) {
      answer.controller.abort();
      answer = await this.#connect(file, { signal });
      version = versionOf(answer.response);
    }
    version.size ??= version.rest ?? null;
    if (version.size === null) return this.#whole(file, answer, version, { signal, onBytes });
    if (!fits(file, version.size)) {
      answer.controller.abort();
      throw wrongLength(file, version.size);
    }
    const entry = await this.store.entry({ ...file, ...version });
    return make({ size: version.size, version, entry, answer });
  }

  #connect(file, options) {
    return connect(this.#connections, file, options);
  }

  // A file of unknown length is read to its end first: into blocks that the browser may keep on disk. A broken
  // connection is resumed by skipping what is there.
  async #whole(file, answer, version, { signal, onBytes }) {
    const parts = [];
    const source = { name: file.name, origin: 'network', loaded: 0, size: version.announced ?? 0 };
    for (let attempt = 0; ; attempt += 1) {
      try {
        await this.#spool(answer, parts, source, { signal, onBytes });
        break;
      } catch (error) {
        signal?.throwIfAborted();
        if (error instanceof SaeExplorerError) throw error;
        if (attempt >= this.#waits.length) throw brokenOff(file, error);
      }
      await waitFor(this.#waits[attempt], signal);
      answer = await this.#connect(file, { signal });
      if (!sameVersion({ ...versionOf(answer.response), size: null }, version)) {
        answer.controller.abort();
        throw changed(file);
      }
    }
    const blob = new Blob(parts);
    if (!fits(file, blob.size)) throw wrongLength(file, blob.size);
    const entry = await this.store.entry({ ...file, ...version, size: blob.size });
    for (let index = 0; entry !== null && index < entry.count; index += 1) {
      const block = blob.slice(index * BLOCK_BYTES, (index + 1) * BLOCK_BYTES);
      if (!(await entry.put(index, new Uint8Array(await block.arrayBuffer())))) break;
    }
    const whole = new BlobSource({ name: file.name, blob, signal, onBytes });
    return Object.assign(whole, { origin: 'network', loaded: blob.size, entry, commit: version.commit, sha256: /^sha256-(.*)$/.exec(file.hash ?? '')?.[1] ?? null, forget: async () => entry?.drop() });
  }

  async #spool(answer, parts, source, { signal, onBytes }) {
    let before = source.loaded;
    const arrived = (filled) => {
      source.loaded = before + filled;
      source.size = Math.max(source.size, source.loaded);
      onBytes?.(source);
    };
    const kept = (piece) => {
      parts.push(new Blob([piece]));
      before += piece.length;
    };
    await readToEnd(answer, BLOCK_BYTES, source.loaded, signal, kept, arrived);
  }
}

// Reads an answer to its end, by pieces, passing over what is there already. Rejects where it breaks or is stopped.
async function readToEnd({ response, controller }, length, there, signal, onPiece, onArrived = () => {}) {
  const abort = () => controller.abort(signal.reason);
  signal?.addEventListener('abort', abort, { once: true });
  try {
    for (let skip = there; response.body !== null; skip = 0) {
      const { block, filled, reason } = await response.body.fill({ length, skip }, onArrived);
      onArrived(filled);
      if (filled > 0) onPiece(block.subarray(0, filled));
      signal?.throwIfAborted();
      if (reason !== undefined) throw new Error(reason);
      if (filled < length) return;
    }
  } finally {
    controller.abort();
    signal?.removeEventListener('abort', abort);
  }
}

/** True if a failed read means that there is no such file. */
export const isMissing = (error) => error?.code === 'missing-file';

/** True if a failed request means that the host gave no answer, or none that says something about the file. */
export const isUnreachable = ({ code, details }) => code === 'cors' || (code === 'network' && (details?.status === undefined || details.status >= 500 || details.status === 429));

const markOf = ({ meta: { size, etag, modified, commit = null } }) => ({ size, etag, modified, commit });
const fits = ({ bytes }, size) => bytes === undefined || bytes === size;

function brokenOff({ name, url }, { message }) {
  return new SaeExplorerError('network', `${name} was not loaded to its end: the connection to ${new URL(url).host} broke again and again (${message}). Try again, or download the file and drop it on this page.`, { file: name, url });
}

function wrongLength({ name, url, bytes: expected }, bytes) {
  return new SaeExplorerError(
    'bad-file',
    `${name} has ${bytes} bytes where ${expected} are expected: the file on the server is cut off or another one. Reload, or copy it there again.`,
    { file: name, url, bytes, expected },
  );
}
