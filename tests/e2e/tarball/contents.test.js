// The tarball has every file that one of its entries leads to, and no other.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { test } from 'node:test';

import { filesOf, project } from '../support/tarball.js';

const app = await project();
const description = JSON.parse(await readFile(join(app.installed, 'package.json'), 'utf8'));

/** Files that npm adds by itself, and those that people read. npm knows a licence by the name `LICENSE` only. */
const OF_NPM = ['README.md', 'package.json'];
const BESIDE = ['LICENSE-APACHE', 'LICENSE-MIT', ...OF_NPM];

/** Addresses that a module names: of imports, and of workers and wasm. */
const NAMED = /(?:\bfrom\s*|\bimport\s*\(?\s*|\bnew URL\(\s*)(["'`])(\.{0,2}\/?[\w./-]+\.(?:js|wasm))\1/g;

/** All files that an entry leads to. */
async function reached(name, seen = new Set()) {
  if (seen.has(name)) return seen;
  seen.add(name);
  const typings = name.endsWith('.d.ts');
  if (!typings && !name.endsWith('.js')) return seen;
  const source = await readFile(join(app.installed, name), 'utf8');
  // Typings name a module and mean its typings.
  const meant = (other) => (typings ? other.replace(/\.js$/, '.d.ts') : other);
  for (const [, , other] of source.matchAll(NAMED)) await reached(posix.normalize(posix.join(posix.dirname(name), meant(other))), seen);
  return seen;
}

const entries = (value) => (typeof value === 'string' ? [value] : Object.values(value).flatMap(entries));

test('every file that an entry leads to is there, and no other', async () => {
  const seen = new Set(BESIDE);
  for (const entry of entries(description.exports)) await reached(posix.normalize(entry), seen);
  assert.deepEqual(await filesOf(app), [...seen].sort());
  for (const name of ['fetcher.js', 'node-thread.js', 'scan-engine_bg.wasm', 'fetcher.bundle.js']) assert.ok(seen.has(name), `${name} is not found by this test`);
});

test('`files` names nothing that is not there, and everything that the build made', async () => {
  const listed = [...description.files, ...OF_NPM].sort();
  assert.deepEqual(listed, await filesOf(app));
});

test('`main`, `types` and the modules with effects are files of it', async () => {
  const files = await filesOf(app);
  for (const path of [description.main, description.types, ...description.sideEffects]) assert.ok(files.includes(posix.normalize(path)), path);
  // What is started by its address, or exchanges something when it is imported, has effects; the API has none.
  for (const path of ['./index.js', './errors.js', './workers.js', './sae-explorer.bundle.js']) assert.ok(!description.sideEffects.includes(path), path);
});

test('the element says the version of the package', async () => {
  const source = await readFile(join(app.installed, 'figure-element.js'), 'utf8');
  assert.equal(/static version = '([^']*)'/.exec(source)[1], description.version);
});

test('the README ships, and names the Node that the package asks for', async () => {
  const readme = await readFile(join(app.installed, 'README.md'), 'utf8');
  const [, version] = /^>=(\d+)$/.exec(description.engines.node);
  assert.match(readme, new RegExp(`Node ${version} or later`));
});
