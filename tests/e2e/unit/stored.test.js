// What a stored file belongs to, and how much of each entry of the catalogue is stored.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';

import { checkCatalogue, judged } from '../../../pkg/catalogue.js';
import { layerPath, owners, withStored } from '../../../pkg/stored.js';

const catalogue = checkCatalogue(JSON.parse(await readFile(new URL('../../../web/catalogue.json', import.meta.url), 'utf8')), 'catalogue.json');
const HUB = 'https://huggingface.co';
const MIRROR = 'https://mirror.test/models';
const COMMIT = '0123456789abcdef0123456789abcdef01234567';
const owner = owners(catalogue, { mirror: MIRROR, demo: 'https://site.test/a/demo/demo.json' });

test('every layer of every release is known by the addresses of its files, from the publisher or a mirror', () => {
  for (const base of [HUB, MIRROR]) {
    for (const { id, repo } of catalogue.models) {
      for (const name of ['config.json', 'tokenizer.json', 'model.safetensors']) {
        assert.deepEqual(owner(`${base}/${repo}/resolve/${COMMIT}/${name}`), { model: id, sae: null, layer: null });
      }
    }
    for (const sae of catalogue.saes) {
      for (const layer of sae.layers) {
        const path = layerPath(sae, layer);
        const isFile = sae.id.startsWith('attn-kk');
        const files = isFile ? [path, path.replace(/\.pt$/, '_cfg.json')] : [`${path}/cfg.json`, `${path}/sae_weights.safetensors`];
        for (const file of files) {
          const url = `${base}/${sae.repo}/resolve/main/${file.split('/').map(encodeURIComponent).join('/')}`;
          assert.deepEqual(owner(url), { model: 'gpt2', sae: sae.id, layer }, url);
        }
      }
    }
  }
});

test('the demo is known by its folder, and what is of neither is of nobody', () => {
  assert.deepEqual(owner('https://site.test/a/demo/model/model.safetensors'), { model: 'demo', sae: null, layer: null });
  const nobody = { model: null, sae: null, layer: null };
  assert.deepEqual(owner('https://site.test/b/x.pt'), nobody);
  assert.deepEqual(owner(`${HUB}/somebody/else/resolve/main/cfg.json`), nobody);
  assert.deepEqual(owner(`${HUB}/jbloom/GPT2-Small-SAEs-Reformatted/resolve/main/README.md`), nobody);
  assert.deepEqual(owner('not an address'), nobody);
});

test('stored bytes are summed by entry and layer, and never above its size', () => {
  const url = (repo, path) => `${HUB}/${repo}/resolve/main/${path}`;
  const files = [
    { url: url('openai-community/gpt2', 'model.safetensors'), storedBytes: 16_000_000 },
    { url: url('openai-community/gpt2', 'config.json'), storedBytes: 665 },
    { url: url('jbloom/GPT2-Small-SAEs-Reformatted', 'blocks.8.hook_resid_pre/cfg.json'), storedBytes: 1000 },
    { url: url('jbloom/GPT2-Small-SAEs-Reformatted', 'blocks.8.hook_resid_pre/sae_weights.safetensors'), storedBytes: 1e12 },
    { url: url('somebody/else', 'x.pt'), storedBytes: 7 },
  ];
  const { models, saes } = withStored(catalogue, files, owner);
  assert.equal(models.find(({ id }) => id === 'gpt2').storedBytes, 16_000_665);
  assert.equal(models.find(({ id }) => id === 'distilgpt2').storedBytes, 0);
  const { layers, bytes, storedBytes } = saes.find(({ id }) => id === 'res-jb');
  assert.deepEqual(storedBytes, layers.map((layer) => (layer === 8 ? bytes : 0)));
  assert.deepEqual(saes.find(({ id }) => id === 'res-jb-final').storedBytes, [0]);
});

test('an SAE is judged together with its model, in the place of what is loaded', () => {
  const device = (memoryBudget, deviceBytes) => ({ backend: 'gpu', deviceBytes, memoryBudget, deviceMemory: 8 });
  const judge = (budget, loaded) => judged(catalogue, null, device(budget, loaded)).saes.find(({ id }) => id === 'res-jb');
  const { models } = judged(catalogue, null, device(null, 0));
  const model = models.find(({ id }) => id === 'gpt2').deviceBytes;
  const whole = model + judge(null, 0).deviceBytes;
  const { fitsWithModel } = judge(whole + 1, 0);
  assert.deepEqual([fitsWithModel.ok, fitsWithModel.neededBytes, fitsWithModel.availableBytes], [true, whole, whole + 1]);
  assert.equal(judge(whole - 1, 0).fitsWithModel.ok, false);
  assert.match(judge(whole - 1, 0).fitsWithModel.reason, /^needs .* available \(of the .* that were set\)$/);
  // The model before leaves when the new one is there: until then both are on the device.
  assert.equal(judge(whole + 1, whole + 1 - model).fitsWithModel.ok, true);
  assert.equal(judge(whole + 1, whole + 2 - model).fitsWithModel.ok, false);
  const alone = { models: [], saes: catalogue.saes.slice(0, 1) };
  assert.equal(judged(alone, null, device(null, 0)).saes[0].fitsWithModel, null);
});
