// The typings agree with an example that uses all of them, and with what the module exports.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { SaeExplorer } from '../../../pkg/index.js';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

test('the example compiles against index.d.ts', async () => {
  const tsc = here('../node_modules/typescript/bin/tsc');
  // It exits with 0 only where there is nothing to complain of; a compiler that is not there is no success either.
  const { code = 0, stdout, stderr } = await promisify(execFile)(process.execPath, [tsc, '--project', here('../types/tsconfig.json')]).catch((error) => error);
  assert.deepEqual([code, stdout, stderr], [0, '', '']);
});

test('index.d.ts declares every method, and no other', async () => {
  const typings = await readFile(here('../../../pkg/index.d.ts'), 'utf8');
  const face = typings.slice(typings.indexOf('class SaeExplorer extends EventTarget {'), typings.indexOf('class SaeExplorerError'));
  const declared = new Set([...face.matchAll(/^ {2}(?:static )?(\w+)\(/gm)].map(([, name]) => name));
  const { constructor, ...members } = Object.getOwnPropertyDescriptors(SaeExplorer.prototype);
  const own = Object.keys(members).filter((name) => !name.startsWith('_') && members[name].get === undefined);
  const statics = Object.getOwnPropertyNames(SaeExplorer).filter((name) => typeof SaeExplorer[name] === 'function');
  declared.delete('addEventListener'); // inherited; its events are declared
  assert.deepEqual([...declared].sort(), [...own, ...statics].sort());
  const values = Object.keys(members).filter((name) => !name.startsWith('_') && members[name].get !== undefined);
  assert.deepEqual([...face.matchAll(/^ {2}readonly (\w+):/gm)].map(([, name]) => name), values);
});

test('package.json lists every module of the package', async () => {
  const { files } = JSON.parse(await readFile(here('../../../pkg/package.json'), 'utf8'));
  const seen = new Set();
  const follow = async (name) => {
    if (seen.has(name)) return;
    seen.add(name);
    if (/^(scan-|train-)?engine/.test(name)) return; // built from Rust
    const source = await readFile(here(`../../../pkg/${name}`), 'utf8');
    for (const [, other] of source.matchAll(/(?:from '|new URL\('|import\(')\.\/([\w.-]+)'/g)) await follow(other);
  };
  for (const entry of ['index.js', 'node.js', 'element.js']) await follow(entry);
  const bundles = ['sae-explorer', 'worker', 'scan-worker', 'train-worker', 'fetcher'].map((name) => `${name}.bundle.js`); // made of these modules
  assert.deepEqual([...files].sort(), [...seen, ...bundles, 'index.d.ts', 'wire.d.ts', 'element.d.ts', 'LICENSE-APACHE', 'LICENSE-MIT'].sort());
});
