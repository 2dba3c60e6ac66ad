// Every WGSL file compiles in Chrome's compiler, and makes a pipeline on a device with nothing but the default limits.

import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';

import { launch, newPage } from '../support/chromium.js';
import { root, serve } from '../support/server.js';

test('shaders', async (t) => {
  const server = await serve();
  const browser = await launch();
  t.after(async () => {
    await browser.close();
    await server.close();
  });
  const page = await newPage(browser);
  await page.goto(server.url('bare.html'));
  await page.evaluate(async () => {
    const adapter = await navigator.gpu.requestAdapter();
    window.device = await adapter.requestDevice();
    window.compile = async (code) => {
      const module = device.createShaderModule({ code });
      const { messages } = await module.getCompilationInfo();
      const errors = messages.filter(({ type }) => type === 'error').map(({ lineNum, message }) => `line ${lineNum}: ${message}`);
      if (errors.length > 0) return errors;
      return device.createComputePipelineAsync({ layout: 'auto', compute: { module, entryPoint: 'main' } }).then(
        () => [],
        (error) => [error.message],
      );
    };
  });
  const names = (await readdir(join(root, 'shaders'), { recursive: true })).filter((name) => name.endsWith('.wgsl'));
  assert.ok(names.length > 0, 'there are no shaders');
  for (const name of names) {
    await t.test(name, async () => {
      const errors = await page.evaluate(async (path) => compile(await (await fetch(path)).text()), `shaders/${name}`);
      assert.deepEqual(errors, []);
    });
  }
  await t.test('a file with an error is found out', async () => {
    const errors = await page.evaluate(() => compile('@compute @workgroup_size(1) fn main() { let x: u32 = 1.5; }'));
    assert.notDeepEqual(errors, []);
  });
});
