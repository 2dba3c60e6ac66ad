// The engine on the CPU, in a browser without WebGPU, against the reference fixtures.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { FIXTURES } from '../support/demo.js';
import { launch, openBare } from '../support/chromium.js';
import { assertEdit, assertParity, openDemo } from '../support/parity.js';
import { serve } from '../support/server.js';

let server;
let browser;
let page;
before(async () => {
  server = await serve();
  browser = await launch({ webgpu: false });
  page = await openBare(browser, server);
});
after(async () => {
  await browser?.close();
  await server?.close();
});

test('"auto" runs on the CPU and says so', async () => {
  const info = await openDemo(page, { backend: 'auto' });
  assert.equal(info.backend, 'cpu');
  const notices = await page.evaluate(async () => {
    const told = [];
    const other = await SaeExplorer.create({ onNotice: ({ code }) => told.push(code) });
    await other.dispose();
    return told;
  });
  assert.deepEqual(notices, ['no-webgpu']);
});

test('"gpu" is refused with what is missing', async () => {
  const fault = await page.evaluate(() => window.fault(SaeExplorer.create({ backend: 'gpu' })));
  assert.equal(fault.code, 'no-webgpu');
  assert.match(fault.message, /WebGPU/);
});

for (const name of FIXTURES) {
  test(`${name}: every number`, () => assertParity(page, name));
  test(`${name}: greedy continuation, all of it`, async () => {
    const { same, told, ids, reference } = await page.evaluate((fixture) => parity.greedy(engine, fixture, 40), name);
    assert.ok(same, `got ${ids}, want ${reference}`);
    assert.ok(told);
  });
}

test('one latent set to a value, in every variant', async () => {
  for (const edit of ['edit', 'edit_sparse']) {
    for (const variant of ['ablate_ge1', 'clamp2x_ge1', 'clamp2x_all']) await assertEdit(page, 'fairy', 'openai.layer_3', edit, variant);
  }
});

test('SAELens folders, by URL and as files', async () => {
  const ids = await page.evaluate(async () => {
    const at = (path) => new URL(`fixtures/saelens/${path}`, document.baseURI);
    const relu = await engine.loadSae(at('blocks.3.hook_resid_post_relu'), { id: 'relu' });
    const names = ['cfg.json', 'sae_weights.safetensors'];
    const files = await Promise.all(
      names.map(async (name) => new File([await (await fetch(at(`blocks.3.hook_resid_post/${name}`))).blob()], name)),
    );
    const topk = await engine.loadSae(files, { id: 'topk' });
    return [relu, topk];
  });
  assert.deepEqual(ids.map(({ id, hook, architecture, nLatents, dIn, normalization }) => ({ id, hook, architecture, nLatents, dIn, normalization })), [
    { id: 'relu', hook: 'blocks.3.hook_resid_post', architecture: 'standard', nLatents: 4096, dIn: 256, normalization: 'none' },
    { id: 'topk', hook: 'blocks.3.hook_resid_post', architecture: 'topk', nLatents: 4096, dIn: 256, normalization: 'layer_norm' },
  ]);
  await assertParity(page, 'fairy', { saes: { relu: 'saelens.blocks.3.relu', topk: 'openai.layer_3' } });
});
