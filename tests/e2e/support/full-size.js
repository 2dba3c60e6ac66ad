// Full-size files of random weights, which `cargo xtask test` makes, as a host publishes them; and what must come of them.

import { closeSync, openSync, readdirSync, readFileSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';

import { root } from './server.js';

const folder = process.env.SAE_EXPLORER_RANDOM;

/** Values that `tests/reference/full_size.py` computed. */
export const expected = JSON.parse(readFileSync(join(root, 'tests/fixtures/full-size.json'), 'utf8'));

/** The files of one of the folders: name → {size, at(from, to)}, read a part at a time; `close` lets go of them. */
export function randomFiles(name) {
  if (folder === undefined) throw new Error('SAE_EXPLORER_RANDOM is not set: run `cargo xtask test --only browser`');
  const open = [];
  const files = readdirSync(join(folder, name)).map((file) => {
    const path = join(folder, name, file);
    const { size } = statSync(path);
    const handle = openSync(path, 'r');
    open.push(handle);
    const at = (from, to) => {
      const bytes = Buffer.alloc(to - from);
      readSync(handle, bytes, 0, to - from, from);
      return bytes;
    };
    return [file, { size, at }];
  });
  return { files: Object.fromEntries(files), close: () => open.forEach(closeSync) };
}
