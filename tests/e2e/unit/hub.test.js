// Links as people write them, what lies behind them, and what loading takes from it.

import assert from 'node:assert/strict';
import { before, beforeEach, test } from 'node:test';

import { Files } from '../../../pkg/files.js';
import { listRepository, parseLink, resolveUrl } from '../../../pkg/hub.js';
import { modelFiles, saeFiles } from '../../../pkg/load.js';
import { fromLink } from '../../../pkg/offers.js';
import { CFG, MERGES, PAIR_CFG, PT, VOCAB, below, gpt2, saelens, shardedGpt2 } from '../support/layouts.js';
import { installFakeCaches } from './fake-cache.js';
import { connections } from './fetcher.js';
import { freshHub } from './host.js';

const hub = await freshHub();
before(() => {
  hub.repo('a/gpt2', { ...gpt2(), 'README.md': 'text', ...below('onnx', { 'config.json': { model_type: 'gpt2' } }) });
  hub.repo('a/sharded', shardedGpt2({ 'tokenizer.json': null, 'vocab.json': VOCAB, 'merges.txt': MERGES }));
  hub.repo('a/saes', { ...below('layer_0', saelens()), ...below('layer_1.pt', saelens()), 'README.md': 'text' });
  hub.repo('a/pairs', { 'x_v1.pt': PT, 'x_v1_cfg.json': PAIR_CFG, 'y.pt': PT });
  hub.repo('a/many', Object.fromEntries(Array.from({ length: 130 }, (_, index) => [`f${index}.txt`, 'x'])));
  hub.repo('a/nothing', { 'README.md': 'text' });
  hub.repo('a/unlisted', { ...gpt2(), ...below('sae', saelens()), 'one.pt': PT }, { listing: false });
  for (const [path, content] of Object.entries({ ...below('plain/gpt2', gpt2()), ...below('plain/parts', shardedGpt2()), ...below('plain/sae', saelens()), ...below('plain/sae.pt', saelens()), 'plain/one.pt': PT, 'plain/text.pt': 'text' })) hub.put(path, content);
});
beforeEach(() => void installFakeCaches());

const means = () => {
  const files = new Files(assert.fail, { waits: [1], connections: connections() });
  const device = { backend: 'gpu', deviceBytes: 0, memoryBudget: 1e9 };
  return { files, device, mirror: hub.origin, open: (file) => files.open(file) };
};
// The same server by another name, so that it is no mirror.
const plain = (path) => `${hub.origin.replace('127.0.0.1', 'localhost')}/plain/${path}`;
const follow = (link) => fromLink(link, means());

test('links', () => {
  const cases = {
    'a/b': { repo: 'a/b', revision: 'main', path: '' },
    'a/b:c/d.pt': { repo: 'a/b', revision: 'main', path: 'c/d.pt' },
    'a/b@v1:c/': { repo: 'a/b', revision: 'v1', path: 'c' },
    ' https://huggingface.co/a/b ': { repo: 'a/b', revision: 'main', path: '' },
    'https://hf.co/a/b/tree/main': { repo: 'a/b', revision: 'main', path: '' },
    'https://huggingface.co/a/b/tree/v1/x/y': { repo: 'a/b', revision: 'v1', path: 'x/y' },
    'https://huggingface.co/a/b/blob/refs%2Fpr%2F1/x.pt': { repo: 'a/b', revision: 'refs/pr/1', path: 'x.pt' },
    'https://huggingface.co/a/b/resolve/main/x%20y.pt?download=true#top': { repo: 'a/b', revision: 'main', path: 'x y.pt' },
    'http://mirror.example/hf/a/b/tree/main/x': { repo: 'a/b', revision: 'main', path: 'x' },
    'http://mirror.example/other/thing.pt': { url: 'http://mirror.example/other/thing.pt' },
    'http://host:8080/models/gpt2/?key=secret#x': { url: 'http://host:8080/models/gpt2/?key=secret' },
  };
  for (const [text, expected] of Object.entries(cases)) assert.deepEqual(parseLink(text, 'http://mirror.example/hf/'), expected, text);
  // A mirror's host may serve files in folders as well; Hugging Face has nothing but repositories.
  for (const text of ['http://mirror.example/hf/a/x.pt', 'http://mirror.example/hf/a/cfg.json', 'http://mirror.example/hf/x.pt']) {
    assert.deepEqual(parseLink(text, 'http://mirror.example/hf/'), { url: text });
  }
  assert.deepEqual(parseLink('https://huggingface.co/a/x.pt'), { repo: 'a/x.pt', revision: 'main', path: '' });
  for (const text of ['', 'gpt2', '/a/b', 'a/b/c', '../a', 'a/b:../c', 'a/b:c//d', 'ftp://host/x', 'https://huggingface.co/gpt2', 'https://huggingface.co/datasets/a/b', 'https://huggingface.co/a/b/resolve/main/..%2Fx', 'https://']) {
    assert.throws(() => parseLink(text), { code: 'bad-option', message: /cannot be followed/ }, text);
  }
  assert.equal(resolveUrl('http://m/', { repo: 'a/b', revision: 'refs/pr/1', path: 'c d/e+f.pt' }), 'http://m/a/b/resolve/refs%2Fpr%2F1/c%20d/e%2Bf.pt');
});

