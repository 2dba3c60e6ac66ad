// A host of models and SAEs as people publish them, which misbehaves on request.
//
//   /{owner}/{name}/resolve/{revision}/{path}      redirects to the file, as Hugging Face does
//   /api/models/{owner}/{name}/tree/{revision}     the list of a repository's files
//   /api/models/{owner}/{name}/revision/{revision} which commit a revision is, where it was published with one
//   /{anything else}                               files put there by path

import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import { gzipSync } from 'node:zlib';

const PIECE = 64 << 10;
/** Files of more bytes are stored as Git LFS does it. */
const LARGE = 1000;
/** Bytes that are hashed at once. */
const READ = 8 << 20;

/**
 * Starts a host.
 *
 * `put(path, content)` serves a file: a Buffer, a string, or {size, at(from, to) → Buffer} for one that is made on the way.
 * `repo('owner/name', {path: content}, {revision, listing, commit, api})` publishes a repository; `listing: false`: no list of its
 * files; `commit`: what the revision stands for, which `x-repo-commit` states with small files (large ones come from a host
 * behind, which does not know it) and, unless `api` is false, when it is requested.
 * `misbehave(pattern, rule)`: what to do about paths that match, by the path that was requested first; `null` ends it. A rule may have
 *   status                the answer's status
 *   loop                  redirects in a circle
 *   noCors, noRange, noHead, noMarks (neither ETag nor Last-Modified), noLength
 *   announce              a Content-Length other than the true one
 *   cutAfter              bytes of an answer after which the connection is cut; `cuts`: how many times (default: always)
 *   silent                accepts the request and says nothing; a number: so many times, then it answers
 *   stopAfter             bytes of an answer after which nothing more comes, the connection left open; `stops`: how many times
 *                         (default: always)
 *   change                after how many answers the file is another one of the same length
 *   pause                 milliseconds before each piece of 64 KiB
 *   gzip                  compresses the answer, whatever was requested
 *   next                  the address of the page that is said to follow a list
 *   wrongPart             sends another part than the requested one
 * `requests`: [{method, path, range}] of all requests; `offline`: true cuts every connection at once.
 */
export async function serveHub() {
  const state = { files: new Map(), repos: new Map(), rules: [], requests: [], offline: false };
  const server = createServer((request, response) => {
    if (state.offline) return request.socket.destroy();
    return answer(state, request, response).catch((error) => response.destroy(error));
  });
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
  const origin = `http://127.0.0.1:${server.address().port}`;
  return Object.assign(state, {
    origin,
    url: (path) => `${origin}/${path}`,
    put: (path, content) => state.files.set(path, made(content)),
    repo: (name, files, { revision = 'main', listing = true, commit, api = true } = {}) => {
      const contents = new Map(Object.entries(files).map(([path, content]) => [path, made(content)]));
      for (const at of [revision, ...(commit === undefined ? [] : [commit])]) state.repos.set(`${name}@${at}`, { contents, listing, commit, api });
    },
    misbehave: (pattern, rule) => {
      state.rules = state.rules.filter((other) => String(other.pattern) !== String(pattern));
      if (rule !== null) state.rules.push({ pattern, answers: 0, cutSoFar: 0, stopsSoFar: 0, silences: 0, ...rule });
    },
    /** The paths of the requests of a method since the last call. */
    asked: (method = 'GET') => state.requests.splice(0).filter((one) => one.method === method).map(({ path }) => path),
    close: () => {
      server.closeAllConnections();
      return new Promise((closed) => server.close(closed));
    },
  });
}

function made(content) {
  // Content that is made up as it is read has a mark that is not its hash.
  if (typeof content?.at === 'function' && typeof content.size === 'number') return { ...content, hash: content.hash ?? createHash('sha256').update(String(content.size)).digest('hex') };
  const bytes = Buffer.isBuffer(content) ? content : Buffer.from(typeof content === 'string' ? content : JSON.stringify(content));
  return { size: bytes.length, at: (from, to) => bytes.subarray(from, to), hash: createHash('sha256').update(bytes).digest('hex') };
}

async function answer(state, request, response) {
  const url = new URL(request.url, 'http://hub');
  const path = decodeURIComponent(url.pathname.slice(1));
  state.requests.push({ method: request.method, path, range: request.headers.range });
  const rule = state.rules.find(({ pattern }) => pattern.test(path)) ?? {};
  if (rule.silent === true || rule.silences < rule.silent) {
    rule.silences += 1;
    return undefined;
  }
  if (!rule.noCors) {
    response.setHeader('access-control-allow-origin', '*');
    response.setHeader('access-control-expose-headers', 'ETag, Content-Range, Accept-Ranges, Link, X-Repo-Commit');
  }
  if (rule.status !== undefined) return refuse(response, rule.status);
  if (rule.loop) return redirect(response, `${url.pathname}?${Number(url.search.slice(1)) + 1}`);
  const tree = /^api\/models\/([^/]+\/[^/]+)\/tree\/([^/]+)$/.exec(path);
  if (tree !== null) return list(state.repos.get(`${tree[1]}@${tree[2]}`), url, response, rule);
  const named = /^api\/models\/([^/]+\/[^/]+)\/revision\/([^/]+)$/.exec(path);
  if (named !== null) return revisionOf(state.repos.get(`${named[1]}@${named[2]}`), named[1], response);
  const resolve = /^([^/]+\/[^/]+)\/resolve\/([^/]+)\/(.+)$/.exec(path);
  if (resolve !== null && !url.searchParams.has('stored')) {
    const known = state.repos.get(`${resolve[1]}@${resolve[2]}`)?.contents.has(resolve[3]);
    return known ? redirect(response, `${url.pathname}?stored`) : refuse(response, 404);
  }
  const repo = resolve === null ? undefined : state.repos.get(`${resolve[1]}@${resolve[2]}`);
  const file = resolve === null ? state.files.get(path) : repo?.contents.get(resolve[3]);
  if (file === undefined) return refuse(response, 404);
  if (repo?.commit !== undefined && file.size <= LARGE) response.setHeader('x-repo-commit', repo.commit);
  return send(file, rule, request, response);
}

