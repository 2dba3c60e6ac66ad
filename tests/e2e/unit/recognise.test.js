// Files of this device, recognised by their content: what they hold, and what is missing or not understood.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { droppedFiles } from '../../../pkg/drop.js';
import { Files } from '../../../pkg/files.js';
import { kindOf } from '../../../pkg/kinds.js';
import { modelFiles, saeFiles } from '../../../pkg/load.js';
import { fromFiles } from '../../../pkg/offers.js';
import { fileList } from '../../../pkg/sources.js';
import { GPT2_CONFIG, MERGES, PAIR_CFG, PT, VOCAB, below, gpt2, saelens, shardedGpt2, zeros } from '../support/layouts.js';
import './node-18.js';

const bytesOf = (content) => (Buffer.isBuffer(content) || typeof content === 'string' ? content : JSON.stringify(content));
const chosen = (files) => Object.entries(files).map(([path, content]) => ({ file: new File([bytesOf(content)], path.split('/').at(-1)), path }));
const means = () => {
  const files = new Files(assert.fail);
  return { files, mirror: null, open: (file) => files.open(file) };
};
const found = (files) => fromFiles(fileList(chosen(files)), means());

async function refused(files, code, message, path) {
  const { models, saes, problems } = await found(files);
  assert.deepEqual([models, saes], [[], []]);
  assert.equal(problems.length, 1, JSON.stringify(problems));
  assert.equal(problems[0].code, code);
  assert.match(problems[0].message, message);
  if (path !== undefined) assert.equal(problems[0].file, path);
}

test('a folder of a model', async () => {
  const { models, saes, problems } = await found(below('my model', { ...gpt2(), 'README.md': 'text', 'generation_config.json': {}, 'tokenizer_config.json': { model_max_length: 1024 } }));
  assert.deepEqual([models.length, saes, problems], [1, [], []]);
  assert.equal(models[0].name, 'my model');
  assert.match(models[0].summary, /2 layers of width 8/);
  assert.deepEqual(models[0].files.map((path) => path.split('/')[1]).sort(), ['config.json', 'model.safetensors', 'tokenizer.json']);
  const { config, tokenizer, weights } = await modelFiles({ files: fileList(models[0].source.files) }, means());
  assert.ok(config.length > 0 && tokenizer.length > 0);
  assert.equal(weights[0].name, 'model.safetensors');
});

