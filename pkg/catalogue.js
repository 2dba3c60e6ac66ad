// The site's catalogue (catalogue.json): its models and SAEs, their sizes, and whether they fit this device.

import { SaeExplorerError } from './errors.js';
import { layerPath } from './stored.js';

const GIB = 2 ** 30;
/** Bytes that wasm can address, and those that the engine needs for itself. */
const WASM_BYTES = 4 * GIB;
const WASM_OWN_BYTES = 128 << 20;
/** Bytes of a weight on the device: GPT-2's are not exactly representable in less. */
const WEIGHT_BYTES = 4;
/** Rows that are worked on at once: the tokens of a prompt, as far as the workspace is concerned. */
const WORKSPACE_ROWS = 256;
/** Of an SAE that stays in its file: the part of the encoder on the device, and the pre-activations of that part. */
const PART_BYTES = 256 << 20;
const PRE_ACTIVATION_BYTES = 64 << 20;

/**
 * Bytes that a model needs on the device: its weights once (the unembedding is the embedding), keys and values of a whole
 * context, and the activations of a prompt.
 */
export function modelDeviceBytes({ layers, dModel, vocab, context }) {
  const block = 12 * dModel * dModel + 13 * dModel;
  const weights = vocab * dModel + context * dModel + layers * block + 2 * dModel;
  const keysAndValues = 2 * layers * context * dModel;
  const activations = WORKSPACE_ROWS * 16 * dModel;
  return WEIGHT_BYTES * (weights + keysAndValues + activations);
}

/** Bytes that an SAE needs: both matrices, the biases, and the pre-activations of a prompt's rows. */
export function saeDeviceBytes({ dIn, dSae, context = WORKSPACE_ROWS }) {
  const rows = Math.min(context, WORKSPACE_ROWS);
  return WEIGHT_BYTES * (2 * dIn * dSae + dSae + dIn + rows * dSae);
}

/**
 * Bytes that an SAE needs that stays in its file: a part of its encoder at a time, and the latents that a prompt selects. Without
 * its shape, of one for GPT-2 small that is as large as any.
 */
export function streamedDeviceBytes({ dIn = 768, dSae = Infinity, k, context = WORKSPACE_ROWS } = {}) {
  const rows = Math.min(context, WORKSPACE_ROWS);
  const part = Math.min(WEIGHT_BYTES * dIn * dSae, PART_BYTES);
  const selected = WEIGHT_BYTES * 2 * Math.min(rows * (k ?? 32), dSae) * dIn;
  return part + PRE_ACTIVATION_BYTES + selected;
}

/**
 * Fit of an SAE: whole, or else read from its file for every prompt.
 * @param {number} wholeBytes
 * @param {number | null} streamedBytes null where it cannot stay in its file
 */
export function saeFits(wholeBytes, streamedBytes, device) {
  const whole = fits(wholeBytes, device);
  const streamed = streamedBytes === null || whole.ok ? null : fits(streamedBytes, device);
  if (!streamed?.ok) return { ...whole, streamed: false };
  return { ...streamed, streamed: true, reason: `does not fit whole: ${whole.reason}. It stays in its file, which is read through for every prompt: that ${needs(streamed, device)}` };
}

/**
 * Fit of a number of bytes.
 * @param {number} neededBytes
 * @param {{backend: 'gpu' | 'cpu', deviceBytes: number, memoryBudget: number | null, deviceMemory?: number}} device
 *   `deviceMemory`: GiB of the machine, as the browser states it
 * @returns {{ok: boolean, neededBytes: number, availableBytes: number, reason: string | null}}
 */
export function fits(neededBytes, { backend, deviceBytes, memoryBudget, deviceMemory }) {
  let total;
  let how;
  if (memoryBudget !== null) {
    total = memoryBudget;
    how = `of the ${gigabytes(total)} that were set`;
  } else if (backend === 'cpu') {
    total = WASM_BYTES - WASM_OWN_BYTES;
    how = 'of the 4 GB that WebAssembly can use';
  } else {
    // WebGPU does not state how much memory the GPU has.
    total = ((deviceMemory ?? 4) / 2) * GIB;
    how = `by an estimate, since browsers do not tell a GPU's memory: half of this machine's${deviceMemory === undefined ? ', which is taken to be 4 GB' : ''}`;
  }
  const availableBytes = Math.max(0, total - deviceBytes);
  const ok = neededBytes <= availableBytes;
  const less = deviceBytes > 0 ? ', less what is loaded' : '';
  const reason = ok ? null : `${needs({ neededBytes }, { backend })}, ${gigabytes(availableBytes)} available (${how}${less})`;
  return { ok, neededBytes, availableBytes, reason };
}

const needs = ({ neededBytes }, { backend }) => `needs ${gigabytes(neededBytes)} of ${backend === 'gpu' ? 'GPU memory' : 'memory'}`;
const gigabytes = (bytes) => `${(bytes / 1e9).toFixed(1)} GB`;

