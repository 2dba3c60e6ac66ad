// The example in the package's README runs as it stands.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';

import { launch, newPage } from '../support/chromium.js';
import { root, serve } from '../support/server.js';

test('the example of the README', async (t) => {
  const server = await serve();
  const browser = await launch({ webgpu: false });
  t.after(async () => {
    await browser.close();
    await server.close();
  });
  const readme = await readFile(join(root, 'pkg/README.md'), 'utf8');
  const [, example] = /```html\n([\s\S]*?)```/.exec(readme);
  const finished = example.replace('await explorer.dispose();', "await explorer.dispose();\n  document.title = 'finished';");
  assert.notEqual(finished, example);
  server.files.set('readme.html', Buffer.from(`<!doctype html><html lang="en"><link rel="icon" href="data:,">${finished}`));
  const page = await newPage(browser);
  const said = [];
  page.on('console', (message) => said.push(message.text()));
  await page.goto(server.url('readme.html'));
  await page.waitForFunction(() => document.title === 'finished');
  assert.deepEqual(page.seen.errors, []);
  const all = said.join('\n');
  for (const expected of [/^engine \d/m, /^model \d/m, /^sae \d/m, / king strongest latent \d+ \d/, /^loss \d.* with the reconstruction \d/m, /^pushes up /m]) {
    assert.match(all, expected);
  }
});
