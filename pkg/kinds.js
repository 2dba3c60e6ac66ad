// Kinds of files, by their content and not by their names.
//
// A kind is {kind, …}: "config", "index" {shards}, "tokenizer", "vocab", "merges", "weights" (of a model), "cfg" (of a
// SAELens folder) and "pair-cfg" (beside a .pt), both with what they say, "sae-weights", "sparsity", "pt", "other" (not
// needed), or "bad" {code, message}.

const HEAD_BYTES = 64 << 10;
/** A JSON file or a safetensors header of a model is smaller. */
const MAX_TEXT_BYTES = 64 << 20;
const ENDINGS = /\.(safetensors|pt|pth|bin|ckpt|h5|npz|msgpack|onnx|gguf)$/i;

/**
 * @param {{name: string, size: number, read: (offset: number, length: number) => Promise<Uint8Array>}} source
 * @returns {Promise<object>}
 */
export async function kindOf(source) {
  const { name, size } = source;
  const head = await source.read(0, Math.min(HEAD_BYTES, size));
  const starts = (...bytes) => bytes.every((byte, index) => head[index] === byte);
  // First what is certain: the low bytes of a header's length may be those of any other format's beginning.
  const length = headerLength(head);
  if (length !== null && length <= size - 8 && head[8] === 0x7b) return safetensors(source, length);
  if (starts(0x50, 0x4b, 0x03, 0x04)) return { kind: 'pt' };
  if (isPickle(head) && ENDINGS.test(name)) return bad('bad-file', `${name} was saved by an old version of torch, without a zip archive. Load it in Python and save it again with torch.save(…), or as safetensors.`);
  if (starts(0x76, 0x65, 0x72, 0x73, 0x69, 0x6f, 0x6e, 0x20) && size < 1000) return bad('bad-file', `${name} is a Git LFS pointer, not the file itself. Run git lfs pull in its folder, or download the file from its page.`);
  if (length !== null && head[8] === 0x7b && /\.safetensors$/i.test(name)) {
    return bad('bad-file', `${name} is cut off or no safetensors file: its header should have ${length} bytes, the file has ${size}. Download it again.`);
  }
  const text = firstCharacter(head);
  if (text === '{' || text === '[') return size > MAX_TEXT_BYTES ? { kind: 'other' } : json(name, await source.read(0, size));
  if (isMerges(head, size)) return { kind: 'merges' };
  if (/\.json$/i.test(name)) return bad('bad-file', `${name} is not JSON. Download it again.`);
  if (ENDINGS.test(name)) return bad('bad-file', `${name} is neither safetensors nor a torch .pt file, or its beginning is damaged. Download it again; of other formats nothing can be read here.`);
  return { kind: 'other' };
}

// The length of the header that a safetensors file begins with, 8 bytes with the lowest first; null where that is none.
function headerLength(head) {
  if (head.length < 9) return null;
  const length = new DataView(head.buffer, head.byteOffset, 8).getBigUint64(0, true);
  return length <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(length) : null;
}

/** Pickles of the protocols 2 to 5, as torch wrote them before it wrote zip archives. */
const isPickle = (head) => head[0] === 0x80 && head[1] >= 2 && head[1] <= 5;

async function safetensors(source, length) {
  const { name } = source;
  if (length > MAX_TEXT_BYTES) return bad('bad-file', `${name} has a header of ${length} bytes, and no safetensors file of a model has one of more than ${MAX_TEXT_BYTES}. Download it again.`);
  let header;
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(await source.read(8, length)));
  } catch (error) {
    if (error.code !== undefined) throw error;
    return bad('bad-file', `${name} is no safetensors file: its header is not JSON. Download it again.`);
  }
  const names = Object.keys(header ?? {}).filter((key) => key !== '__metadata__');
  if (names.some((key) => key === 'W_enc' || key === 'W_dec')) return { kind: 'sae-weights' };
  if (names.length === 1 && names[0] === 'sparsity') return { kind: 'sparsity' };
  if (names.some((key) => /^(transformer\.)?(wte\.|wpe\.|h\.\d+\.|ln_f\.)/.test(key))) return { kind: 'weights' };
  return bad('unsupported-architecture', `${name} holds tensors (${names.slice(0, 3).join(', ')}${names.length > 3 ? ', …' : ''}) that belong neither to a GPT-2 nor to a SAELens autoencoder.`);
}

/** The kind of a JSON file by its bytes. */
export function json(name, bytes) {
  let value;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    return bad('bad-file', `${name} is not JSON: ${error.message}. Download it again.`);
  }
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return { kind: 'other' };
  if (typeof value.weight_map === 'object' && value.weight_map !== null) {
    return { kind: 'index', shards: [...new Set(Object.values(value.weight_map).filter((shard) => typeof shard === 'string'))] };
  }
  if (value.model?.vocab !== undefined) return { kind: 'tokenizer' };
  if (typeof value.act_name === 'string' && (value.dict_size ?? value.d_hidden) !== undefined) return { kind: 'pair-cfg', ...pairCfg(value) };
  if (value.d_in !== undefined || value.d_sae !== undefined || name === 'cfg.json') return { kind: 'cfg', ...cfg(value) };
  if (typeof value.model_type === 'string' || value.n_embd !== undefined) return config(name, value);
  const keys = Object.keys(value);
  if (keys.length >= 100 && Number.isInteger(value[keys[0]]) && Number.isInteger(value[keys[keys.length - 1]])) return { kind: 'vocab' };
  return { kind: 'other' };
}

function config(name, { model_type: type = 'gpt2', n_layer: layers, n_embd: dModel, vocab_size: vocab, n_positions, n_ctx }) {
  if (type !== 'gpt2') return bad('unsupported-architecture', `${name} says that this is a ${type} model. Only GPT-2 models can be loaded.`);
  return { kind: 'config', layers, dModel, vocab, context: n_positions ?? n_ctx };
}

function cfg(value) {
  const { metadata = {} } = value;
  const kwargs = value.activation_fn_kwargs ?? {};
  const activation = value.activation_fn ?? value.activation_fn_str;
  return {
    architecture: activation === 'topk' ? 'topk' : (value.architecture ?? 'standard'),
    dIn: value.d_in,
    dSae: value.d_sae,
    k: value.k ?? kwargs.k ?? null,
    hook: text(value.hook_name ?? value.hook_point ?? metadata?.hook_name),
    model: text(value.model_name ?? metadata?.model_name),
  };
}

const pairCfg = (value) => ({ architecture: 'standard', dIn: value.act_size, dSae: value.dict_size ?? value.d_hidden, k: null, hook: text(value.act_name), model: text(value.model_name) });
const text = (value) => (typeof value === 'string' ? value : null);

function firstCharacter(head) {
  const at = head.findIndex((byte) => ![0x20, 0x09, 0x0a, 0x0d, 0xef, 0xbb, 0xbf].includes(byte));
  return at < 0 ? '' : String.fromCharCode(head[at]);
}

// GPT-2's merges: pairs of tokens, one a line, after a line with the version or none.
function isMerges(head, size) {
  const lines = new TextDecoder().decode(head.subarray(0, 2000)).split('\n');
  const whole = size <= 2000 ? lines : lines.slice(0, -1);
  const pairs = whole.filter((line) => line !== '' && !line.startsWith('#version'));
  return pairs.length > 1 && pairs.every((line) => /^\S+ \S+\r?$/.test(line));
}

const bad = (code, message) => ({ kind: 'bad', code, message });
