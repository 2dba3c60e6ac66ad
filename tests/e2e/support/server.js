// A small static server that misbehaves on request.

import { createReadStream, readdirSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import { dirname, join, normalize, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';

import { policyOf } from './policy.js';

const here = dirname(fileURLToPath(import.meta.url));
export const root = resolve(here, '../../..');
export const dist = resolve(process.env.SAE_EXPLORER_DIST ?? join(root, 'dist'));

/** The site's path of a file whose name carries a hash of its content, by its name without it: `asset('worker.js')`. */
export function asset(name) {
  const file = readdirSync(join(dist, 'assets')).find((one) => one.replace(HASH, '') === name);
  if (file === undefined) throw new Error(`the site has no ${name} in assets/`);
  return `assets/${file}`;
}

const HASH = /-[0-9a-f]{10}(?=\.\w+$)/;

const TYPES = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  json: 'application/json',
  wasm: 'application/wasm',
  svg: 'image/svg+xml',
  png: 'image/png',
  webmanifest: 'application/manifest+json',
  txt: 'text/plain; charset=utf-8',
};

// Folders that are served beside the site, for the tests' own pages.
const BESIDE = {
  'fixtures/': join(root, 'tests/fixtures'),
  'e2e/': join(here, '../page'),
  'package/': join(root, 'pkg/dist'),
};

/**
 * Serves the built site below `prefix`, with the headers that a host should send. `bare.html` is an empty page without a
 * policy.
 * `files`: path below the prefix → Buffer, instead of what is on disk.
 * `folders`: start of paths below the prefix → folder on disk, instead of the site's; the first that fits counts.
 * `rules`: [{match: RegExp, status?, truncate?, breakAfter?, hold?: Promise}], applied to paths below the prefix; the first that matches counts.
 * `requests`: every requested path, with its method.
 */
export async function serve({ prefix = '/' } = {}) {
  const state = { files: new Map(), folders: new Map(), rules: [], requests: [], policy: await policyOf(join(dist, 'index.html')) };
  const server = createServer((request, response) => {
    answer(state, prefix, request, response).catch((error) => {
      response.destroy(error);
    });
  });
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
  const origin = `http://127.0.0.1:${server.address().port}`;
  return Object.assign(state, {
    origin,
    url: (path) => origin + prefix + path,
    close: () => {
      server.closeAllConnections();
      return new Promise((closed) => server.close(closed));
    },
  });
}

async function answer(state, prefix, request, response) {
  const path = decodeURIComponent(new URL(request.url, 'http://x').pathname);
  if (!path.startsWith(prefix)) return refuse(response, 404);
  const below = path.slice(prefix.length) || 'index.html';
  state.requests.push(`${request.method} ${below}`);
  const rule = state.rules.find(({ match }) => match.test(below)) ?? {};
  await rule.hold;
  if (rule.status !== undefined) return refuse(response, rule.status);
  if (below === 'bare.html') {
    response.setHeader('content-type', TYPES.html);
    return response.end('<!doctype html><html lang="en"><title>bare</title><link rel="icon" href="data:,">');
  }
  const file = await find(state, below);
  if (file === null) return refuse(response, 404);
  const end = rule.truncate === undefined ? file.size : Math.min(rule.truncate, file.size);
  const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
  const from = range === null ? 0 : Number(range[1]);
  const to = range === null || range[2] === '' ? end : Math.min(Number(range[2]) + 1, end);
  if (range !== null) response.setHeader('content-range', `bytes ${from}-${to - 1}/${end}`);
  // Pages that a test has put there, such as the README's example, have the policy that they state.
  // The service worker reaches its own site only, as the page does.
  if (['index.html', 'sw.js'].includes(below)) response.setHeader('content-security-policy', state.policy.documents);
  else if (below.endsWith('.js')) response.setHeader('content-security-policy', state.policy.workers);
  // Articles of other sites import it.
  if (below === 'sae-explorer.js') response.setHeader('access-control-allow-origin', '*');
  response.writeHead(range === null ? 200 : 206, {
    'content-type': TYPES[below.slice(below.lastIndexOf('.') + 1)] ?? 'application/octet-stream',
    'content-length': to - from,
    'accept-ranges': 'bytes',
    'cache-control': lasting(state, below) ? 'public, max-age=31536000, immutable' : 'no-cache',
    etag: file.etag,
  });
  if (request.method === 'HEAD') return response.end();
  // The connection ends in the middle of what was announced.
  if (rule.breakAfter !== undefined) {
    const stream = file.open(from, from + rule.breakAfter);
    stream.on('end', () => response.destroy());
    return stream.pipe(response, { end: false });
  }
  return file.open(from, to).pipe(response);
}

// Content never changes under a name that carries its hash, unless a test has put other content there.
const lasting = ({ files }, below) => below.startsWith('assets/') && HASH.test(below) && !files.has(below);

async function find(state, below) {
  if (state.files.has(below)) {
    const bytes = state.files.get(below);
    const open = (from, to) => Readable.from([bytes.subarray(from, to)]);
    return { size: bytes.length, etag: `"made-${bytes.length}"`, open };
  }
  const [beside, folder] = [...state.folders, ...Object.entries(BESIDE)].find(([start]) => below.startsWith(start)) ?? ['', dist];
  const path = normalize(join(folder, below.slice(beside.length)));
  if (!path.startsWith(folder)) return null;
  const found = await stat(path).catch(() => null);
  if (found === null || !found.isFile()) return null;
  const open = (from, to) => (to > from ? createReadStream(path, { start: from, end: to - 1 }) : Readable.from([]));
  return { size: found.size, etag: `"${found.size}-${found.mtimeMs}"`, open };
}

function refuse(response, status) {
  response.writeHead(status, { 'content-type': TYPES.txt });
  response.end(`${status}\n`);
}