function send(file, rule, request, response) {
  if (request.method === 'HEAD' && rule.noHead) return refuse(response, 405);
  rule.answers += 1;
  const changed = rule.change !== undefined && rule.answers > rule.change;
  if (!rule.noMarks) {
    response.setHeader('etag', `"${changed ? 'other-' : ''}${file.hash}"`);
    response.setHeader('last-modified', new Date(changed ? 86_400_000 : 0).toUTCString());
  }
  if (rule.gzip) return compressed(file, request, response);
  if (!rule.noRange) response.setHeader('accept-ranges', 'bytes');
  const range = rule.noRange ? null : /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
  let from = range === null ? 0 : Number(range[1]);
  const to = range === null || range[2] === '' ? file.size : Math.min(Number(range[2]) + 1, file.size);
  if (range !== null && from >= file.size) {
    response.setHeader('content-range', `bytes */${file.size}`);
    return refuse(response, 416);
  }
  if (rule.wrongPart && from > 0) from -= 1;
  if (range !== null) response.setHeader('content-range', `bytes ${from}-${to - 1}/${file.size}`);
  if (!rule.noLength) response.setHeader('content-length', rule.announce ?? to - from);
  response.writeHead(range === null ? 200 : 206, { 'content-type': 'application/octet-stream' });
  if (request.method === 'HEAD') return response.end();
  return pour(file, rule, response, from, to, changed);
}

async function pour(file, rule, response, from, to, changed) {
  let end = to;
  let cut = rule.announce > to - from;
  if (rule.cutAfter !== undefined && rule.cutSoFar < (rule.cuts ?? Infinity)) {
    rule.cutSoFar += 1;
    cut = to > from + rule.cutAfter;
    end = Math.min(to, from + rule.cutAfter);
  }
  const stops = rule.stopAfter !== undefined && to > from + rule.stopAfter && rule.stopsSoFar < (rule.stops ?? Infinity);
  if (stops) {
    rule.stopsSoFar += 1;
    end = from + rule.stopAfter;
  }
  for (let at = from; at < end; at += PIECE) {
    if (rule.pause !== undefined) await new Promise((resume) => setTimeout(resume, rule.pause));
    if (response.destroyed) return;
    let piece = file.at(at, Math.min(at + PIECE, end));
    if (changed) piece = piece.map((byte) => byte ^ 0xff);
    await new Promise((sent) => response.write(piece, sent));
  }
  if (stops) return response.flushHeaders();
  if (!cut) return response.end();
  // Written bytes must have left before the connection is torn down.
  response.flushHeaders();
  return setTimeout(() => response.socket?.destroy(), 20);
}

function compressed(file, request, response) {
  const bytes = gzipSync(file.at(0, file.size), { level: 1 });
  response.writeHead(200, { 'content-encoding': 'gzip', 'content-length': bytes.length, 'content-type': 'application/octet-stream' });
  response.end(request.method === 'HEAD' ? undefined : bytes);
}

function revisionOf(repo, id, response) {
  if (repo === undefined || !repo.api) return refuse(response, 404);
  response.setHeader('content-type', 'application/json');
  return response.end(JSON.stringify({ _id: '0', id, sha: repo.commit }));
}

// In pages, as Hugging Face does it; small ones, so that tests meet more than one.
function list(repo, url, response, rule) {
  if (repo === undefined) return refuse(response, 401);
  if (!repo.listing) return refuse(response, 404);
  const page = 50;
  const at = Number(url.searchParams.get('cursor') ?? 0);
  const files = [...repo.contents].map(([path, file]) => ({
    type: 'file',
    path,
    size: file.size,
    ...(file.size > LARGE ? { oid: 'f'.repeat(40), lfs: { oid: sha256(file), size: file.size, pointerSize: 134 } } : { oid: gitHash(file) }),
  }));
  if (at + page < files.length) {
    const next = new URL(url);
    next.searchParams.set('cursor', at + page);
    response.setHeader('link', `<${next.pathname}${next.search}>; rel="next"`);
  }
  if (rule.next !== undefined) response.setHeader('link', `<${rule.next}>; rel="next"`);
  response.setHeader('content-type', 'application/json');
  const text = Buffer.from(JSON.stringify(files.slice(at, at + page)));
  response.setHeader('content-length', text.length);
  return pour({ at: (from, to) => text.subarray(from, to) }, rule, response, 0, text.length, false);
}

function sha256(file) {
  if (file.listedHash === undefined) {
    const hash = createHash('sha256');
    for (let at = 0; at < file.size; at += READ) hash.update(file.at(at, Math.min(at + READ, file.size)));
    file.listedHash = hash.digest('hex');
  }
  return file.listedHash;
}

function gitHash({ size, at }) {
  return createHash('sha1').update(`blob ${size}\0`).update(at(0, size)).digest('hex');
}

function redirect(response, to) {
  response.writeHead(302, { location: to });
  response.end();
}

function refuse(response, status) {
  response.writeHead(status, { 'content-type': 'text/plain' });
  response.end(`${status}\n`);
}
