// Locations of files: a folder at an address, or a repository, of which a list of files may be known.

import { SaeExplorerError } from './errors.js';
import { HUGGING_FACE, commitOf, folderOf, listRepository, parseLink, resolveUrl, viewUrl } from './hub.js';

/**
 * A repository's or host's folder, with a path in it that is meant: a folder or a file.
 * @typedef {object} Location
 * @property {string} path what is meant; for a plain address its path
 * @property {Map<string, object> | null} listed every file of the repository, where the host lists them
 * @property {(path: string) => import('./files.js').FileAt | null} at a file by its path; null where it is certain that there is none
 * @property {(path: string) => object | string} source what loadModel() and loadSae() take for a path
 * @property {(path: string, isFile: boolean, found: {commit?: string | null, sha256?: string}) => Origin} origin where something
 *   was loaded from; `commit`: the one that an answer names, `sha256`: of its weights, where they are one file
 */

/**
 * The source of a loaded model or SAE, see index.d.ts.
 * @typedef {{repository: string | null, revision: string | null, commit: string | null, path: string, url: string, sha256?: string}} Origin
 */

/**
 * The location that a link means. To give a link is to choose its host.
 * @param {{repo: string, revision?: string, path?: string, hashes?: Record<string, string>} | {url: string}} link
 */
export async function locate(files, link, { mirror, signal }) {
  const known = link.url === undefined || isOnDisk(link.url) ? link : parseLink(link.url, mirror);
  files.choose(known.repo === undefined ? known.url : (mirror ?? HUGGING_FACE));
  return known.repo === undefined ? address(known.url) : repository(files, known, { mirror, signal });
}

// Node reads files by their addresses (node-fetch.js); browsers do not.
const isOnDisk = (url) => globalThis.process?.versions?.node !== undefined && /^file:/i.test(url);

async function repository(files, { repo, revision = 'main', path = '', hashes = {} }, { mirror, signal }) {
  const base = mirror ?? HUGGING_FACE;
  const commit = await commitOf(files, base, { repo, revision }, signal);
  const fixed = { repo, revision: commit ?? revision };
  const listed = await listRepository(files, base, fixed, signal);
  const unlisted = (at) => ({ name: at.slice(at.lastIndexOf('/') + 1), path: at, url: resolveUrl(base, { ...fixed, path: at }) });
  return {
    path: path.replace(/\/+$/, ''),
    listed,
    at: (at) => pinned(listed === null ? unlisted(at) : (listed.get(at) ?? null), hashes[at]),
    source: (at) => ({ repo, revision, path: at }),
    shown: (at) => (at === '' ? repo : `${repo}:${at}`),
    origin: (at, isFile, { commit: named, sha256 }) => {
      const known = commit ?? named ?? null;
      return { repository: repo, revision, commit: known, path: at, url: viewUrl(base, { repo, revision: known ?? revision, path: at }, isFile), ...(sha256 === undefined ? {} : { sha256 }) };
    },
  };
}

// A file whose hash the catalogue names: one that its host lists with another is refused before a byte of it comes, and
// what comes is verified as with a listed one.
function pinned(file, hash) {
  if (file === null || hash === undefined) return file;
  if (file.hash?.startsWith('sha256-') && file.hash !== hash) {
    throw new SaeExplorerError('bad-file', `${file.name} is not the file that the catalogue names: ${new URL(file.url).host} lists it with the SHA-256 ${file.hash.slice(7)}, the catalogue with ${hash.slice(7)}. It was changed there since the catalogue was written; tell the owner of this site.`, { file: file.name, url: file.url, found: file.hash.slice(7), expected: hash.slice(7) });
  }
  return { ...file, hash, pinned: true };
}

// Files of a folder are requested with the same query, which may be what opens a host's door.
function address(text) {
  const url = new URL(text);
  const { search, pathname } = url;
  const at = (path) => {
    const other = new URL(url);
    other.pathname = path;
    other.search = search;
    return other.href;
  };
  return {
    path: pathname.replace(/\/+$/, ''),
    listed: null,
    at: (path) => ({ name: decoded(path.slice(path.lastIndexOf('/') + 1)), path, url: at(path) }),
    source: (path) => at(path),
    shown: (path) => at(path).split('?')[0],
    // A query may be what opens a host's door, and that is not for others.
    origin: (path, _, { sha256 }) => ({ repository: null, revision: null, commit: null, path, url: at(path).split('?')[0], ...(sha256 === undefined ? {} : { sha256 }) }),
  };
}

/** A file of a folder. */
export const inside = (folder, name) => (folder === '' ? name : `${folder}/${name}`);

/** The folder that is meant by a path to it or to one of its files. */
export const folderMeant = (path) => (/\.(json|safetensors)$/i.test(path) ? folderOf(path) : path);

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
