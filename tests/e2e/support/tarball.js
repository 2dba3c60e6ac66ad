// The package as a person gets it: packed by npm from what the build left, and installed from that file into a project of its own.

import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after } from 'node:test';
import { promisify } from 'node:util';

import { dist, root } from './server.js';

const run = promisify(execFile);

/** Where the build leaves the package. */
const BUILT = join(root, 'pkg/dist');

/** npm, also where it is a script of the Node that runs this: `npm run` says so. */
function npm(folder, ...given) {
  const script = process.env.npm_execpath;
  const [program, before] = script === undefined ? ['npm', []] : [process.execPath, [script]];
  // Nothing is asked of a registry: the package depends on nothing.
  return run(program, [...before, ...given, '--offline', '--ignore-scripts', '--no-audit', '--no-fund', '--no-update-notifier'], { cwd: folder });
}

/**
 * A fresh project that has the package installed from its tarball, and the site's demo beside it. It goes away after the tests.
 * @returns {Promise<{folder: string, installed: string, tarball: string}>} the project, the package in it, and the file
 */
export async function project() {
  // Some systems have their temporary folder behind a link, and tools tell the place that it leads to.
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'sae-explorer-')));
  after(() => rm(folder, { recursive: true, force: true }));
  await writeFile(join(folder, 'package.json'), JSON.stringify({ name: 'app', private: true, type: 'module' }));
  await npm(BUILT, 'pack', '--pack-destination', folder);
  const tarball = (await readdir(folder)).find((name) => name.endsWith('.tgz'));
  if (tarball === undefined) throw new Error(`npm pack left no tarball in ${folder}`);
  await npm(folder, 'install', `./${tarball}`);
  await symlink(join(dist, 'demo'), join(folder, 'demo'), 'junction');
  return { folder, installed: join(folder, 'node_modules/sae-explorer'), tarball: join(folder, tarball) };
}

/** Writes a file of a project. */
export async function put({ folder }, path, content) {
  await mkdir(dirname(join(folder, path)), { recursive: true });
  await writeFile(join(folder, path), content);
}

/** Runs a script of a project with Node; rejects where it does not end with 0. */
export const runNode = ({ folder }, path, given = []) => run(process.execPath, [path, ...given], { cwd: folder, timeout: 120_000 });

/** Names of all files of the installed package, with `/`. */
export async function filesOf({ installed }) {
  const entries = await readdir(installed, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath ?? entry.path, entry.name).slice(installed.length + 1).replaceAll('\\', '/')).sort();
}

// Vite's own demand.
const [major, minor] = process.versions.node.split('.').map(Number);

/** Why Vite cannot be run here; false where it can. */
export const withoutVite = (major === 20 && minor >= 19) || (major === 22 && minor >= 12) || major > 22 ? false : `Vite needs Node 20.19 or 22.12, and this is ${process.versions.node}`;

/**
 * Builds a project with Vite, as `npx vite build --base ./` does.
 * @returns {Promise<{folder: string, files: {fileName: string, code?: string, source?: string | Uint8Array}[]}>} what was written
 */
export async function viteBuild({ folder }) {
  const { build } = await import('vite');
  const { output } = await build({ root: folder, base: './', configFile: false, logLevel: 'error', build: { reportCompressedSize: false, emptyOutDir: true } });
  return { folder: join(folder, 'dist'), files: output };
}
