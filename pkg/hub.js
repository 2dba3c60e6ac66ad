// Repositories: links as people write them, the address of each file, and the lists of files of Hugging Face.

import { SaeExplorerError } from './errors.js';
import { isMissing, isUnreachable } from './files.js';

export const HUGGING_FACE = 'https://huggingface.co';
const HUGGING_FACE_HOSTS = ['huggingface.co', 'www.huggingface.co', 'hf.co'];
const MAIN = 'main';
/** On a mirror's host a file in a folder, and no repository, by its ending. */
const FILE_BESIDE = /^[^/]+\/[^/]+\.(pt|safetensors|json|txt)$/i;
/** A list of files comes in pages; one that goes on longer than this is no repository of a model. */
const MAX_PAGES = 100;

/**
 * Reads `owner/name`, `owner/name:path`, `owner/name@revision:path`, a link to a repository, folder or file of Hugging
 * Face or of a mirror, or any other http(s) address.
 * @param {string} text
 * @param {string | null} mirror base of a mirror of Hugging Face
 * @returns {{repo: string, revision: string, path: string} | {url: string}}
 */
export function parseLink(text, mirror = null) {
  const given = text.trim();
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(given)) {
    const [, repo, revision = MAIN, path = ''] = /^([^@:]+)(?:@([^:]+))?(?::(.*))?$/.exec(given) ?? [];
    if (repo === undefined) throw badLink(text, 'it is neither a link nor owner/name');
    return repository(text, repo.split('/'), revision, path.split('/'));
  }
  let url;
  try {
    url = new URL(given);
  } catch {
    throw badLink(text, 'it names no host');
  }
  if (!['http:', 'https:'].includes(url.protocol)) throw badLink(text, 'only http and https are known');
  if (HUGGING_FACE_HOSTS.includes(url.hostname)) return repositoryLink(text, url.pathname);
  url.hash = '';
  if (mirror !== null && url.href.startsWith(withSlash(mirror))) {
    const path = url.href.slice(withSlash(mirror).length).split('?')[0];
    try {
      if (!FILE_BESIDE.test(path)) return repositoryLink(text, `/${path}`);
    } catch {
      // A mirror's host may serve other things, too.
    }
  }
  return { url: url.href };
}

// owner/name[/(tree|blob|resolve|raw)/revision[/path]]
function repositoryLink(text, pathname) {
  let segments;
  try {
    segments = pathname.split('/').filter((segment) => segment !== '').map(decodeURIComponent);
  } catch {
    throw badLink(text, 'it is not UTF-8 text');
  }
  const [owner, name, kind, revision, ...path] = segments;
  if (['datasets', 'spaces', 'collections', 'papers'].includes(owner)) throw badLink(text, 'it is no repository of a model');
  if (kind === undefined) return repository(text, [owner, name], MAIN, []);
  if (!['tree', 'blob', 'resolve', 'raw'].includes(kind) || revision === undefined) throw badLink(text, 'a link to a repository is HOST/owner/name');
  return repository(text, [owner, name], revision, path);
}

function repository(text, names, revision, segments) {
  const path = segments.join('/').replace(/^\/+|\/+$/g, '');
  const sound = names.length === 2 && names.every((name) => name !== undefined && /^[A-Za-z0-9][\w.-]*$/.test(name));
  const inside = path === '' || path.split('/').every((segment) => segment !== '' && segment !== '.' && segment !== '..' && !segment.includes('\\'));
  if (!sound || !inside || /\s/.test(revision)) throw badLink(text, 'it names no repository (owner/name) and no path in one');
  return { repo: names.join('/'), revision, path };
}

function badLink(text, reason) {
  return new SaeExplorerError('bad-option', `"${text}" cannot be followed: ${reason}. Give a link to a Hugging Face repository, folder or file, owner/name, owner/name:path, or the http(s) address of a folder or file.`, { link: text });
}

/** The address of a file in a repository. */
export function resolveUrl(base, { repo, revision = MAIN, path }) {
  return `${withSlash(base)}${encoded(repo)}/resolve/${encodeURIComponent(revision)}/${encoded(path)}`;
}

/** True for a commit, which unlike a branch never changes. */
export const isCommit = (revision) => /^[0-9a-f]{40}$/.test(revision ?? '');

