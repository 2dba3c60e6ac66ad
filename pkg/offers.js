// Models and SAEs behind a link, in the same form as those in files.

import { fits, modelDeviceBytes, saeDeviceBytes, saeFits, streamedDeviceBytes } from './catalogue.js';
import { SaeExplorerError } from './errors.js';
import { isMissing } from './files.js';
import { folderOf, lastOf, parseLink } from './hub.js';
import { json, kindOf } from './kinds.js';
import { folderMeant, inside, locate } from './locations.js';
import { describe, recognise } from './recognise.js';
import { recognised } from './load.js';

/** At most this many descriptions of a repository's SAEs are read before a person has chosen one. */
const MAX_READ = 64;

/**
 * The models and SAEs of local files, with sources that hold the files themselves.
 * @param {object} means with `inspect`: what the engine says about an SAE's files, `pt(source, cfg)` and
 *   `saelens(cfg, weights)`; with `device`, as for the catalogue
 */
export async function fromFiles(list, means) {
  const found = await recognised(list, means);
  if (means.inspect !== undefined) found.saes = await examined(found, means);
  const offer = (part) => {
    const { name, items, summary, hook, model } = part;
    return { name, files: items.map(({ path }) => path), summary, hook: hook ?? null, model: model ?? null, fits: room(part, means), source: { files: items.map(({ file, path }) => ({ file: file.blob, path })) } };
  };
  return { models: found.models.map(offer), saes: found.saes.map(offer), problems: found.problems };
}

// The engine sees what names and beginnings do not show: shapes that do not fit, a pickle that is no SAE, a damaged zip.
async function examined({ saes, problems }, { files, inspect }) {
  const sound = [];
  for (const sae of saes) {
    const { pt, cfg, weights } = sae.parts;
    try {
      const settings = cfg === undefined ? undefined : await files.bytes(cfg.file);
      const config = await (pt === undefined ? inspect.saelens(settings, weights.source) : inspect.pt(pt.source, settings));
      const shape = { ...config, dSae: config.nLatents };
      sound.push({ ...sae, shape, hook: config.hook ?? sae.hook, summary: describe(shape) });
    } catch ({ code = 'bad-file', message }) {
      problems.push({ file: (pt ?? weights).path, code, message });
    }
  }
  return sound;
}

// Fit of a part on this device, as far as its files state its shape: null where they do not.
function room({ parts: { config, cfg, pt }, shape = cfg }, { device }) {
  if (device === undefined) return null;
  if (config !== undefined) return known(fits(modelDeviceBytes(config), device));
  // Of a .pt that was not opened the size shows what its matrices need.
  if (shape === undefined) return known(saeFits(pt.source.size, streamedDeviceBytes(), device));
  return known(saeFits(saeDeviceBytes(shape), canStay(pt, shape) ? streamedDeviceBytes(shape) : null, device));
}

const known = (judgement) => (judgement.neededBytes > 0 ? judgement : null);

/** True if an SAE can stay in its file: a TopK one, stored latent by latent as OpenAI does. */
export const canStay = (pt, { architecture }) => pt !== undefined && architecture === 'topk';

/**
 * The models and SAEs behind a link. Only small descriptions are read.
 * @param {string} text
 */
export async function fromLink(text, means) {
  const location = await locate(means.files, parseLink(text, means.mirror), means);
  return location.listed === null ? probed(location, means) : listed(location, means);
}

async function listed(location, means) {
  const { files, signal } = means;
  const { path } = location;
  const isFile = location.listed.has(path);
  const folder = isFile ? folderOf(path) : path;
  const below = [...location.listed.values()].filter((file) => folder === '' || file.path.startsWith(`${folder}/`));
  const meant = isFile ? below.filter((file) => besides(path, file.path)) : below;
  if (meant.length === 0) throw new SaeExplorerError('missing-file', `There is no ${location.shown(path)}. Check the link.`, { file: path });
  let read = 0;
  const found = await recognise(
    meant.map((file) => ({ path: file.path, file, source: { name: file.name, size: file.bytes ?? 0 } })),
    async ({ file }) => {
      const kind = kindByName(file.name);
      if (kind !== null) return { kind };
      if (read >= MAX_READ) return { kind: unread(file.name), architecture: 'SAE', hook: null };
      read += 1;
      return json(file.name, await files.bytes(file, { signal }));
    },
  );
  const offer = (at) => (part) => {
    const { name, items, parts, summary, hook, model } = part;
    return { name: name === at ? lastOf(location.shown('')) : name, files: items.map((item) => item.path), summary, hook: hook ?? null, model: model ?? null, fits: room(part, means), source: location.source(parts.pt?.path ?? folderOf((parts.config ?? parts.cfg).path)) };
  };
  const models = found.models.map(offer('model'));
  const saes = found.saes.map(offer('sae'));
  // A repository holds much that is not for here; that is of interest only when there is nothing else.
  return { models, saes, problems: models.length + saes.length > 0 ? [] : found.problems };
}

