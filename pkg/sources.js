// Sources of models and SAEs as callers give them, converted to one form that can be remembered and sent to a worker more
// than once: absolute URLs, and Blobs (which are cheap to send and which the browser may keep on disk).

import { COUNT, TEXT, required, wrong } from './options.js';

const DEMO = 'demo';

/** A model's source: {demo: true}, {folder: url}, {catalogue: id, revision}, {repo, revision, path}, {files} or {parts}. */
export function modelSource(source) {
  if (source === DEMO) return { demo: true };
  if (isUrl(source)) return { folder: folder(absolute(source)) };
  if (source === null || typeof source !== 'object') {
    throw wrong('source', source, { accepts: '"demo", the URL of a folder, {catalogue}, {repo}, {files}, or {config, weights, tokenizer}' });
  }
  if (source.catalogue !== undefined) return entry(source);
  if (source.repo !== undefined) return repository(source);
  if (source.files !== undefined) return { files: fileList(source.files) };
  const parts = { config: part(source.config, 'config'), weights: part(source.weights, 'weights') };
  const { tokenizer } = source;
  if (tokenizer !== null && typeof tokenizer === 'object' && 'vocab' in tokenizer) {
    parts.vocab = part(tokenizer.vocab, 'tokenizer.vocab');
    parts.merges = part(tokenizer.merges, 'tokenizer.merges');
  } else {
    parts.tokenizer = part(tokenizer, 'tokenizer');
  }
  return { parts };
}

/** An SAE's source: {demo: true}, {url}, {catalogue, layer, path, revision}, {repo, revision, path} or {files: [{name, path, blob | url}]}. */
export function saeSource(source) {
  if (source === DEMO) return { demo: true };
  if (isUrl(source)) return { url: absolute(source) };
  if (source?.catalogue !== undefined) {
    const { layer, path } = source;
    return { ...entry(source), layer: optional('layer', layer, COUNT), path: optional('path', path, TEXT) };
  }
  if (source?.repo !== undefined) return repository(source);
  if (source?.files !== undefined) return { files: fileList(source.files) };
  const list = isBytes(source) ? [source] : isIterable(source) ? [...source] : Object.values(source ?? {});
  if (list.length === 0) {
    throw wrong('source', source, { accepts: '"demo", a URL, {catalogue}, {repo, path}, {files}, one .pt file, or the files of a SAELens folder' });
  }
  return { files: list.map((file, index) => part(file, `files[${index}]`)) };
}

/** Files with the paths that they were chosen from: a folder's, as `<input webkitdirectory>` and droppedFiles() give them. */
export function fileList(files) {
  if (!isIterable(files)) throw wrong('files', files, { accepts: 'a list of Files' });
  const list = [...files].map((given, index) => {
    const file = given?.file ?? given;
    const path = given?.path ?? (file?.webkitRelativePath || file?.name);
    const own = part(file, `files[${index}]`);
    return { ...own, path: path ?? own.name };
  });
  if (list.length === 0) throw wrong('files', list, { accepts: 'at least one file' });
  return list;
}

function repository({ repo, revision = 'main', path = '' }) {
  return { repo: required('repo', repo, TEXT), revision: required('revision', revision, TEXT), path: required('path', path, TEXT) };
}

function entry({ catalogue, revision }) {
  const at = optional('revision', revision, TEXT);
  return { catalogue: required('catalogue', catalogue, TEXT), ...(at === undefined ? {} : { revision: at }) };
}

const optional = (option, value, kind) => (value === undefined || value === null ? undefined : required(option, value, kind));

/** A readable id from a URL: the last part of its path. */
export function nameOf(url) {
  const path = new URL(url).pathname.replace(/\/+$/, '');
  return decodeURIComponent(path.slice(path.lastIndexOf('/') + 1)) || url;
}

function part(value, name) {
  if (isUrl(value)) {
    const url = absolute(value);
    return { name: nameOf(url), url };
  }
  if (value instanceof Blob) return { name: value.name ?? name, blob: value };
  if (value instanceof ArrayBuffer || ArrayBuffer.isView(value)) return { name, blob: new Blob([value]) };
  throw wrong(name, value, { accepts: 'an ArrayBuffer, a Uint8Array, a Blob or a URL' });
}

const isUrl = (value) => typeof value === 'string' || value instanceof URL;
const isBytes = (value) => value instanceof Blob || value instanceof ArrayBuffer || ArrayBuffer.isView(value);
const isIterable = (value) => value !== null && typeof value === 'object' && Symbol.iterator in value;

// The worker's own address is another one, so a relative URL is resolved here, against the page.
function absolute(url) {
  try {
    return new URL(url, globalThis.document?.baseURI ?? globalThis.location?.href).href;
  } catch {
    throw wrong('source', String(url), { accepts: 'a URL' });
  }
}

const folder = (url) => (url.endsWith('/') ? url : `${url}/`);

/** A source that loads the same weights again: at the commit that was found, whatever its branch is at by then. */
export function pinned(source, origin) {
  if (typeof origin?.commit !== 'string') return source;
  const { repository: repo, commit: revision, path } = origin;
  return source.catalogue === undefined ? { repo, revision, path } : { ...source, revision };
}
