// The site on its own server: the policies that it sends, and what they and the workers' own check keep workers from.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';

import { ready } from '../support/app.js';
import { launch, newPage } from '../support/chromium.js';
import { serveHub } from '../support/hub.js';
import { gpt2 } from '../support/layouts.js';
import { policyOf } from '../support/policy.js';
import { asset, dist, serve } from '../support/server.js';

let site;
let browser;
let hub;
let stranger;
before(async () => {
  [site, hub, stranger, browser] = await Promise.all([ownServer(), serveHub(), serveHub(), launch({ webgpu: false })]);
  hub.repo('a/gpt2', gpt2());
  stranger.put('secret', 'x');
});
after(async () => {
  await browser?.close();
  site?.process.kill();
  await Promise.all([hub?.close(), stranger?.close()]);
});

/** `cargo xtask serve`, as a person starts it. */
async function ownServer() {
  const program = process.env.SAE_EXPLORER_XTASK;
  if (program === undefined) throw new Error('SAE_EXPLORER_XTASK is not set: run `cargo xtask test --only browser`');
  const server = spawn(program, ['serve', '--no-build', '--dir', dist, '--port', '0'], { stdio: ['ignore', 'pipe', 'inherit'] });
  for await (const line of createInterface({ input: server.stdout })) return { process: server, url: line.trim() };
  throw new Error('the server ended at once');
}

test('documents and scripts come with the policy of index.html, as from the tests’ server', async () => {
  const policy = await policyOf(join(dist, 'index.html'));
  const own = await serve();
  try {
    for (const [path, expected] of [['', policy.documents], [asset('worker.js'), policy.workers], [asset('fetcher.js'), policy.workers], [asset('engine.wasm'), null], ['catalogue.json', null], ['sw.js', policy.documents], ['manifest.webmanifest', null]]) {
      for (const base of [site.url, own.url('')]) {
        const response = await fetch(base + path);
        assert.equal(response.status, 200);
        assert.equal(response.headers.get('content-security-policy'), expected, base + path);
        // What a name stands for never changes where the name carries a hash; of anything else the browser asks each time.
        const caching = path.startsWith('assets/') ? 'public, max-age=31536000, immutable' : 'no-cache';
        assert.equal(response.headers.get('cache-control'), caching, base + path);
        if (path.endsWith('manifest')) assert.equal(response.headers.get('content-type'), 'application/manifest+json');
      }
    }
  } finally {
    await own.close();
  }
});

test('a worker reaches the origins that a person chose, and no others', async () => {
  const page = await newPage(browser);
  await page.goto(site.url);
  await ready(page);
  const worker = page.workers().find((one) => one.url().endsWith(asset('worker.js')));
  assert.ok(worker !== undefined, page.workers().map((one) => one.url()).join());
  const reached = () =>
    worker.evaluate(async (urls) => {
      const tried = async (work) => {
        try {
          return String((await work()) ?? 'done');
        } catch (error) {
          return error.code ?? error.name;
        }
      };
      const found = {};
      for (const [name, url] of Object.entries(urls)) found[name] = await tried(async () => (await fetch(url)).status);
      found.request = await tried(async () => (await fetch(new Request(urls.stranger))).status);
      found.script = await tried(() => import(`${urls.stranger}.js`));
      found.evaluated = await tried(() => new Function('return 1')());
      found.text = await tried(() => void new Worker(URL.createObjectURL(new Blob(['postMessage(1)']))));
      found.others = ['XMLHttpRequest', 'WebSocket', 'EventSource', 'WebTransport', 'importScripts'].filter((name) => globalThis[name] !== undefined);
      return found;
    }, { own: `${site.url}catalogue.json`, hub: hub.url('a/gpt2/resolve/main/config.json'), stranger: stranger.url('secret') });
  const before = await reached();
  assert.deepEqual(before, { own: '200', hub: 'not-chosen', stranger: 'not-chosen', request: 'not-chosen', script: 'TypeError', evaluated: 'EvalError', text: 'not-chosen', others: [] });
  assert.deepEqual([hub.requests, stranger.requests], [[], []]);

  // To set a mirror and to ask for a repository is to choose its host.
  const { models } = await page.evaluate(async (mirror) => {
    await window.saeExplorer.setMirror(mirror);
    return window.saeExplorer.fromLink('a/gpt2');
  }, hub.origin);
  assert.equal(models.length, 1);
  assert.deepEqual(await reached(), { ...before, hub: '200' });
  assert.deepEqual(stranger.requests, []);

  // A list of files that names another host leads nowhere.
  hub.misbehave(/^api/, { next: stranger.url('secret') });
  const refused = await page.evaluate(() => window.saeExplorer.fromLink('a/gpt2').catch(({ code, details }) => ({ code, details })));
  assert.equal(refused.code, 'not-chosen', JSON.stringify(refused));
  assert.equal(refused.details.url, stranger.url('secret'));
  assert.deepEqual(stranger.requests, []);
  await page.context().close();
});

test('the page itself reaches nothing but its own site', async () => {
  const page = await newPage(browser);
  await page.goto(site.url);
  await ready(page);
  const found = await page.evaluate(async (url) => {
    const blocked = new Promise((resolve) => document.addEventListener('securitypolicyviolation', ({ effectiveDirective }) => resolve(effectiveDirective), { once: true }));
    const status = await fetch(url).then(({ status: code }) => code, ({ name }) => name);
    return { status, blocked: await blocked };
  }, stranger.url('secret'));
  assert.deepEqual(found, { status: 'TypeError', blocked: 'connect-src' });
  assert.deepEqual(stranger.requests, []);
  await page.context().close();
});