test('a model in parts, with GPT-2 tokenizer files, whatever their names', async () => {
  const parts = shardedGpt2({ 'tokenizer.json': null, 'words.json': VOCAB, 'pairs.txt': MERGES });
  const { models, problems } = await found(parts);
  assert.deepEqual(problems, []);
  const { vocab, merges, index, weights } = await modelFiles({ files: fileList(models[0].source.files) }, means());
  assert.ok(vocab.length > 0 && merges.length > 0 && index.length > 0);
  assert.deepEqual(weights.map(({ name }) => name), ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors']);
});

test('what a model lacks is said by name', async () => {
  await refused(gpt2({ 'config.json': null }), 'missing-file', /model\.safetensors.*no config\.json/, 'model.safetensors');
  await refused(gpt2({ 'model.safetensors': null }), 'missing-file', /no model\.safetensors/);
  await refused(gpt2({ 'tokenizer.json': null, 'vocab.json': VOCAB }), 'missing-file', /tokenizer\.json nor vocab\.json with merges\.txt/);
  await refused(shardedGpt2({ 'model-00002-of-00002.safetensors': null }), 'missing-file', /not there: model-00002-of-00002\.safetensors/);
  await refused(shardedGpt2({ 'model.safetensors.index.json': null }), 'missing-file', /model\.safetensors\.index\.json.*is not there/);
  await refused({ 'config.json': { ...GPT2_CONFIG, model_type: 'llama' } }, 'unsupported-architecture', /llama/);
});

test('SAEs of several folders and files at once', async () => {
  const { models, saes, problems } = await found({
    ...below('drop/gpt2', gpt2()),
    ...below('drop/layer 1', saelens()),
    ...below('drop/layer 2', saelens({ 'sparsity.safetensors': null, 'cfg.json': { d_in: 8, d_sae: 32, hook_point: 'blocks.2.hook_resid_pre', activation_fn_str: 'topk', activation_fn_kwargs: { k: 3 } } })),
    ...below('drop', { 'z.pt': PT, 'z_cfg.json': PAIR_CFG, 'layer_3.pt': PT }),
  });
  assert.deepEqual(problems, []);
  assert.deepEqual(models.map(({ name }) => name), ['gpt2']);
  const told = saes.map(({ name, hook, summary, files }) => [name, hook, summary, files.length]).sort();
  assert.deepEqual(told, [
    ['layer 1', 'blocks.1.hook_resid_post', 'TopK, 32 latents of width 8, k = 4', 3],
    ['layer 2', 'blocks.2.hook_resid_pre', 'TopK, 32 latents of width 8, k = 3', 2],
    ['layer_3', null, 'torch .pt file', 1],
    ['z', 'blocks.0.attn.hook_z', 'ReLU, 16 latents of width 8', 2],
  ]);
  for (const { source, name } of saes) {
    const loaded = await saeFiles({ files: fileList(source.files) }, means());
    assert.ok((loaded.pt ?? loaded.weights).size > 0, name);
  }
});

test('what an SAE lacks is said by name', async () => {
  await refused({ 'cfg.json': saelens()['cfg.json'] }, 'missing-file', /sae_weights\.safetensors is not beside it/);
  await refused({ 'sae_weights.safetensors': saelens()['sae_weights.safetensors'] }, 'missing-file', /cfg\.json is not beside it/);
  await refused({ 'x_cfg.json': PAIR_CFG }, 'missing-file', /\.pt file of the same name/);
});

test('what is not understood is said by name', async () => {
  await refused({ 'model.safetensors': zeros({ W_enc: [2, 2] }).subarray(0, 20) }, 'bad-file', /model\.safetensors is cut off/);
  await refused({ 'x.safetensors': zeros({ 'conv.weight': [2, 2] }) }, 'unsupported-architecture', /conv\.weight/);
  const noJson = zeros({ W_enc: [2, 2] });
  noJson[9] = 0x7b;
  await refused({ 'x.safetensors': noJson }, 'bad-file', /header is not JSON/);
  await refused({ 'config.json': '{"model_type": ' }, 'bad-file', /config\.json is not JSON/);
  await refused({ 'config.json': '<!doctype html>' }, 'bad-file', /config\.json is not JSON/);
  await refused({ 'x.pt': Buffer.from([0x80, 0x02, 0x8a]) }, 'bad-file', /old version of torch/);
  await refused({ 'x.safetensors': 'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n' }, 'bad-file', /Git LFS pointer/);
  await refused({ 'x.bin': 'anything' }, 'bad-file', /neither safetensors nor a torch \.pt/);
  await refused({ 'notes.txt': 'text\n' }, 'bad-file', /belongs neither to a model nor to an autoencoder/);
  await refused({ 'empty.pt': '' }, 'bad-file', /empty\.pt/);
});

// A safetensors file whose header has so many bytes, padded with spaces as writers do.
function withHeaderOf(length) {
  const json = JSON.stringify({ W_enc: { dtype: 'F32', shape: [1, 1], data_offsets: [0, 4] } });
  const header = Buffer.alloc(8 + length + 4, ' ');
  header.writeBigUInt64LE(BigInt(length));
  header.write(json, 8);
  return header.fill(0, 8 + length);
}

test('a safetensors file is one whatever the length of its header looks like', async () => {
  // 384 + 256n has the first bytes of a pickle, 0x4b50 those of a zip archive, 123 those of JSON.
  const lengths = [376, 384, 392, 640, 896, 1152, 1408].flatMap((length) => [0, 1, 2, 9].map((more) => length + 65_536 * more));
  for (const length of [...lengths, 0x4b50, 0x7b, 0x15b]) {
    const bytes = withHeaderOf(length);
    const source = (name) => ({ name, size: bytes.length, read: async (at, count) => new Uint8Array(bytes.subarray(at, at + count)) });
    for (const name of ['sae_weights.safetensors', 'renamed.pt', 'no ending']) {
      assert.deepEqual(await kindOf(source(name)), { kind: 'sae-weights' }, `${name} with a header of ${length} bytes`);
    }
  }
});

test('an old pickle is still called one, of every protocol', async () => {
  for (const protocol of [2, 3, 4, 5]) {
    const bytes = Uint8Array.of(0x80, protocol, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0x7b, 0x20, 0x6a);
    const { kind, message } = await kindOf({ name: 'x.pt', size: bytes.length, read: async () => bytes });
    assert.equal(kind, 'bad');
    assert.match(message, /old version of torch/);
  }
});

test('files that hold several SAEs are loaded one by one', async () => {
  const files = fileList(chosen({ 'a.pt': PT, 'b.pt': PT }));
  await assert.rejects(saeFiles({ files }, means()), { code: 'bad-option', message: /2 SAEs \(a, b\)/ });
  await assert.rejects(modelFiles({ files }, means()), { code: 'missing-file', message: /no model/ });
});

test('a drop gives its folders with the places of their files', async () => {
  const file = (name) => ({ isFile: true, fullPath: `/${name}`, file: (resolve) => resolve(new File(['x'], name.split('/').at(-1))) });
  const directory = (...entries) => ({ isDirectory: true, createReader: () => ({ batches: [entries.slice(0, 1), entries.slice(1), []], readEntries(resolve) { resolve(this.batches.shift()); } }) });
  const item = (entry) => ({ kind: 'file', webkitGetAsEntry: () => entry });
  const dropped = await droppedFiles({ items: [item(directory(file('sae/cfg.json'), directory(file('sae/deep/x')))), { kind: 'string' }, item(file('one.pt'))], files: [] });
  assert.deepEqual(dropped.map(({ path }) => path).sort(), ['one.pt', 'sae/cfg.json', 'sae/deep/x']);
  const plain = await droppedFiles({ files: [new File(['x'], 'a.pt')] });
  assert.deepEqual(plain.map(({ path }) => path), ['a.pt']);
});

test('lists of files that are none are refused', () => {
  for (const files of [[], 'x', null, [7], [{ path: 'a' }]]) assert.throws(() => fileList(files), { code: 'bad-option' });
});
