// How a first visit begins: what is requested, in how many waves, and that nothing comes twice.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { part, ready } from '../support/app.js';
import { newPage } from '../support/chromium.js';
import { asset } from '../support/server.js';
import { suite } from '../support/suite.js';
import { serveInWaves } from '../support/waves.js';

/** As many requests may follow one another until the first weights come. */
const WAVES = 5;
const WEIGHTS = 'demo/model/model.safetensors';

const { server, browser } = await suite({ webgpu: false });

test('the first weights come in one of the first waves of answers, and the page is ready in the end', async (t) => {
  const slow = await serveInWaves(server.origin);
  t.after(() => slow.close());
  const page = await newPage(browser);
  await page.goto(slow.url(''), { waitUntil: 'commit' });
  await ready(page);
  const shown = JSON.stringify(slow.waves, null, 1);
  const at = (path) => slow.waves.findIndex((paths) => paths.includes(path)) + 1;
  assert.ok(at(WEIGHTS) > 0 && at(WEIGHTS) <= WAVES, shown);
  // Engine and app come side by side, and nothing that they need comes after the weights.
  assert.ok(at(asset('engine.wasm')) <= at(WEIGHTS), shown);
  assert.equal(at(asset('app.wasm')), 2, shown);
  assert.equal(at(asset('worker.js')), 2, shown);
  assert.deepEqual(page.seen.errors, []);
  await page.context().close();
});

test('a first visit requests no file twice', async () => {
  server.requests.length = 0;
  const page = await newPage(browser);
  await page.goto(server.url(''));
  await ready(page);
  await page.waitForLoadState('networkidle');
  const counts = new Map();
  for (const one of server.requests) counts.set(one, (counts.get(one) ?? 0) + 1);
  const twice = [...counts].filter(([, count]) => count > 1);
  assert.deepEqual(twice, []);
  for (const path of [asset('engine.wasm'), asset('worker.js'), asset('fetcher.js'), WEIGHTS]) assert.ok(counts.has(`GET ${path}`), path);
  await page.context().close();
});

test('a second visit requests no code again', async () => {
  // The HTTP cache alone; with the service worker see offline.test.js.
  const page = await newPage(browser, { serviceWorkers: 'block' });
  await page.goto(server.url(''));
  await ready(page);
  server.requests.length = 0;
  const again = await page.context().newPage();
  await again.goto(server.url(''));
  await ready(again);
  assert.deepEqual(server.requests.filter((one) => one.includes('assets/')), []);
  assert.ok(server.requests.some((one) => one.endsWith('index.html')));
  await page.context().close();
});

test('a link to another model does not request the demo beforehand', async (t) => {
  // The app never comes, so that all requests are those made before it.
  server.rules = [{ match: new RegExp(asset('app.wasm')), status: 404 }];
  t.after(() => (server.rules = []));
  for (const [link, wanted] of [['', true], ['#model=demo&token=3', true], ['#model=gpt2', false]]) {
    server.requests.length = 0;
    const page = await newPage(browser);
    await page.goto(server.url(link));
    await part(page, 'error').waitFor();
    const asked = (path) => server.requests.includes(`GET ${path}`);
    while (!asked(asset('engine.wasm')) || (wanted && !asked(WEIGHTS))) await page.waitForTimeout(20);
    await page.waitForTimeout(wanted ? 0 : 300);
    assert.equal(asked(WEIGHTS), wanted, link);
    await page.context().close();
  }
});