test("a repository's list of files gives lengths and hashes, page by page", async () => {
  const { files } = means();
  const listed = await listRepository(files, hub.origin, { repo: 'a/many' });
  assert.equal(listed.size, 130);
  assert.equal(hub.asked().length, 3);
  const saes = await listRepository(files, hub.origin, { repo: 'a/saes' });
  const weights = saes.get('layer_0/sae_weights.safetensors');
  assert.match(weights.hash, /^sha256-[0-9a-f]{64}$/);
  assert.match(saes.get('README.md').hash, /^git-[0-9a-f]{40}$/);
  assert.equal(weights.url, hub.url('a/saes/resolve/main/layer_0/sae_weights.safetensors'));
  assert.equal(await listRepository(files, hub.origin, { repo: 'a/unlisted' }), null);
  assert.equal(await listRepository(files, hub.origin, { repo: 'a/none' }), null);
  hub.misbehave(/^api/, { status: 503 });
  assert.equal(await listRepository(files, hub.origin, { repo: 'a/gpt2' }), null, 'the usual names will tell');
  hub.rules = [];
  hub.offline = true;
  assert.equal((await listRepository(files, hub.origin, { repo: 'a/many' })).size, 130, 'the list is stored');
  assert.equal(await listRepository(files, hub.origin, { repo: 'a/gpt2' }), null);
});

test('what lies behind links to repositories', async () => {
  const model = await follow('a/gpt2');
  assert.deepEqual(model.models.map(({ name, summary, source }) => [name, summary, source]), [['gpt2', 'GPT-2, 2 layers of width 8, 0.0 MB', { repo: 'a/gpt2', revision: 'main', path: '' }]]);
  assert.deepEqual([model.saes, model.problems], [[], []]);
  assert.equal((await follow(hub.url('a/gpt2/blob/main/model.safetensors'))).models.length, 1);
  assert.equal((await follow('a/sharded')).models.length, 1);
  const { saes } = await follow('a/saes');
  assert.deepEqual(saes.map(({ name, hook, summary, source }) => [name, hook, summary, source.path]), [
    ['layer_0', 'blocks.1.hook_resid_post', 'TopK, 32 latents of width 8, k = 4', 'layer_0'],
    ['layer_1.pt', 'blocks.1.hook_resid_post', 'TopK, 32 latents of width 8, k = 4', 'layer_1.pt'],
  ]);
  assert.deepEqual((await follow('a/saes:layer_1.pt')).saes.map(({ name }) => name), ['layer_1.pt']);
  assert.deepEqual((await follow('a/saes:layer_0/cfg.json')).saes.map(({ name }) => name), ['layer_0']);
  const pairs = await follow('a/pairs');
  assert.deepEqual(pairs.saes.map(({ name, hook, source }) => [name, hook, source.path]), [['x_v1', 'blocks.0.attn.hook_z', 'x_v1.pt'], ['y', null, 'y.pt']]);
  assert.deepEqual((await follow('a/pairs:x_v1.pt')).saes.map(({ hook }) => hook), ['blocks.0.attn.hook_z']);
  assert.equal((await follow('a/nothing')).problems.length, 1);
  await assert.rejects(follow('a/saes:layer_7'), { code: 'missing-file', message: /a\/saes:layer_7/ });
});

test('what lies behind links to other hosts, and to mirrors without lists', async () => {
  for (const base of [true, false]) {
    const link = (path) => (base ? plain(path) : `a/unlisted:${path}`);
    const [sae] = (await follow(link('sae'))).saes;
    assert.deepEqual([sae.name, sae.hook], ['sae', 'blocks.1.hook_resid_post']);
    assert.deepEqual((await follow(link('one.pt'))).saes.map(({ name, hook }) => [name, hook]), [['one', null]]);
    await assert.rejects(follow(link('none')), { code: 'missing-file', message: /neither a model.*nor an SAE/ });
  }
  assert.equal((await follow('a/unlisted')).models[0].name, 'unlisted');
  assert.deepEqual((await follow(plain('gpt2'))).models.map(({ name, source }) => [name, source]), [['gpt2', plain('gpt2/')]]);
  assert.deepEqual((await follow(plain('sae.pt'))).saes.map(({ name }) => name), ['sae.pt']);
  assert.deepEqual((await follow(plain('text.pt'))).problems.map(({ code }) => code), ['bad-file']);
});

