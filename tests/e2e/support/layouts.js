// Files in the layouts that people publish them in, small and without meaning: for finding and naming them.

/** A safetensors file of F32 zeros: name → shape. */
export function zeros(shapes) {
  let at = 0;
  const header = {};
  for (const [name, shape] of Object.entries(shapes)) {
    const bytes = 4 * shape.reduce((product, length) => product * length, 1);
    header[name] = { dtype: 'F32', shape, data_offsets: [at, (at += bytes)] };
  }
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, Buffer.alloc(at)]);
}

export const GPT2_CONFIG = { model_type: 'gpt2', n_layer: 2, n_embd: 8, n_head: 2, n_ctx: 16, vocab_size: 4 };
export const TOKENIZER = { model: { type: 'BPE', vocab: { a: 0, b: 1, ab: 2, '<|endoftext|>': 3 }, merges: ['a b'] } };
export const VOCAB = Object.fromEntries(Array.from({ length: 200 }, (_, id) => [`t${id}`, id]));
export const MERGES = '#version: 0.2\na b\nb c\n';

/** A GPT-2 folder. */
export const gpt2 = (changes = {}) =>
  present({ 'config.json': GPT2_CONFIG, 'model.safetensors': zeros({ 'wte.weight': [4, 8], 'wpe.weight': [16, 8] }), 'tokenizer.json': TOKENIZER, ...changes });

/** The same with its weights in two parts. */
export const shardedGpt2 = (changes = {}) =>
  present({
    ...gpt2({ 'model.safetensors': null }),
    'model.safetensors.index.json': { metadata: {}, weight_map: { 'wte.weight': 'model-00001-of-00002.safetensors', 'wpe.weight': 'model-00002-of-00002.safetensors' } },
    'model-00001-of-00002.safetensors': zeros({ 'wte.weight': [4, 8] }),
    'model-00002-of-00002.safetensors': zeros({ 'wpe.weight': [16, 8] }),
    ...changes,
  });

export const CFG = { architecture: 'topk', d_in: 8, d_sae: 32, k: 4, metadata: { hook_name: 'blocks.1.hook_resid_post' } };

/** A SAELens folder. */
export const saelens = (changes = {}) =>
  present({ 'cfg.json': CFG, 'sae_weights.safetensors': zeros({ W_enc: [8, 32], b_enc: [32], W_dec: [32, 8], b_dec: [8] }), 'sparsity.safetensors': zeros({ sparsity: [32] }), ...changes });

/** The beginning of any zip archive, as a torch .pt is. */
export const PT = Buffer.from([0x50, 0x4b, 0x03, 0x04, 0, 0, 0, 0]);
export const PAIR_CFG = { act_name: 'blocks.0.attn.hook_z', act_size: 8, dict_size: 16, model_name: 'gpt2-small' };

/** A folder's files below a path. */
export const below = (folder, files) => Object.fromEntries(Object.entries(files).map(([name, content]) => [`${folder}/${name}`, content]));

const present = (files) => Object.fromEntries(Object.entries(files).filter(([, content]) => content !== null));
