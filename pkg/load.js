// Collection of the files of a source (the demo, an address, a repository, files) for the engine: which files make a model or an SAE,
// and where they are.

import { SaeExplorerError } from './errors.js';
import { isMissing } from './files.js';
import { folderOf, lastOf } from './hub.js';
import { kindOf } from './kinds.js';
import { folderMeant, inside, locate } from './locations.js';
import { wrong } from './options.js';
import { onlyOne, recognise } from './recognise.js';
import { nameOf } from './sources.js';

/** The demo's manifest, its paths made into URLs. */
export async function demoManifest(files, demoUrl, signal) {
  return readManifest(await files.json({ name: 'demo.json', url: demoUrl }, { signal, here: true }), demoUrl);
}

/** The same of its content. */
export function readManifest(manifest, demoUrl) {
  const located = ({ path, bytes }) => ({ name: nameOf(new URL(path, demoUrl)), url: new URL(path, demoUrl).href, bytes });
  try {
    const { config, weights, tokenizer } = manifest.model;
    return {
      id: manifest.id,
      name: manifest.name,
      bos: manifest.bos,
      parts: { config: located(config), weights: located(weights), tokenizer: located(tokenizer) },
      saes: manifest.saes.map(({ id, hook, bos, cfg, weights }) => ({ id, hook, bos: bos ?? manifest.bos, cfg: located(cfg), weights: located(weights) })),
    };
  } catch (error) {
    throw new SaeExplorerError('bad-file', `demo.json is not a demo manifest: ${error.message}`, { file: 'demo.json', url: demoUrl });
  }
}

/** The SAEs of the demo that are meant: all, or the one with this id or at this hook. */
export function demoSaes({ saes }, only) {
  if (only === undefined) return saes;
  const found = saes.find(({ id }) => id === only) ?? saes.find(({ hook }) => hook === only);
  if (found !== undefined) return [found];
  const allowed = saes.map(({ id }) => id);
  throw wrong('only', only, { accepts: `the id or hook of one of the demo's SAEs: ${allowed.join(', ')}`, allowed });
}

/**
 * Context of a load.
 * @typedef {object} Means
 * @property {import('./files.js').Files} files
 * @property {string | null} mirror
 * @property {AbortSignal} signal
 * @property {(file: import('./files.js').FileAt) => Promise<object>} open opens a large file, so that it counts in the progress
 */

/**
 * The files of a model, all requested at once, so that the first weights are there when the engine wants them. Of several
 * failures the first file's is reported: config.json before the tokenizer before the weights.
 * @param {object} source {parts}, {files}, {folder} or {repo, revision, path}
 * @param {Means} means
 * @returns {Promise<{name?: string, config: Uint8Array, tokenizer?: Uint8Array, vocab?: Uint8Array, merges?: Uint8Array, weights: object[], index?: Uint8Array, origin?: import('./locations.js').Origin}>}
 */
export async function modelFiles(source, means) {
  if (source.parts !== undefined) return ofParts(source.parts, means);
  if (source.files !== undefined) {
    const { name, parts } = onlyOne(await recognised(source.files, means), 'models');
    const { weights, ...small } = parts;
    const given = Object.entries(small).filter(([, item]) => item !== undefined);
    return { name, ...(await ofParts({ ...Object.fromEntries(given.map(([key, item]) => [key, item.file])), weights: weights.map(({ file }) => file) }, means)) };
  }
  const location = await locate(means.files, source.folder === undefined ? source : { url: source.folder }, means);
  const folder = folderMeant(location.path);
  const at = (name) => existing(location, inside(folder, name));
  let commit = null;
  const onCommit = (named) => (commit ??= named);
  const read = (name) => means.files.bytes(at(name), { ...means, onCommit });
  const config = soon(read('config.json'));
  const weights = soon(orElse(
    async () => ({ weights: [await opened(at('model.safetensors'), means)] }),
    async (whole) => {
      const index = await read('model.safetensors.index.json').catch((error) => {
        throw isMissing(error) ? whole : error;
      });
      const shards = shardsOf(index, at('model.safetensors.index.json').name);
      return { index, weights: await inOrder(shards.map(at), means) };
    },
  ));
  const tokenizer = soon(orElse(
    async () => ({ tokenizer: await read('tokenizer.json') }),
    async () => ({ vocab: await read('vocab.json'), merges: await read('merges.txt') }),
  ));
  const parts = { config: await config, ...(await tokenizer), ...(await weights) };
  return { ...parts, origin: originOf(location, folder, false, parts.weights, commit) };
}

// The origin of what was loaded. Small files' answers state a commit, too; those of large ones come from a host behind.
function originOf(location, path, isFile, weights, commit) {
  const [only] = weights;
  const sha256 = weights.length === 1 ? (only.sha256 ?? undefined) : undefined;
  return location.origin(path, isFile, { commit: commit ?? only.commit ?? null, sha256 });
}

async function ofParts({ weights, ...small }, means) {
  const opening = soon(inOrder([weights].flat(), means));
  const read = await Promise.all(Object.entries(small).map(async ([key, file]) => [key, await means.files.bytes(file, means)]));
  return { ...Object.fromEntries(read), weights: await opening };
}

