// The site's catalogue: whole, true to the shapes, and honest about what fits.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';

import { catalogueModel, catalogueSae, checkCatalogue, fits, judged, modelDeviceBytes, saeDeviceBytes, saeFits, streamedDeviceBytes } from '../../../pkg/catalogue.js';
import { SAMPLE_TEXT } from '../../../pkg/index.js';

const read = (path) => readFile(new URL(`../../../${path}`, import.meta.url), 'utf8');
const catalogue = checkCatalogue(JSON.parse(await read('web/catalogue.json')), 'catalogue.json');
const GIB = 2 ** 30;
const device = (changes) => ({ backend: 'gpu', deviceBytes: 0, memoryBudget: null, deviceMemory: 8, ...changes });

test('every published release is there', () => {
  assert.equal(catalogue.saes.length, 20);
  assert.deepEqual(catalogue.models.map(({ id }) => id), ['gpt2', 'gpt2-medium', 'gpt2-large', 'gpt2-xl', 'distilgpt2']);
  const ids = catalogue.saes.map(({ id }) => id);
  for (const size of ['32k', '128k']) for (const place of ['resid-post', 'resid-mid', 'attn-out', 'mlp-out']) assert.ok(ids.includes(`oai-v5-${size}-${place}`));
  for (let latents = 768; latents <= 98_304; latents *= 2) assert.ok(ids.includes(`res-jb-splitting-${latents}`));
  for (const id of ['res-jb', 'res-jb-final', 'attn-kk', 'attn-kk-49k']) assert.ok(ids.includes(id), id);
});

test('sizes follow from the shapes', () => {
  for (const { id, parameters, layers, dModel, vocab, context, bytes } of catalogue.models) {
    assert.equal(parameters, vocab * dModel + context * dModel + layers * (12 * dModel ** 2 + 13 * dModel) + 2 * dModel, id);
    // Hugging Face's files hold each layer's causal mask as well.
    const stored = 4 * (parameters + layers * context ** 2);
    assert.ok(bytes > stored && bytes < stored + 100_000, id);
  }
  for (const { id, dIn, dSae, bytes, hook, layers } of catalogue.saes) {
    const stored = 4 * (2 * dIn * dSae + dSae + dIn);
    assert.ok(bytes > stored && bytes < stored + 1000, id);
    assert.match(hook, /^blocks\.\{L\}\.(hook_(resid_(pre|mid|post)|attn_out|mlp_out)|attn\.hook_z)$/, id);
    assert.ok(layers.every((layer) => layer >= 0 && layer < 12), id);
  }
});

test('an SAE of each layer has a path and a hook', () => {
  for (const entry of catalogue.saes) {
    for (const layer of entry.layers) {
      const { source, hook } = catalogueSae(catalogue, { catalogue: entry.id, layer });
      assert.ok(!`${source.path} ${hook}`.includes('{'), source.path);
      assert.equal(source.repo, entry.repo);
      assert.ok(hook.startsWith(`blocks.${layer}.`));
    }
  }
  const { source, id } = catalogueSae(catalogue, { catalogue: 'oai-v5-32k-resid-post', layer: 8 });
  assert.deepEqual([source.path, id], ['v5_32k_layer_8.pt', 'oai-v5-32k-resid-post.8']);
  assert.equal(catalogueSae(catalogue, { catalogue: 'res-jb-splitting-768' }).source.path, 'blocks.8.hook_resid_pre_768');
  assert.match(catalogueSae(catalogue, { catalogue: 'attn-kk', layer: 8 }).source.path, /^gpt2-small_L8_Hcat_z.*\.pt$/);
  assert.deepEqual(catalogueModel(catalogue, 'gpt2').source, { repo: 'openai-community/gpt2', revision: 'main', path: '' });
});

test('what the catalogue does not have is refused with what it has', () => {
  assert.throws(() => catalogueModel(catalogue, 'llama'), { code: 'bad-option', message: /llama.*gpt2-medium/ });
  assert.throws(() => catalogueSae(catalogue, { catalogue: 'x' }), { code: 'bad-option' });
  assert.throws(() => catalogueSae(catalogue, { catalogue: 'res-jb' }), { code: 'bad-option', message: /name one of them/ });
  assert.throws(() => catalogueSae(catalogue, { catalogue: 'attn-kk', layer: 5 }), { code: 'bad-option', message: /none for 5/ });
});

