// Every WGSL file compiles in Chrome's compiler, and makes a pipeline on a device with nothing but the default limits.

import assert from 'node:assert/strict';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';

import { launch, newPage } from '../support/chromium.js';
import { root, serve } from '../support/server.js';

const folder = join(root, 'shaders');

/** A shader with the parts that its lines `// import shared/NAME.wgsl` stand for, as `crates/kernels/src/kernel/source.rs` has it. */
async function source(name) {
  const lines = (await readFile(join(folder, name), 'utf8')).split('\n');
  const parts = lines.map((line) => {
    const part = /^\/\/ import (shared\/\w+\.wgsl)$/.exec(line)?.[1];
    return part === undefined ? line : source(part);
  });
  return (await Promise.all(parts)).join('\n');
}

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
  const names = (await readdir(folder)).filter((name) => name.endsWith('.wgsl'));
  assert.ok(names.length > 0, 'there are no shaders');
  for (const name of names) {
    await t.test(name, async () => {
      const errors = await page.evaluate((code) => compile(code), await source(name));
      assert.deepEqual(errors, []);
    });
  }
  await t.test('a file with an error is found out', async () => {
    const errors = await page.evaluate(() => compile('@compute @workgroup_size(1) fn main() { let x: u32 = 1.5; }'));
    assert.notDeepEqual(errors, []);
  });
});
