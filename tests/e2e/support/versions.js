// Another version of the built site, as a later build would put it up: another style, and what follows from that.

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { asset, dist } from './server.js';

const digits = (text) => createHash('sha256').update(text).digest('hex').slice(0, 10);

/** The service worker's list of files, and the code behind it. */
export async function offlineList() {
  const script = await readFile(join(dist, 'sw.js'), 'utf8');
  const [, list, code] = /^const SITE=(.*);\n([\s\S]*)$/.exec(script);
  return { site: JSON.parse(list), code };
}

/**
 * The files of a version in which `mark` is the value of the style property `--version` of the page's root.
 * @returns {Promise<{version: string, style: string, files: Map<string, Buffer>}>} `files`: those that differ, by their paths
 */
export async function nextVersion(mark) {
  const { site, code } = await offlineList();
  const before = asset('style.css');
  const css = `${await readFile(join(dist, before), 'utf8')}\n:root { --version: ${mark}; }\n`;
  const style = `assets/style-${digits(css)}.css`;
  const version = digits(`${site.version} ${css}`);
  const page = (await readFile(join(dist, 'index.html'), 'utf8')).replace(before, style).replace(`data-version="${site.version}"`, `data-version="${version}"`);
  const app = site.app.map(([path, hash]) => (path === before ? [style, digits(css)] : path === '' ? [path, digits(page)] : [path, hash]));
  const worker = `const SITE=${JSON.stringify({ ...site, version, app })};\n${code}`;
  const files = Object.entries({ 'index.html': page, [style]: css, 'sw.js': worker });
  return { version, style, files: new Map(files.map(([path, text]) => [path, Buffer.from(text)])) };
}

/** Puts a version on a server in the place of the one before, whose own files are gone from then on. */
export async function publish(server, mark) {
  const next = await nextVersion(mark);
  for (const [path, bytes] of next.files) server.files.set(path, bytes);
  server.rules.push({ match: new RegExp(`^${asset('style.css')}$`), status: 404 });
  return next;
}