test('a model from a repository, by its list or by the usual names', async () => {
  for (const source of [{ repo: 'a/gpt2' }, { repo: 'a/unlisted' }, { folder: plain('gpt2/') }, { folder: hub.url('a/gpt2/tree/main') }]) {
    const { config, tokenizer, weights, index } = await modelFiles(source, means());
    assert.equal(JSON.parse(new TextDecoder().decode(config)).n_layer, 2);
    assert.ok(tokenizer.length > 0);
    assert.deepEqual([weights.map(({ name }) => name), index], [['model.safetensors'], undefined]);
  }
  for (const source of [{ repo: 'a/sharded' }, { folder: plain('parts/') }]) {
    const { weights, index } = await modelFiles(source, means());
    assert.deepEqual(weights.map(({ name }) => name), ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors']);
    assert.ok(index.length > 0);
  }
  await assert.rejects(modelFiles({ repo: 'a/nothing' }, means()), { code: 'missing-file', message: /config\.json.*a\/nothing:config\.json/ });
  hub.put('plain/lying/model.safetensors.index.json', { weight_map: { a: '../../x' } });
  for (const name of ['config.json', 'tokenizer.json']) hub.put(`plain/lying/${name}`, gpt2()[name]);
  await assert.rejects(modelFiles({ folder: plain('lying/') }, means()), { code: 'bad-file', message: /weight_map/ });
});

test('an SAE from a repository, by its list or by the usual names', async () => {
  for (const source of [{ repo: 'a/saes', path: 'layer_0' }, { repo: 'a/saes', path: 'layer_1.pt' }]) {
    const { name, cfg, weights } = await saeFiles(source, means());
    assert.equal(name, source.path);
    assert.ok(cfg.length > 0);
    assert.equal(weights.name, 'sae_weights.safetensors');
  }
  assert.ok(hub.asked().every((path) => !path.includes('sparsity')), 'what nothing shows is not asked for');
  for (const source of [{ repo: 'a/unlisted', path: 'sae' }, { url: plain('sae') }, { url: plain('sae.pt') }]) {
    assert.equal((await saeFiles(source, means())).weights.name, 'sae_weights.safetensors');
  }
  const pair = await saeFiles({ repo: 'a/pairs', path: 'x_v1.pt' }, means());
  assert.equal(pair.pt.name, 'x_v1.pt');
  assert.equal(JSON.parse(new TextDecoder().decode(pair.cfg)).act_size, 8);
  assert.equal((await saeFiles({ url: plain('one.pt') }, means())).cfg, undefined);
  await assert.rejects(saeFiles({ repo: 'a/saes' }, means()), { code: 'missing-file', message: /a\/saes is no SAE.*There are 2.*a\/saes:layer_0/ });
  await assert.rejects(saeFiles({ url: plain('text.pt') }, means()), { code: 'bad-file', message: /text\.pt/ });
});

test('what was loaded from a repository is there without the host', async () => {
  const load = async () => {
    const { weights } = await modelFiles({ repo: 'a/gpt2' }, means());
    const bytes = await weights[0].read(0, weights[0].size);
    await weights[0].close();
    return bytes.length;
  };
  const length = await load();
  hub.requests.length = 0;
  assert.equal(await load(), length);
  assert.deepEqual(hub.asked(), ['api/models/a/gpt2/revision/main', 'api/models/a/gpt2/tree/main'], 'only the list is asked for again');
  hub.offline = true;
  assert.equal(await load(), length);
});

test('what is behind a link is held against the room there is, as far as it tells what it needs', async () => {
  const wide = { d_in: 768, d_sae: 262_144 };
  const large = (bytes) => ({ size: bytes, at: (from, to) => PT.subarray(from, to) });
  hub.repo('a/sizes', { ...below('wide', saelens({ 'cfg.json': { ...CFG, ...wide } })), ...below('small', saelens()), 'own.pt': large(13e9), 'tiny.pt': PT });
  const judged = async (link) => {
    const { saes } = await follow(link);
    return Object.fromEntries(saes.map(({ name, fits }) => [name, [fits.ok, fits.streamed]]));
  };
  // A folder of SAELens must fit whole; a .pt of this size may be one that can stay where it is.
  assert.deepEqual(await judged('a/sizes'), { wide: [false, false], small: [true, false], own: [true, true], tiny: [true, false] });
  const [model] = (await follow('a/gpt2')).models;
  assert.ok(model.fits.ok);
});
