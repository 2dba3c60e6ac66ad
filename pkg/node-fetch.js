// Node's `fetch`, which also answers for files on disk, as a host would: whole or from a byte on, with a mark by which a changed
// file is recognised.

import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';

import { SaeExplorerError } from './errors.js';
import { nameOf } from './sources.js';

/** Answers to what the file system says. */
const STATUS = { ENOENT: 404, ENOTDIR: 404, EACCES: 403, EPERM: 403 };

/**
 * @param {typeof globalThis.fetch} fetch Node's own
 * @returns {typeof globalThis.fetch}
 */
export function withFiles(fetch) {
  return async (input, init = {}) => {
    const request = new Request(input, init);
    if (new URL(request.url).protocol === 'file:') return answer(request);
    try {
      return await fetch(input, init);
    } catch (error) {
      request.signal.throwIfAborted();
      throw unreachable(request.url, error);
    }
  };
}

async function answer({ url, method, headers, signal }) {
  signal.throwIfAborted();
  let path;
  let found;
  try {
    path = fileURLToPath(url);
    found = await stat(path);
  } catch (error) {
    if (error.code in STATUS) return new Response(null, { status: STATUS[error.code] });
    throw new TypeError(error.message, { cause: error });
  }
  if (!found.isFile()) return new Response(null, { status: 404 });
  const { size } = found;
  const from = /^bytes=(\d+)-$/.exec(headers.get('range') ?? '')?.[1];
  const start = Number(from ?? 0);
  const marks = { etag: `"${size}-${found.mtimeMs}"` };
  if (from !== undefined && start >= size) return new Response(null, { status: 416, headers: { ...marks, 'content-range': `bytes */${size}` } });
  const part = from === undefined ? {} : { 'content-range': `bytes ${start}-${size - 1}/${size}` };
  const body = method === 'HEAD' ? null : Readable.toWeb(createReadStream(path, { start, signal }));
  return new Response(body, { status: from === undefined ? 200 : 206, headers: { ...marks, ...part, 'content-length': String(size - start) } });
}

// Browsers do not say why a host gave no answer; Node does.
function unreachable(url, error) {
  const reason = String(error.cause?.message || error.cause?.code || error.message);
  return new SaeExplorerError('network', `${nameOf(url)} could not be loaded: ${url} cannot be reached (${reason}). Check the address and the connection, then try again.`, { file: nameOf(url), url, reason });
}
