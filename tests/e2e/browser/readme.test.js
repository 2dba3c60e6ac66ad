// The example in the package's README runs as it stands, and the package does, as modules and as bundles.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';

import { launch, newPage, openBare } from '../support/chromium.js';
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

for (const [entry, others] of [['index.js', ['worker.js', 'fetcher.js', 'engine.js']], ['sae-explorer.bundle.js', ['worker.bundle.js', 'fetcher.bundle.js']]]) {
  test(`the package as it is published, from ${entry}`, async (t) => {
    const server = await serve();
    const browser = await launch({ webgpu: false });
    t.after(async () => {
      await browser.close();
      await server.close();
    });
    const page = await openBare(browser, server);
    server.requests.length = 0;
    const found = await page.evaluate(async (name) => {
      const at = (path) => new URL(path, document.baseURI);
      const { SaeExplorer: Explorer, SaeExplorerError } = await import(at(`package/${name}`));
      const explorer = await Explorer.create({ backend: 'cpu', demo: at('demo/demo.json'), catalogue: at('catalogue.json') });
      await explorer.loadModel('demo');
      const { tokens } = await explorer.trace('Once upon a time');
      const error = await explorer.feature('none', 0).catch((thrown) => thrown);
      await explorer.dispose();
      return { texts: tokens.map(({ text }) => text), known: error instanceof SaeExplorerError, code: error.code, name: error.name };
    }, entry);
    assert.deepEqual(found.texts.slice(-3), [' upon', ' a', ' time']);
    assert.deepEqual([found.known, found.code, found.name], [true, 'unknown-sae', 'SaeExplorerError']);
    const asked = server.requests.map((one) => one.replace('GET ', '')).filter((path) => path.startsWith('package/'));
    for (const name of [entry, ...others, 'engine_bg.wasm']) assert.ok(asked.includes(`package/${name}`), `${name} of ${asked}`);
    if (entry.includes('bundle')) assert.equal(asked.length, 4, asked.join());
    assert.deepEqual(page.seen.errors, []);
  });
}
