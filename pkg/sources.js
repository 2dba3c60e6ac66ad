// What a caller may hand in for a model or an SAE, brought to one form that can be remembered and sent to a worker more
// than once: absolute URLs, and Blobs (which are cheap to send and which the browser may keep on disk).

import { SaeExplorerError } from './errors.js';

const DEMO = 'demo';

/** A model's source: {demo: true}, {folder: url}, {catalogue: id}, {repo, revision, path}, {files} or {parts}. */
export function modelSource(source) {
  if (source === DEMO) return { demo: true };
  if (isUrl(source)) return { folder: folder(absolute(source)) };
  if (source === null || typeof source !== 'object') {
    throw badOption('loadModel takes "demo", the URL of a folder, {catalogue}, {repo}, {files}, or {config, weights, tokenizer}.', { got: typeof source });
  }
  if (source.catalogue !== undefined) return { catalogue: string(source.catalogue, 'catalogue') };
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

/** An SAE's source: {demo: true}, {url}, {catalogue, layer, path}, {repo, revision, path} or {files: [{name, path, blob | url}]}. */
export function saeSource(source) {
  if (source === DEMO) return { demo: true };
  if (isUrl(source)) return { url: absolute(source) };
  if (source?.catalogue !== undefined) {
    const { catalogue, layer, path } = source;
    return { catalogue: string(catalogue, 'catalogue'), layer, path: path === undefined ? undefined : string(path, 'path') };
  }
  if (source?.repo !== undefined) return repository(source);
  if (source?.files !== undefined) return { files: fileList(source.files) };
  const list = isBytes(source) ? [source] : isIterable(source) ? [...source] : Object.values(source ?? {});
  if (list.length === 0) {
    throw badOption('loadSae takes "demo", a URL, {catalogue}, {repo, path}, {files}, one .pt file, or the files of a SAELens folder.', { got: typeof source });
  }
  return { files: list.map((file, index) => part(file, `files[${index}]`)) };
}

/** Files with the places that they were chosen from: a folder's, as `<input webkitdirectory>` and droppedFiles() give them. */
export function fileList(files) {
  if (!isIterable(files)) throw badOption('files must be a list of Files.', { option: 'files' });
  const list = [...files].map((given, index) => {
    const file = given?.file ?? given;
    const path = given?.path ?? (file?.webkitRelativePath || file?.name);
    const own = part(file, `files[${index}]`);
    return { ...own, path: path ?? own.name };
  });
  if (list.length === 0) throw badOption('files is empty: choose at least one file.', { option: 'files' });
  return list;
}

function repository({ repo, revision = 'main', path = '' }) {
  return { repo: string(repo, 'repo'), revision: string(revision, 'revision'), path: string(path, 'path') };
}

function string(value, name) {
  if (typeof value === 'string') return value;
  throw badOption(`${name} must be a string, not ${value === null ? 'null' : typeof value}.`, { option: name });
}

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
  throw badOption(`${name} is missing: give an ArrayBuffer, a Uint8Array, a Blob or a URL.`, { part: name });
}

const isUrl = (value) => typeof value === 'string' || value instanceof URL;
const isBytes = (value) => value instanceof Blob || value instanceof ArrayBuffer || ArrayBuffer.isView(value);
const isIterable = (value) => value !== null && typeof value === 'object' && Symbol.iterator in value;

// The worker's own address is another one, so a relative URL is resolved here, against the page.
function absolute(url) {
  try {
    return new URL(url, globalThis.document?.baseURI ?? globalThis.location?.href).href;
  } catch {
    throw badOption(`"${url}" is not a URL.`, { url: String(url) });
  }
}

const folder = (url) => (url.endsWith('/') ? url : `${url}/`);

function badOption(message, details) {
  return new SaeExplorerError('bad-option', message, details);
}
