// From a source (the demo, a URL, files) to what the engine takes: which files make a model or an SAE, and where they are.

import { SaeExplorerError } from './errors.js';
import { isMissing } from './files.js';
import { nameOf } from './sources.js';

/** The demo's manifest, its paths made into URLs. */
export async function demoManifest(files, demoUrl, signal) {
  const manifest = await files.json({ name: 'demo.json', url: demoUrl }, { signal });
  const located = ({ path, bytes }) => ({ name: nameOf(new URL(path, demoUrl)), url: new URL(path, demoUrl).href, bytes });
  try {
    const { config, weights, tokenizer } = manifest.model;
    return {
      id: manifest.id,
      name: manifest.name,
      bos: manifest.bos,
      parts: { config: located(config), weights: located(weights), tokenizer: located(tokenizer) },
      saes: manifest.saes.map(({ id, hook, file }) => ({ id, hook, file: located(file) })),
    };
  } catch (error) {
    throw new SaeExplorerError('bad-file', `demo.json is not a demo manifest: ${error.message}`, { file: 'demo.json', url: demoUrl });
  }
}

/** The files of a model: {config, weights, tokenizer} or {config, weights, vocab, merges}, each as Files.read gives it. */
export async function modelFiles(files, source, { signal, onProgress }) {
  if (source.folder !== undefined) return folderFiles(files, source.folder, { signal, onProgress });
  return named(source.parts, await files.readTogether(Object.values(source.parts), { signal, onProgress }));
}

// The small files go first, so that a wrong address fails before the weights are fetched.
async function folderFiles(files, folder, { signal, onProgress }) {
  const read = (name, told) => files.read({ name, url: new URL(name, folder).href }, { signal, onProgress: told });
  const config = await read('config.json');
  const tokenizer = await read('tokenizer.json').then(
    (file) => ({ tokenizer: file }),
    async (error) => {
      if (!isMissing(error)) throw error;
      return { vocab: await read('vocab.json'), merges: await read('merges.txt') };
    },
  );
  return { config, ...tokenizer, weights: await read('model.safetensors', onProgress) };
}

/**
 * The files of an SAE: {pt} or {cfg, weights}, told apart by their content.
 * @param {(head: Uint8Array) => string} sniff "pt", "safetensors", "json" or "unknown"
 */
export async function saeFiles(files, source, { signal, onProgress, sniff }) {
  const read = (list) => files.readTogether(list, { signal, onProgress });
  if (source.url === undefined) return assemble(await read(source.files), sniff);
  const { url } = source;
  // Published folders may be called something.pt as well, so a missing file is tried as a folder.
  if (/\.pt$/.test(new URL(url).pathname)) {
    try {
      return assemble(await read([{ name: nameOf(url), url }]), sniff);
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  }
  const folder = /\/$|\.(json|safetensors)$/.test(new URL(url).pathname) ? url : `${url}/`;
  const at = (name) => ({ name, url: new URL(name, folder).href });
  const parts = { cfg: at('cfg.json'), weights: at('sae_weights.safetensors') };
  return named(parts, await read(Object.values(parts)));
}

function assemble(read, sniff) {
  const found = {};
  for (const file of read) {
    const kind = sniff(file.bytes);
    if (kind === 'pt') found.pt = file;
    else if (kind === 'json') found.cfg = file;
    // A SAELens folder may also hold sparsity.safetensors, a statistic that the engine does not need.
    else if (kind === 'safetensors' && !/sparsity/.test(file.name)) found.weights = file;
  }
  if (found.pt !== undefined) return { pt: found.pt };
  const names = read.map(({ name }) => name);
  if (found.cfg === undefined && found.weights === undefined) {
    throw new SaeExplorerError('bad-file', `${names.join(', ')}: neither a torch .pt file nor a SAELens folder (cfg.json and sae_weights.safetensors).`, { file: names[0], files: names });
  }
  const need = (part, name) => {
    if (found[part] !== undefined) return found[part];
    throw new SaeExplorerError('missing-file', `Of a SAELens folder's two files ${name} is missing; there is ${names.join(', ')}.`, { file: name, files: names });
  };
  return { cfg: need('cfg', 'cfg.json'), weights: need('weights', 'sae_weights.safetensors') };
}

const named = (parts, read) => Object.fromEntries(Object.keys(parts).map((key, at) => [key, read[at]]));