// A promise that is awaited later; what fails before it says why instead.
function soon(promise) {
  promise.catch(() => {});
  return promise;
}

async function inOrder(list, means) {
  const sources = [];
  for (const file of list) sources.push(await (sources.length === 0 ? opened(file, means) : means.open(file)));
  return sources;
}

async function opened(file, { open }) {
  const source = await open(file);
  source.prefetch();
  return source;
}

function shardsOf(index, name) {
  let map;
  try {
    map = JSON.parse(new TextDecoder().decode(index)).weight_map;
  } catch (error) {
    throw new SaeExplorerError('bad-file', `${name} is not JSON: ${error.message}`, { file: name });
  }
  const shards = [...new Set(Object.values(map ?? {}))];
  if (shards.length === 0 || !shards.every((shard) => typeof shard === 'string' && /^[\w.-]+\.safetensors$/.test(shard))) {
    throw new SaeExplorerError('bad-file', `${name} does not say which files hold the weights: its weight_map must give a .safetensors file beside it for each tensor.`, { file: name });
  }
  return shards;
}

/**
 * The files of an SAE. A folder's sparsity.safetensors belongs to it but is not requested: nothing here shows how often
 * latents were active in training.
 * @param {object} source {files}, {url} or {repo, revision, path}
 * @param {Means} means
 * @returns {Promise<({name: string, pt: object, cfg?: Uint8Array} | {name: string, cfg: Uint8Array, weights: object}) & {origin?: import('./locations.js').Origin}>}
 */
export async function saeFiles(source, means) {
  const { files, signal, open } = means;
  if (source.files !== undefined) {
    const { name, parts } = onlyOne(await recognised(source.files, means), 'saes');
    const cfg = parts.cfg === undefined ? {} : { cfg: await files.bytes(parts.cfg.file, { signal }) };
    if (parts.pt !== undefined) return { name, pt: await open(parts.pt.file), ...cfg };
    return { name, ...cfg, weights: await open(parts.weights.file) };
  }
  const location = await locate(files, source, means);
  // Published folders may be called something.pt as well.
  if (isFile(location, location.path)) return orElse(() => ptAt(location, location.path, means), () => folderAt(location, location.path, means));
  return folderAt(location, folderMeant(location.path), means);
}

const isFile = ({ listed }, path) => (listed === null ? /\.pt$/i.test(path) : listed.has(path) && !/\.(json|safetensors)$/i.test(path));

async function ptAt(location, path, { files, signal, open }) {
  const pt = await open(existing(location, path));
  const { kind, code, message } = await kindOf(pt);
  if (kind !== 'pt') throw new SaeExplorerError(code ?? 'bad-file', message ?? `${pt.name} is no torch .pt file. Check the address.`, { file: pt.name });
  const stem = path.replace(/\.[^./]*$/, '');
  const beside = location.listed?.has(`${stem}_cfg.json`) ? location.at(`${stem}_cfg.json`) : undefined;
  return { name: lastOf(stem), pt, ...(beside === undefined ? {} : { cfg: await files.bytes(beside, { signal }) }), origin: originOf(location, path, true, [pt], null) };
}

async function folderAt(location, folder, { files, signal, open }) {
  const cfgAt = location.at(inside(folder, 'cfg.json'));
  if (cfgAt === null) throw noSae(location, folder);
  let commit = null;
  const cfg = await files.bytes(cfgAt, { signal, onCommit: (named) => (commit = named) });
  const weights = await open(existing(location, inside(folder, 'sae_weights.safetensors')));
  return { name: lastOf(folder) || lastOf(folderOf(folder)), cfg, weights, origin: originOf(location, folder, false, [weights], commit) };
}

function noSae(location, folder) {
  const below = [...location.listed.keys()].filter((path) => folder === '' || path.startsWith(`${folder}/`));
  const saes = below.filter((path) => lastOf(path) === 'cfg.json' || /\.pt$/i.test(path)).map((path) => (lastOf(path) === 'cfg.json' ? folderOf(path) : path));
  const hint = saes.length === 0 ? 'Check the address.' : `There are ${saes.length} below it: give one of them, such as ${location.shown(saes[0])}.`;
  return new SaeExplorerError('missing-file', `${location.shown(folder)} is no SAE: it has no cfg.json. ${hint}`, { file: 'cfg.json', candidates: saes });
}

/** A file that must be there. */
export function existing(location, path) {
  const file = location.at(path);
  if (file !== null) return file;
  throw new SaeExplorerError('missing-file', `${lastOf(path)} is missing: there is no ${location.shown(path)}. Check the address and the files beside it.`, { file: lastOf(path), path });
}

/** Files of this device, sorted. */
export async function recognised(list, { files, signal }) {
  const items = [];
  for (const file of list) items.push({ path: file.path ?? file.name, file, source: await files.open(file, { signal }) });
  return recognise(items);
}

// The second way where a file of the first is missing; it is given the first one's error.
async function orElse(first, second) {
  try {
    return await first();
  } catch (error) {
    if (!isMissing(error)) throw error;
    return second(error);
  }
}