/** Checks a catalogue.json, which the site's owner may have edited, and names what is wrong with it. */
export function checkCatalogue(value, url) {
  const wrong = (what) => new SaeExplorerError('bad-file', `catalogue.json is not a catalogue: ${what}. Its fields are described in the package's README.`, { file: 'catalogue.json', url });
  if (!Array.isArray(value?.models) || !Array.isArray(value?.saes)) throw wrong('"models" and "saes" must be lists');
  const { mirror } = value;
  if (typeof mirror === 'string' && mirror !== '' && !/^https?:\/\/[^/\s]+/.test(mirror)) throw wrong('"mirror" is neither null nor an http(s) address');
  const ids = new Set();
  const check = (entry, texts, numbers) => {
    for (const name of texts) if (typeof entry?.[name] !== 'string') throw wrong(`${entry?.id ?? 'an entry'} has no text "${name}"`);
    for (const name of numbers) if (!(entry[name] > 0)) throw wrong(`${entry.id} has no number "${name}"`);
    const { revision, hashes = {} } = entry;
    if (revision !== undefined && (typeof revision !== 'string' || revision === '')) throw wrong(`the "revision" of ${entry.id} is no text`);
    if (hashes === null || typeof hashes !== 'object' || Array.isArray(hashes)) throw wrong(`the "hashes" of ${entry.id} are no object of paths and hashes`);
    for (const [path, hash] of Object.entries(hashes)) {
      if (!/^sha256-[0-9a-f]{64}$/.test(hash)) throw wrong(`${entry.id} gives ${path} the hash ${JSON.stringify(hash)}, which must be "sha256-" and 64 digits from 0 to f`);
    }
    if (ids.has(entry.id)) throw wrong(`two entries have the id ${entry.id}`);
    ids.add(entry.id);
  };
  for (const model of value.models) check(model, ['id', 'name', 'repo', 'licence'], ['layers', 'dModel', 'vocab', 'context', 'bytes']);
  for (const sae of value.saes) {
    check(sae, ['id', 'name', 'model', 'repo', 'hook', 'licence'], ['dIn', 'dSae', 'bytes']);
    if (!Array.isArray(sae.layers) || sae.layers.length === 0) throw wrong(`${sae.id} has no list "layers"`);
    if (typeof sae.path !== 'string' && typeof sae.paths !== 'object') throw wrong(`${sae.id} has neither "path" nor "paths"`);
  }
  return { mirror: typeof value.mirror === 'string' && value.mirror !== '' ? value.mirror : null, models: value.models, saes: value.saes };
}

/** The catalogue as a person sees it on this device. */
export function judged({ models, saes }, mirror, device) {
  const model = (entry) => {
    const deviceBytes = modelDeviceBytes(entry);
    return { ...entry, deviceBytes, fits: fits(deviceBytes, device) };
  };
  const judgedModels = models.map(model);
  const sae = (entry) => {
    const deviceBytes = saeDeviceBytes(entry);
    const streamedBytes = entry.streamable ? streamedDeviceBytes(entry) : null;
    const own = judgedModels.find(({ id }) => id === entry.model);
    return { ...entry, deviceBytes, fits: saeFits(deviceBytes, streamedBytes, device), fitsWithModel: withModel(own, deviceBytes, streamedBytes, device) };
  };
  return { mirror, models: judgedModels, saes: saes.map(sae) };
}

// Fit of an SAE together with its model, in the place of what is loaded: the model before it, with its SAEs, leaves the device
// when the new one is there. null for a model that is not in the catalogue.
function withModel(model, saeBytes, streamedBytes, device) {
  if (model === undefined) return null;
  if (!model.fits.ok) return { ...model.fits, streamed: false };
  const { deviceBytes } = model;
  return saeFits(deviceBytes + saeBytes, streamedBytes === null ? null : deviceBytes + streamedBytes, { ...device, deviceBytes: 0 });
}

// Location of an entry: at its own revision or another one that was requested; its hashes hold at any.
const placed = ({ repo, revision, hashes }, other, path) => ({ repo, revision: other ?? revision ?? 'main', path, ...(hashes === undefined ? {} : { hashes }) });

/** The repository and path of a model of the catalogue. */
export function catalogueModel({ models }, id, revision) {
  const entry = models.find((model) => model.id === id);
  if (entry === undefined) throw unknown(id, models);
  return { entry, source: placed(entry, revision, entry.path ?? '') };
}

/** The repository, path and hook of one SAE of the catalogue. */
export function catalogueSae({ saes }, { catalogue: id, layer, path, revision }) {
  const entry = saes.find((sae) => sae.id === id);
  if (entry === undefined) throw unknown(id, saes);
  const at = layer ?? (entry.layers.length === 1 ? entry.layers[0] : undefined);
  if (!entry.layers.includes(at)) {
    throw new SaeExplorerError('bad-option', `${entry.name} has one SAE for each of the layers ${entry.layers.join(', ')}; ${layer === undefined ? 'name one of them as layer' : `there is none for ${layer}`}.`, { option: 'layer', value: layer, allowed: entry.layers });
  }
  const where = path ?? layerPath(entry, at);
  return {
    entry,
    id: entry.layers.length === 1 ? entry.id : `${entry.id}.${at}`,
    hook: entry.hook.replaceAll('{L}', String(at)),
    source: placed(entry, revision, where),
  };
}

function unknown(id, entries) {
  return new SaeExplorerError('bad-option', `The catalogue has no entry "${id}"; it has ${entries.map((entry) => entry.id).join(', ')}.`, { option: 'catalogue', value: id });
}