/**
 * The commit that a branch or tag stands for now, or stood for when its host could last be reached; null where the host does
 * not state it. Everything of a load is then requested at that commit, so that its files belong together, and others can load the
 * same.
 * @param {import('./files.js').Files} files
 * @returns {Promise<string | null>}
 */
export async function commitOf(files, base, { repo, revision = MAIN }, signal) {
  if (isCommit(revision)) return revision;
  const url = `${withSlash(base)}api/models/${encoded(repo)}/revision/${encodeURIComponent(revision)}?expand=sha`;
  let commit;
  try {
    commit = (await files.answer({ name: `the revision ${revision} of ${repo}`, url }, { signal })).value?.sha;
    if (isCommit(commit)) await files.store.keepListing(url, commit);
  } catch (error) {
    signal?.throwIfAborted();
    // A mirror need not state it; where there is no such revision the list of files says so.
    commit = isUnreachable(error) ? await files.store.listing(url) : null;
  }
  return isCommit(commit) ? commit : null;
}

/**
 * The files of a repository, with lengths and hashes; null where the host gives no such list, as mirrors usually do.
 * Only called for a repository that a person requested.
 * @param {import('./files.js').Files} files
 * @returns {Promise<Map<string, import('./files.js').FileAt> | null>} by path
 */
export async function listRepository(files, base, { repo, revision = MAIN }, signal) {
  const start = `${withSlash(base)}api/models/${encoded(repo)}/tree/${encodeURIComponent(revision)}?recursive=true`;
  let entries;
  try {
    entries = await pages(files, start, repo, signal);
    await files.store.keepListing(start, JSON.stringify(entries));
  } catch (error) {
    signal?.throwIfAborted();
    if (base !== HUGGING_FACE && error.details?.status < 500) return null;
    if (isMissing(error)) throw noRepository(repo, revision, error);
    if (!isUnreachable(error)) throw error;
    entries = parse(await files.store.listing(start));
    if (entries === null) return null;
  }
  const listed = new Map();
  for (const { type, path, size, oid, lfs } of entries) {
    if (type !== 'file' || typeof path !== 'string') continue;
    // The id of a large file is the SHA-256 of its content, that of a small one git's own hash of it.
    const hash = lfs?.oid !== undefined ? `sha256-${lfs.oid}` : oid === undefined ? undefined : `git-${oid}`;
    const bytes = lfs?.size ?? size;
    const known = /^(sha256|git)-[0-9a-f]+$/.test(hash) && Number.isSafeInteger(bytes) && bytes >= 0 ? { hash, bytes } : {};
    listed.set(path, { name: lastOf(path), path, url: resolveUrl(base, { repo, revision, path }), ...known });
  }
  return listed;
}

async function pages(files, start, repo, signal) {
  const entries = [];
  let url = start;
  for (let page = 0; url !== null; page += 1) {
    const { value, next } = await files.answer({ name: `the list of files of ${repo}`, url }, { signal });
    if (!Array.isArray(value) || page >= MAX_PAGES) throw new SaeExplorerError('bad-file', `the list of files of ${repo} is not one: ${url} answers something else.`, { url });
    entries.push(...value);
    url = next === null ? null : new URL(next, url).href;
  }
  return entries;
}

function noRepository(repo, revision, { details }) {
  return new SaeExplorerError('missing-file', `There is no repository ${repo} with the revision ${revision} on Hugging Face. Check the name; models are named owner/name, such as openai-community/gpt2.`, { ...details, repo, revision });
}

function parse(text) {
  try {
    const entries = JSON.parse(text);
    return Array.isArray(entries) ? entries : null;
  } catch {
    return null;
  }
}

/** The address at which a person sees a file or folder of a repository; parseLink() reads it. */
export function viewUrl(base, { repo, revision, path }, isFile) {
  return `${withSlash(base)}${encoded(repo)}/${isFile ? 'blob' : 'tree'}/${encodeURIComponent(revision)}${path === '' ? '' : `/${encoded(path)}`}`;
}

/** The folder of a path, and its last part. */
export const folderOf = (path) => path.slice(0, Math.max(0, path.lastIndexOf('/')));
export const lastOf = (path) => path.slice(path.lastIndexOf('/') + 1);

const withSlash = (base) => `${base.replace(/\/+$/, '')}/`;
const encoded = (path) => path.split('/').map(encodeURIComponent).join('/');
