// What an application carries that uses a part of the package: Vite leaves out the rest.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { project, put, viteBuild, withoutVite } from '../support/tarball.js';

/** Bytes of an application with one error class; what Vite itself adds to a page is most of it. */
const SMALL = 4000;

const app = await project();

async function built(script) {
  await put(app, 'index.html', '<!doctype html><script type="module" src="./main.js"></script>');
  await put(app, 'main.js', script);
  const { files } = await viteBuild(app);
  return { names: files.map(({ fileName }) => fileName), bytes: files.reduce((sum, { code, source }) => sum + (code ?? source).length, 0), code: files.map(({ code = '' }) => code).join('') };
}

test('an application with the error class alone has no engine', { skip: withoutVite }, async () => {
  const { names, bytes, code } = await built("import { SaeExplorerError } from 'sae-explorer';\ndocument.title = new SaeExplorerError('a-code', 'b').code;\n");
  assert.deepEqual(names.filter((name) => /worker|fetcher|wasm/.test(name)), []);
  assert.ok(bytes > 0 && bytes < SMALL, `${bytes} bytes: ${names}`);
  assert.match(code, /SaeExplorerError/);
});

test('an application that imports the package and uses nothing has nothing of it', { skip: withoutVite }, async () => {
  const { names, code } = await built("import 'sae-explorer';\n");
  assert.deepEqual(names.filter((name) => /worker|fetcher|wasm/.test(name)), []);
  assert.doesNotMatch(code, /SaeExplorer/);
});

test('an application with the element has that, and no engine', { skip: withoutVite }, async () => {
  const { names, bytes, code } = await built("import 'sae-explorer/element';\ndocument.body.append(document.createElement('sae-explorer'));\n");
  assert.deepEqual(names.filter((name) => /worker|fetcher|wasm/.test(name)), []);
  assert.match(code, /customElements/);
  assert.ok(bytes < 12_000, `${bytes} bytes: ${names}`);
});

test('one that asks questions has workers and engines', { skip: withoutVite }, async () => {
  const { names } = await built("import { SaeExplorer } from 'sae-explorer';\ndocument.title = (await SaeExplorer.create()).loaded.model;\n");
  const plain = names.map((name) => name.replace(/-[\w-]{8}(?=\.\w+$)/, ''));
  for (const name of ['assets/worker.js', 'assets/scan-worker.js', 'assets/train-worker.js', 'assets/fetcher.js', 'assets/engine_bg.wasm', 'assets/scan-engine_bg.wasm', 'assets/train-engine_bg.wasm']) assert.ok(plain.includes(name), `${name} of ${plain}`);
});
