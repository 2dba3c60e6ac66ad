// Model and SAE files with one thing wrong with each.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { zeros } from './layouts.js';
import { root } from './server.js';

const demo = (path) => readFile(join(root, 'web/demo', path));

/** Changes the bytes of one tensor in a copy of a safetensors file. */
function patchTensor(bytes, name, patch) {
  const copy = Buffer.from(bytes);
  const length = Number(copy.readBigUInt64LE(0));
  const header = JSON.parse(copy.subarray(8, 8 + length).toString());
  const [from, to] = header[name].data_offsets;
  patch(copy.subarray(8 + length + from, 8 + length + to));
  return copy;
}

const TENSOR = 'transformer.h.2.mlp.c_fc.weight';

/** Puts folders with broken models and SAEs on a server, below `broken/`. */
export async function serveBroken(server) {
  const [config, weights, tokenizer] = await Promise.all(['config.json', 'model.safetensors', 'tokenizer.json'].map((name) => demo(`model/${name}`)));
  const put = (folder, files) => {
    for (const [name, content] of Object.entries(files)) {
      const bytes = Buffer.isBuffer(content) ? content : Buffer.from(typeof content === 'string' ? content : JSON.stringify(content));
      server.files.set(`broken/${folder}/${name}`, bytes);
    }
  };
  const model = (folder, changes) => {
    const files = { 'config.json': config, 'model.safetensors': weights, 'tokenizer.json': tokenizer, ...changes };
    put(folder, Object.fromEntries(Object.entries(files).filter(([, content]) => content !== null)));
  };
  const settings = JSON.parse(config);
  model('sound', {});
  model('truncated', { 'model.safetensors': weights.subarray(0, weights.length - 100_000) });
  model('no-config', { 'config.json': null });
  model('no-weights', { 'model.safetensors': null });
  model('no-tokenizer', { 'tokenizer.json': null });
  model('llama', { 'config.json': { ...settings, model_type: 'llama', architectures: ['LlamaForCausalLM'] } });
  model('wrong-shape', { 'config.json': { ...settings, n_embd: 128 } });
  model('no-json', { 'config.json': '<!doctype html>' });
  // 0x7e00 is NaN in half precision.
  model('nan', { 'model.safetensors': patchTensor(weights, TENSOR, (tensor) => tensor.writeUInt16LE(0x7e00, 2 * 77)) });
  const cfg = JSON.parse(await readFile(join(root, 'tests/fixtures/saelens/blocks.3.hook_resid_post_relu/cfg.json'), 'utf8'));
  const sae = (folder, changes, d_in = 256, d_sae = 8) =>
    put(folder, {
      'cfg.json': { ...cfg, d_in, d_sae, ...changes },
      'sae_weights.safetensors': zeros({ W_enc: [d_in, d_sae], b_enc: [d_sae], W_dec: [d_sae, d_in], b_dec: [d_in] }),
    });
  sae('sae-narrow', {}, 64);
  sae('sae-no-layer', { metadata: { ...cfg.metadata, hook_name: 'blocks.9.hook_resid_post' } });
  sae('sae-unknown', { architecture: 'crosscoder' });
  put('sae-text', { 'layer.pt': 'not a zip' });
  return { tensor: TENSOR };
}
