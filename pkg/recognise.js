// Recognition of the models and SAEs in a set of files, and of problems with the rest.

import { SaeExplorerError } from './errors.js';
import { kindOf } from './kinds.js';

/**
 * @typedef {object} Item a file with its path: {path, file: FileAt, source}
 * @typedef {object} Problem {file, code, message}
 */

/**
 * Sorts files into models and SAEs.
 * @param {Item[]} items
 * @param {(item: Item) => Promise<object>} kind what a file is; by default by its content
 * @returns {Promise<{models: object[], saes: object[], problems: Problem[]}>} a model is {name, items, parts, summary},
 *   an SAE {name, items, parts, hook, model, summary}; `parts` are items by their role
 */
export async function recognise(items, kind = ({ source }) => kindOf(source)) {
  const found = { models: [], saes: [], problems: [] };
  const problem = (item, code, message) => found.problems.push({ file: item.path, code, message });
  const known = [];
  for (const item of items) {
    try {
      known.push({ ...item, ...(await kind(item)) });
    } catch (error) {
      problem(item, error.code ?? 'bad-file', error.message);
    }
  }
  for (const item of known) if (item.kind === 'bad') problem(item, item.code, item.message);
  for (const folder of folders(known)) {
    modelIn(folder, known, found, problem);
    saesIn(folder, found, problem);
  }
  if (found.models.length + found.saes.length + found.problems.length === 0) {
    for (const item of known) problem(item, 'bad-file', `${item.path} belongs neither to a model nor to an autoencoder. A model needs config.json, model.safetensors and tokenizer.json (or vocab.json and merges.txt); an SAE cfg.json and sae_weights.safetensors, or one .pt file.`);
  }
  return found;
}

function folders(items) {
  const byFolder = new Map();
  for (const item of items) {
    const folder = item.path.slice(0, Math.max(0, item.path.lastIndexOf('/')));
    if (!byFolder.has(folder)) byFolder.set(folder, []);
    byFolder.get(folder).push(item);
  }
  return byFolder.values();
}

function modelIn(folder, all, found, problem) {
  const of = (kind) => folder.filter((item) => item.kind === kind);
  const [config] = of('config');
  const [index] = of('index');
  const files = of('weights');
  if (config === undefined && index === undefined && files.length === 0) return;
  const first = config ?? index ?? files[0];
  const missing = (message) => problem(first, 'missing-file', message);
  if (config === undefined) return missing(`${first.path} belongs to a model, but there is no config.json beside it. Choose the whole folder.`);
  if (files.length === 0) return missing(`${config.path} belongs to a model, but there is no model.safetensors beside it. ${index === undefined ? 'Choose the whole folder; weights in other formats cannot be read.' : 'Choose the files that its index names, too.'}`);
  let weights = files;
  if (index !== undefined) {
    const byName = new Map(files.map((item) => [item.file.name, item]));
    const absent = index.shards.filter((shard) => !byName.has(shard));
    if (absent.length > 0) return missing(`${index.path} names weights that are not there: ${absent.join(', ')}. Choose the whole folder.`);
    weights = index.shards.map((shard) => byName.get(shard));
  } else if (files.length > 1) {
    return missing(`${files.map(({ path }) => path).join(', ')} are parts of one model, but model.safetensors.index.json, which says what is in which, is not there.`);
  }
  const tokenizer = tokenizerOf(folder) ?? tokenizerOf(all);
  if (tokenizer === null) return missing(`${config.path} belongs to a model without a tokenizer: there is neither tokenizer.json nor vocab.json with merges.txt. Choose the whole folder.`);
  const bytes = weights.reduce((sum, { source }) => sum + source.size, 0);
  found.models.push({
    name: nameOf(config, 'model'),
    items: [config, ...Object.values(tokenizer), ...(index === undefined ? [] : [index]), ...weights],
    parts: { config, ...tokenizer, index, weights },
    summary: `GPT-2, ${config.layers} layers of width ${config.dModel}, ${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`,
  });
}

function tokenizerOf(items) {
  const of = (kind) => items.find((item) => item.kind === kind);
  const [tokenizer, vocab, merges] = [of('tokenizer'), of('vocab'), of('merges')];
  if (tokenizer !== undefined) return { tokenizer };
  return vocab !== undefined && merges !== undefined ? { vocab, merges } : null;
}

function saesIn(folder, found, problem) {
  const of = (kind) => folder.filter((item) => item.kind === kind);
  const [cfg] = of('cfg');
  const [weights] = of('sae-weights');
  if (cfg !== undefined && weights !== undefined) {
    const [sparsity] = of('sparsity');
    const parts = { cfg, weights, ...(sparsity === undefined ? {} : { sparsity }) };
    found.saes.push({ name: nameOf(cfg, 'sae'), items: Object.values(parts), parts, hook: cfg.hook, model: cfg.model, summary: describe(cfg) });
  } else if (cfg !== undefined) {
    problem(cfg, 'missing-file', `${cfg.path} belongs to a SAELens folder, but sae_weights.safetensors is not beside it. Choose the whole folder.`);
  } else if (weights !== undefined) {
    problem(weights, 'missing-file', `${weights.path} belongs to a SAELens folder, but cfg.json is not beside it. Choose the whole folder.`);
  }
  const pairs = new Map(of('pair-cfg').map((item) => [item.path.replace(/_cfg\.json$/, ''), item]));
  for (const pt of of('pt')) {
    const stem = pt.path.replace(/\.[^./]*$/, '');
    const beside = pairs.get(stem);
    pairs.delete(stem);
    const name = stem.slice(stem.lastIndexOf('/') + 1);
    if (beside === undefined) found.saes.push({ name, items: [pt], parts: { pt }, hook: null, model: null, summary: 'torch .pt file' });
    else found.saes.push({ name, items: [pt, beside], parts: { pt, cfg: beside }, hook: beside.hook, model: beside.model, summary: describe(beside) });
  }
  for (const lonely of pairs.values()) problem(lonely, 'missing-file', `${lonely.path} describes an SAE, but the .pt file of the same name is not beside it.`);
}

/** An SAE in a few words. */
export function describe({ architecture, dIn, dSae, k }) {
  const names = { topk: 'TopK', standard: 'ReLU', jumprelu: 'JumpReLU', gated: 'gated' };
  if (dSae === undefined) return 'SAE';
  return `${names[architecture] ?? architecture}, ${dSae} latents of width ${dIn}${k === null || k === undefined ? '' : `, k = ${k}`}`;
}

/** The one model or SAE that files hold, or why there is none. */
export function onlyOne(found, what) {
  const list = found[what];
  if (list.length === 1) return list[0];
  const [problem] = found.problems;
  if (list.length === 0 && problem !== undefined) throw new SaeExplorerError(problem.code, problem.message, { file: problem.file });
  const one = what === 'models' ? 'model' : 'SAE';
  if (list.length === 0) throw new SaeExplorerError('missing-file', `These files hold no ${one}.`, {});
  throw new SaeExplorerError('bad-option', `These files hold ${list.length} ${what === 'models' ? 'models' : 'SAEs'} (${list.map(({ name }) => name).join(', ')}); load them one by one.`, { names: list.map(({ name }) => name) });
}

function nameOf({ path }, otherwise) {
  const parts = path.split('/');
  return parts.length > 1 ? parts[parts.length - 2] : otherwise;
}
