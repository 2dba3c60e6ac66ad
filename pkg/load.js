// From a source (the demo, a URL, files) to what the engine takes: which files make a model or an SAE, and where they are.

import { SaeExplorerError } from './errors.js';
import { isMissing } from './files.js';
import { nameOf } from './sources.js';

// Enough to tell what a file is: the longest thing looked at is a safetensors header.
const HEAD_BYTES = 1 << 20;

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

/**
 * The files of a model. The small ones are read first, so that a wrong address fails before the weights are fetched.
 * @param {{folder: string} | {parts: object}} source
 * @param {(file: object) => Promise<object>} open opens the weights
 * @returns {Promise<{config: Uint8Array, tokenizer?: Uint8Array, vocab?: Uint8Array, merges?: Uint8Array, weights: object[], index?: Uint8Array}>}
 */
export async function modelFiles(files, source, { signal, open }) {
  if (source.parts !== undefined) {
    const { weights, ...small } = source.parts;
    const read = await Promise.all(Object.entries(small).map(async ([key, file]) => [key, await files.bytes(file, { signal })]));
    return { ...Object.fromEntries(read), weights: [await open(weights)] };
  }
  const at = (name) => ({ name, url: new URL(name, source.folder).href });
  const read = (name) => files.bytes(at(name), { signal });
  const config = await read('config.json');
  const tokenizer = await read('tokenizer.json').then(
    (bytes) => ({ tokenizer: bytes }),
    async (error) => {
      if (!isMissing(error)) throw error;
      return { vocab: await read('vocab.json'), merges: await read('merges.txt') };
    },
  );
  return { config, ...tokenizer, weights: [await open(at('model.safetensors'))] };
}

/**
 * The files of an SAE, told apart by their content.
 * @param {{url: string} | {files: object[]}} source
 * @param {(file: object) => Promise<object>} open opens the weights
 * @param {(head: Uint8Array) => string} sniff "pt", "safetensors", "json" or "unknown"
 * @returns {Promise<{pt: object} | {cfg: Uint8Array, weights: object}>}
 */
export async function saeFiles(files, source, { signal, open, sniff }) {
  if (source.url === undefined) return assemble(files, source.files, { signal, open, sniff });
  const { url } = source;
  // Published folders may be called something.pt as well, so a missing file is tried as a folder.
  if (/\.pt$/.test(new URL(url).pathname)) {
    try {
      return await assemble(files, [{ name: nameOf(url), url }], { signal, open, sniff });
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  }
  const folder = /\/$|\.(json|safetensors)$/.test(new URL(url).pathname) ? url : `${url}/`;
  const at = (name) => ({ name, url: new URL(name, folder).href });
  return { cfg: await files.bytes(at('cfg.json'), { signal }), weights: await open(at('sae_weights.safetensors')) };
}

async function assemble(files, list, { signal, open, sniff }) {
  const found = {};
  for (const file of list) {
    const source = await open(file);
    const kind = sniff(await source.read(0, Math.min(HEAD_BYTES, source.size)));
    if (kind === 'pt') found.pt = source;
    else if (kind === 'json') found.cfg = file;
    // A SAELens folder may also hold sparsity.safetensors, a statistic that the engine does not need.
    else if (kind === 'safetensors' && !/sparsity/.test(file.name)) found.weights = source;
  }
  if (found.pt !== undefined) return { pt: found.pt };
  const names = list.map(({ name }) => name);
  if (found.cfg === undefined && found.weights === undefined) {
    throw new SaeExplorerError('bad-file', `${names.join(', ')}: neither a torch .pt file nor a SAELens folder (cfg.json and sae_weights.safetensors).`, { file: names[0], files: names });
  }
  const need = (part, name) => {
    if (found[part] !== undefined) return found[part];
    throw new SaeExplorerError('missing-file', `Of a SAELens folder's two files ${name} is missing; there is ${names.join(', ')}.`, { file: name, files: names });
  };
  const weights = need('weights', 'sae_weights.safetensors');
  return { cfg: await files.bytes(need('cfg', 'cfg.json'), { signal }), weights };
}