// Meaning of a link to one file: that file with the description beside it, or its folder.
function besides(meant, path) {
  if (/\.(json|safetensors)$/i.test(meant)) return folderOf(path) === folderOf(meant);
  return path === meant || path === `${meant.replace(/\.[^./]*$/, '')}_cfg.json`;
}

// null: it must be read.
function kindByName(name) {
  if (/^(config|cfg|model\.safetensors\.index)\.json$|_cfg\.json$/.test(name)) return null;
  const kinds = [
    [/^tokenizer\.json$/, 'tokenizer'],
    [/^vocab\.json$/, 'vocab'],
    [/^merges\.txt$/, 'merges'],
    [/^model(-\d+-of-\d+)?\.safetensors$/, 'weights'],
    [/^sae_weights\.safetensors$/, 'sae-weights'],
    [/^sparsity\.safetensors$/, 'sparsity'],
    [/\.pt$/i, 'pt'],
  ];
  return kinds.find(([pattern]) => pattern.test(name))?.[1] ?? 'other';
}

const unread = (name) => (name === 'cfg.json' ? 'cfg' : /_cfg\.json$/.test(name) ? 'pair-cfg' : 'other');

// Without a list of files the usual names are tried.
async function probed(location, means) {
  const { files, signal } = means;
  const none = { models: [], saes: [], problems: [] };
  const tried = async (path) => {
    try {
      return await files.bytes(location.at(path), { signal });
    } catch (error) {
      if (isMissing(error)) return null;
      throw error;
    }
  };
  if (/\.pt$/i.test(location.path)) {
    const pt = await opened(location.at(location.path), means);
    if (pt !== null) {
      const { kind, code, message } = await kindOf(pt);
      await pt.close();
      if (kind !== 'pt') return { ...none, problems: [{ file: pt.name, code: code ?? 'bad-file', message: message ?? `${pt.name} is no torch .pt file. Check the address.` }] };
      return { ...none, saes: [{ name: pt.name.replace(/\.pt$/i, ''), files: [pt.name], summary: 'torch .pt file', hook: null, fits: room({ parts: { pt: { source: pt } } }, means), source: location.source(location.path) }] };
    }
  }
  const folder = folderMeant(location.path);
  const described = async (name) => {
    const bytes = await tried(inside(folder, name));
    return bytes === null ? null : json(name, bytes);
  };
  const cfg = await described('cfg.json');
  const config = cfg === null ? await described('config.json') : null;
  const { kind, code, message } = cfg ?? config ?? {};
  const problem = (file) => ({ ...none, problems: [{ file, code: code ?? 'bad-file', message: message ?? `${file} describes neither a GPT-2 nor an SAE.` }] });
  const source = location.source(`${folder}/`);
  const name = lastOf(folder) || lastOf(location.shown('')) || new URL(location.at('').url).hostname;
  if (cfg !== null) return kind === 'cfg' ? { ...none, saes: [{ name, files: ['cfg.json', 'sae_weights.safetensors'], summary: describe(cfg), hook: cfg.hook, fits: room({ parts: { cfg } }, means), source }] } : problem('cfg.json');
  if (config !== null) return kind === 'config' ? { ...none, models: [{ name, files: ['config.json'], summary: `GPT-2, ${config.layers} layers of width ${config.dModel}`, hook: null, fits: room({ parts: { config } }, means), source }] } : problem('config.json');
  throw new SaeExplorerError('missing-file', `There is neither a model (config.json) nor an SAE (cfg.json, or a .pt file) at ${location.shown(location.path)}. Check the link.`, { url: location.shown(location.path) });
}

async function opened(file, { files, signal }) {
  try {
    return await files.open(file, { signal });
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}
