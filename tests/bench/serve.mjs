// The servers of a run: the built site, by the project's own server; the peer's files; folders of models and SAEs.

import { spawn } from 'node:child_process';
import { createReadStream, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import path from 'node:path';
import { createInterface } from 'node:readline';

const TYPES = { '.html': 'text/html', '.mjs': 'text/javascript', '.js': 'text/javascript', '.wasm': 'application/wasm' };

/** Serves a folder with `xtask serve`. Gives its address and a function that ends it. */
export async function serveSite(program, folder) {
  const child = spawn(program, ['serve', '--no-build', '--port', '0', '--dir', folder], { stdio: ['ignore', 'pipe', 'inherit'] });
  const gone = new Promise((_, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`the server ended with status ${code}`)));
  });
  gone.catch(() => {}); // after the first line its end is the caller's doing
  const first = createInterface({ input: child.stdout })[Symbol.asyncIterator]().next();
  const { value } = await Promise.race([first, gone]);
  return { address: value, close: () => child.kill() };
}

/** Serves ONNX Runtime Web from `node_modules`, the model as `/model.onnx`, and an empty page. */
export async function servePeer(model) {
  const runtime = path.join(path.dirname(createRequire(import.meta.url).resolve('onnxruntime-web')));
  const server = createServer((request, response) => {
    const name = path.basename(new URL(request.url, 'http://peer').pathname);
    if (name === '') {
      response.setHeader('Content-Type', 'text/html');
      response.end('<!doctype html><title>peer</title>');
      return;
    }
    const file = name === 'model.onnx' ? model : path.join(runtime, name);
    if (!statSync(file, { throwIfNoEntry: false })?.isFile()) {
      response.statusCode = 404;
      response.end();
      return;
    }
    response.setHeader('Content-Type', TYPES[path.extname(file)] ?? 'application/octet-stream');
    createReadStream(file).pipe(response);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { address: `http://127.0.0.1:${server.address().port}/`, close: () => server.close() };
}

/**
 * Serves folders as a host of models does, from another origin than the site's, in parts where asked for: `folders[i]` is
 * at `{i}/`.
 */
export async function serveFolders(folders) {
  const server = createServer((request, response) => {
    const [, place, name] = /^\/(\d+)\/([\w.-]+)$/.exec(new URL(request.url, 'http://host').pathname) ?? [];
    const file = name === undefined || folders[place] === undefined ? undefined : path.join(folders[place], name);
    const found = file === undefined ? undefined : statSync(file, { throwIfNoEntry: false });
    response.setHeader('Access-Control-Allow-Origin', '*');
    response.setHeader('Access-Control-Expose-Headers', 'ETag, Content-Range, Accept-Ranges');
    if (!found?.isFile()) {
      response.statusCode = 404;
      response.end();
      return;
    }
    const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
    const start = range === null ? 0 : Number(range[1]);
    const end = range === null || range[2] === '' ? found.size : Math.min(Number(range[2]) + 1, found.size);
    if (range !== null) response.setHeader('Content-Range', `bytes ${start}-${end - 1}/${found.size}`);
    response.writeHead(range === null ? 200 : 206, {
      'Content-Length': end - start,
      'Content-Type': TYPES[path.extname(file)] ?? 'application/octet-stream',
      'Accept-Ranges': 'bytes',
      ETag: `"${found.size}-${found.mtimeMs}"`,
    });
    if (request.method === 'HEAD' || end === start) response.end();
    else createReadStream(file, { start, end: end - 1, highWaterMark: 1 << 20 }).pipe(response);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { address: `http://127.0.0.1:${server.address().port}/`, close: () => server.close() };
}
