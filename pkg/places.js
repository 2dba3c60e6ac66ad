// Where files lie: a folder at an address, or a repository, of which a list of files may be known.

import { HUGGING_FACE, folderOf, listRepository, parseLink, resolveUrl } from './hub.js';

/**
 * A repository's or host's folder, with a path in it that is meant: a folder or a file.
 * @typedef {object} Place
 * @property {string} path what is meant; for a plain address its path
 * @property {Map<string, object> | null} listed every file of the repository, where the host lists them
 * @property {(path: string) => import('./files.js').FileAt | null} at a file by its path; null where it is certain that there is none
 * @property {(path: string) => object | string} source what loadModel() and loadSae() take for a path
 */

/**
 * The place that a link means. To give a link is to choose its host.
 * @param {{repo: string, revision?: string, path?: string} | {url: string}} link
 */
export async function placeOf(files, link, { mirror, signal }) {
  const known = link.url === undefined ? link : parseLink(link.url, mirror);
  files.choose(known.repo === undefined ? known.url : (mirror ?? HUGGING_FACE));
  return known.repo === undefined ? address(known.url) : repository(files, known, { mirror, signal });
}

async function repository(files, { repo, revision = 'main', path = '' }, { mirror, signal }) {
  const base = mirror ?? HUGGING_FACE;
  const listed = await listRepository(files, base, { repo, revision }, signal);
  const unlisted = (at) => ({ name: at.slice(at.lastIndexOf('/') + 1), path: at, url: resolveUrl(base, { repo, revision, path: at }) });
  return {
    path: path.replace(/\/+$/, ''),
    listed,
    at: (at) => (listed === null ? unlisted(at) : (listed.get(at) ?? null)),
    source: (at) => ({ repo, revision, path: at }),
    shown: (at) => (at === '' ? repo : `${repo}:${at}`),
  };
}

// Files of a folder are asked for with the same query, which may be what opens a host's door.
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