test('a catalogue that its owner spoilt is refused by what is wrong with it', () => {
  const [model] = catalogue.models;
  const [sae] = catalogue.saes;
  const cases = [
    [null, /must be lists/],
    [{ models: {}, saes: [] }, /must be lists/],
    [{ models: [{ ...model, repo: 7 }], saes: [] }, /gpt2 has no text "repo"/],
    [{ models: [{ ...model, layers: 'x' }], saes: [] }, /gpt2 has no number "layers"/],
    [{ models: [model, model], saes: [] }, /two entries/],
    [{ models: [], saes: [{ ...sae, layers: [] }] }, /no list "layers"/],
    [{ models: [], saes: [{ ...sae, path: undefined }] }, /neither "path" nor "paths"/],
  ];
  for (const [value, message] of cases) assert.throws(() => checkCatalogue(value, 'u'), { code: 'bad-file', message });
  assert.equal(checkCatalogue({ mirror: 'https://m', models: [], saes: [] }, 'u').mirror, 'https://m');
});

test('what fits is told with both numbers', () => {
  assert.deepEqual(fits(1000, device({ memoryBudget: 1000 })), { ok: true, neededBytes: 1000, availableBytes: 1000, reason: null });
  const { ok, reason } = fits(2.1e9, device({ memoryBudget: 3e9, deviceBytes: 2e9 }));
  assert.equal(ok, false);
  assert.match(reason, /^needs 2\.1 GB of GPU memory, 1\.0 GB available/);
  assert.equal(fits(1, device({})).availableBytes, 4 * GIB);
  assert.equal(fits(1, device({ deviceMemory: undefined })).availableBytes, 2 * GIB);
  assert.match(fits(9e9, device({ deviceMemory: undefined })).reason, /estimate.*taken to be 4 GB/);
  assert.match(fits(9e9, device({ backend: 'cpu' })).reason, /^needs 9\.0 GB of memory,.*WebAssembly/);
  assert.equal(fits(1, device({ deviceBytes: 1e12 })).availableBytes, 0);
});

test('an SAE that does not fit whole can stay in its file', () => {
  const largest = { dIn: 768, dSae: 2_097_152, k: 32 };
  const [whole, streamed] = [saeDeviceBytes(largest), streamedDeviceBytes(largest)];
  assert.ok(whole > 12e9 && streamed < GIB, `${whole} ${streamed}`);
  assert.ok(streamed > 256 * 2 ** 20);
  const judgement = saeFits(whole, streamed, device({}));
  assert.deepEqual([judgement.ok, judgement.streamed, judgement.neededBytes], [true, true, streamed]);
  assert.match(judgement.reason, /^does not fit whole: needs 15\.0 GB of GPU memory, 4\.3 GB available .*stays in its file.*needs 0\.4 GB/);
  const small = { dIn: 768, dSae: 768 };
  assert.deepEqual(saeFits(saeDeviceBytes(small), streamedDeviceBytes(small), device({})).streamed, false);
  for (const [bytes, budget] of [[null, null], [streamed, 100e6]]) {
    const refused = saeFits(whole, bytes, device({ memoryBudget: budget }));
    assert.deepEqual([refused.ok, refused.streamed, refused.neededBytes], [false, false, whole]);
  }
  assert.ok(streamedDeviceBytes() >= streamed, 'without a shape it is the most that it can be');
  const entry = { ...catalogue.saes[0], ...largest };
  const [plain, own] = judged({ models: [], saes: [entry, { ...entry, streamable: true }] }, null, device({})).saes;
  assert.deepEqual([plain.fits.ok, own.fits.ok, own.fits.streamed], [false, true, true]);
});

test('every entry is judged', () => {
  const { models, saes, mirror } = judged(catalogue, 'https://m', device({}));
  assert.equal(mirror, 'https://m');
  const byId = Object.fromEntries([...models, ...saes].map((entry) => [entry.id, entry]));
  assert.ok(byId.gpt2.fits.ok && !byId['gpt2-xl'].fits.ok);
  assert.equal(byId.gpt2.deviceBytes, modelDeviceBytes(byId.gpt2));
  assert.equal(byId['res-jb'].deviceBytes, saeDeviceBytes(byId['res-jb']));
  assert.ok(byId.gpt2.deviceBytes > 4 * byId.gpt2.parameters && byId.gpt2.deviceBytes < 5 * byId.gpt2.parameters);
});

test('the sample text is the one that the engine has', async () => {
  assert.equal(SAMPLE_TEXT, await read('crates/explorer/src/sample_text.txt'));
});
