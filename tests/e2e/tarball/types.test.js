// The typings in the tarball, as TypeScript finds them by the package's name.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { project, put } from '../support/tarball.js';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const app = await project();
await put(app, 'example.ts', await readFile(here('../types/example.ts'), 'utf8'));
// What is not exported is an error: typings that were not found would let it pass.
await put(app, 'bundle.ts', `import { SaeExplorer } from 'sae-explorer/bundle';
// @ts-expect-error: there is no such export
import { Nothing } from 'sae-explorer';
// @ts-expect-error: a prompt is a text or token ids
export const wrong = (explorer: SaeExplorer) => [explorer.trace({}), Nothing];
`);

await put(app, 'element.ts', await readFile(here('../types/element.ts'), 'utf8'));

const tsc = here('../node_modules/typescript/bin/tsc');
const compile = (name) => promisify(execFile)(process.execPath, [tsc, '--project', join(app.folder, name)]).catch((error) => error);

for (const [resolution, module] of [['bundler', 'ESNext'], ['node16', 'Node16']]) {
  test(`under moduleResolution ${resolution}`, async () => {
    const compilerOptions = { strict: true, noEmit: true, target: 'ES2022', module, moduleResolution: resolution, lib: ['ES2022', 'DOM', 'DOM.Iterable'], types: [], skipLibCheck: false };
    await put(app, `tsconfig.${resolution}.json`, JSON.stringify({ compilerOptions, files: ['example.ts', 'bundle.ts', 'element.ts'] }));
    const { code = 0, stdout, stderr } = await compile(`tsconfig.${resolution}.json`);
    assert.deepEqual([code, stdout, stderr], [0, '', '']);
  });
}
