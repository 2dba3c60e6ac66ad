// The engine on WebGPU against the reference fixtures, with all of the adapter's limits and with the default ones.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { openBare } from '../support/chromium.js';
import { assertEdit, assertParity, openDemo } from '../support/parity.js';
import { suite } from '../support/suite.js';

const { server, browser } = await suite();

test('with the limits of the adapter', async (t) => {
  const page = await openBare(browser, server);
  const info = await openDemo(page, { backend: 'gpu' });
  await t.test('the engine says where it runs and what it holds', () => {
    assert.equal(info.backend, 'gpu');
    assert.match(info.adapter, /\S/);
    assert.equal(info.model.id, 'demo');
    assert.equal(info.saes.length, 3);
    assert.ok(info.deviceBytes > 13_000_000, `only ${info.deviceBytes} bytes on the device`);
  });
  await t.test('every number of a prompt', () => assertParity(page, 'fairy'));
  await t.test('the numbers of an odd prompt', () => assertParity(page, 'odd', { every: false }));
  await t.test('greedy continuation', async () => {
    const { same, told, ids, reference } = await page.evaluate(() => parity.greedy(engine, 'fairy', 6));
    assert.ok(same, `got ${ids}, want ${reference}`);
    assert.ok(told, 'onToken is told the tokens of the result');
  });
  await t.test('one latent set to a value', () => assertEdit(page, 'fairy', 'openai.layer_3', 'edit', 'clamp2x_ge1'));
  await t.test('a warm decoded token makes no buffer, bind group or pipeline, and takes one submit and one read-back', async () => {
    const counted = await page.evaluate(async () => {
      await engine.generate('Once upon a time', { maxTokens: 2 });
      const counts = [];
      for (const maxTokens of [2, 4]) {
        const before = (await engine.info()).counters;
        await engine.generate('Once upon a time', { maxTokens });
        const now = (await engine.info()).counters;
        counts.push(Object.fromEntries(Object.entries(now).map(([name, count]) => [name, count - before[name]])));
      }
      return counts;
    });
    const [two, four] = counted;
    const each = (name) => (four[name] - two[name]) / 2;
    assert.ok(each('dispatches') > 0 && each('dispatches') <= 7 * info.model.nLayers + 6, `${each('dispatches')} dispatches a token`);
    assert.equal(each('submits'), 1);
    assert.equal(each('readBacks'), 1);
    for (const made of ['buffers', 'bindGroups', 'pipelines']) assert.equal(each(made), 0, `${made} made for a token`);
  });
  await page.context().close();
});

test('with the limits that every WebGPU device has', async () => {
  const page = await openBare(browser, server);
  await openDemo(page, { backend: 'gpu', limits: 'default' });
  await assertParity(page, 'gloss', { every: false });
  await page.context().close();
});
