// Which origins are asked: those that a person has chosen, and no others, whatever a list or manifest names.

import assert from 'node:assert/strict';
import { readFile, readdir } from 'node:fs/promises';
import { beforeEach, test } from 'node:test';

import { Files } from '../../../pkg/files.js';
import { Gate, policy, seal } from '../../../pkg/gate.js';
import { demoManifest, modelFiles, saeFiles } from '../../../pkg/load.js';
import { fromLink } from '../../../pkg/offers.js';
import { below, gpt2, saelens } from '../support/layouts.js';
import { installFakeCaches } from './fake-cache.js';
import { connections } from './fetcher.js';
import { freshHub } from './host.js';

const hub = await freshHub();
const stranger = await freshHub();
let gate;
let files;
beforeEach(() => {
  installFakeCaches();
  gate = new Gate([]);
  files = new Files(assert.fail, { waits: [1], connections: connections({ gate }) });
  hub.repo('a/gpt2', gpt2());
  hub.repo('a/saes', below('layer_0', saelens()));
  for (const [path, content] of Object.entries(below('plain/sae', saelens()))) hub.put(path, content);
});

const means = (mirror = null) => ({ files, mirror, device: { backend: 'cpu', deviceBytes: 0, memoryBudget: 1e9 }, open: (file) => files.open(file) });
const refused = (promise, url) =>
  assert.rejects(promise, (error) => {
    assert.equal(error.code, 'not-chosen', error.stack);
    assert.ok(error.message.includes(new URL(url).origin), error.message);
    assert.equal(error.details.url, url);
    return true;
  });

test('nothing is asked of an origin that nobody chose, by any way', async () => {
  const url = hub.url('plain/sae/cfg.json');
  await refused(files.open({ name: 'cfg.json', url }), url);
  const listed = hub.url('plain/sae/sae_weights.safetensors');
  await refused(files.open({ name: 'weights', url: listed, hash: `git-${'a'.repeat(40)}`, bytes: 10 }).then((source) => source.read(0, 1)), listed);
  await refused(files.bytes({ name: 'cfg.json', url }), url);
  await refused(files.json({ name: 'cfg.json', url }), url);
  await refused(files.response({ name: 'cfg.json', url }, 'application/wasm'), url);
  assert.deepEqual(hub.requests, []);
  files.choose(url);
  assert.ok((await files.bytes({ name: 'cfg.json', url })).length > 0);
});

test('a link, a repository and a mirror are choices, each of its own host', async () => {
  assert.equal((await saeFiles({ url: hub.url('plain/sae') }, means())).name, 'sae');
  const other = new Gate([]);
  files = new Files(assert.fail, { waits: [1], connections: connections({ gate: other }) });
  assert.equal((await fromLink('a/gpt2', means(hub.origin))).models.length, 1);
  assert.equal((await modelFiles({ repo: 'a/gpt2' }, means(hub.origin))).weights.length, 1);
  assert.throws(() => other.check(stranger.url('x')), { code: 'not-chosen' });
  assert.throws(() => other.check('https://huggingface.co/a/b'), { code: 'not-chosen' }, 'a mirror stands in its place');
});

test('the origin is all of it: another port, protocol or host is another one', () => {
  gate.choose('https://a.test/x');
  gate.check('https://a.test/other?y#z');
  for (const url of ['https://a.test:444/', 'http://a.test/', 'https://b.a.test/', 'https://a.test.evil.test/', 'https://a.test@evil.test/', 'data:,x', 'blob:https://a.test/1', 'file:///x']) {
    assert.throws(() => gate.check(url), { code: 'not-chosen' }, url);
  }
});

test("the page's own origin is chosen, and the package's", () => {
  const own = new Gate(['http://page.test/app/', 'https://cdn.test/pkg/gate.js', undefined, 'file:///pkg/gate.js']);
  own.check('http://page.test/demo/demo.json');
  own.check('https://cdn.test/pkg/engine_bg.wasm');
  assert.throws(() => own.check('http://elsewhere.test/'), { code: 'not-chosen' });
});

test('a file on disk stands for its folder and those below, and for no other', () => {
  gate.choose('file:///data/demo/demo.json');
  for (const url of ['file:///data/demo/demo.json', 'file:///data/demo/model/config.json', 'file:///data/demo/a/../b']) gate.check(url);
  for (const url of ['file:///data/other.json', 'file:///data/demo/../secret', 'file:///data/demo/%2e%2e/secret', 'file:///data/demo2/x', 'file:///etc/passwd', 'file://host/data/demo/demo.json', 'http://data/demo/']) {
    assert.throws(() => gate.check(url), { code: 'not-chosen' }, url);
  }
});

test('a list of files and a manifest cannot lead to another host', async () => {
  stranger.put('page2', '[]');
  hub.misbehave(/^api/, { next: stranger.url('page2') });
  await refused(fromLink('a/saes', means(hub.origin)), stranger.url('page2'));
  hub.put('demo.json', { id: 'd', name: 'D', bos: true, saes: [], model: Object.fromEntries(['config', 'weights', 'tokenizer'].map((part) => [part, { path: stranger.url(part), bytes: 5 }])) });
  files.choose(hub.origin);
  const { parts } = await demoManifest(files, hub.url('demo.json'));
  await refused(modelFiles({ parts }, means()), stranger.url('config'));
  assert.deepEqual(stranger.requests, []);
});

test('every request of the package goes through the gate', async () => {
  const folder = new URL('../../../pkg/', import.meta.url);
  const asking = [];
  for (const name of (await readdir(folder)).filter((name) => name.endsWith('.js'))) {
    const code = (await readFile(new URL(name, folder), 'utf8')).replace(/^\s*(\/\/|\*|\/\*).*$/gm, '');
    if (/(?<![.\w#])fetch\(|\bfetch\s*[,}]|XMLHttpRequest|WebSocket|EventSource|sendBeacon|\bimport\(/.test(code)) asking.push(name);
  }
  // connections.js asks the gate before each request, and is the only one that tells the fetcher (fetching.js) to ask.
  // In Node the fetch that it takes is that of node-fetch.js, which node-thread.js puts into the scope of the workers.
  assert.deepEqual(asking.sort(), ['connections.js', 'fetching.js', 'gate.js', 'node-fetch.js', 'node-thread.js']);
});

test('a sealed scope has no way past the gate', async () => {
  const asked = [];
  class Plain {}
  const scope = { fetch: async (request) => asked.push(request.url), Worker: class { constructor(url) { asked.push(String(url)); } }, XMLHttpRequest: Plain, WebSocket: Plain, EventSource: Plain };
  gate.choose('https://a.test/');
  seal(scope, gate);
  await scope.fetch('https://a.test/x');
  await scope.fetch(new Request('https://a.test/y'));
  await assert.rejects(scope.fetch('https://b.test/x'), { code: 'not-chosen' });
  await assert.rejects(scope.fetch(new Request('https://b.test/x')), { code: 'not-chosen' });
  for (const url of ['https://b.test/w.js', 'blob:https://b.test/1', 'data:text/javascript,1']) assert.throws(() => new scope.Worker(url), { code: 'not-chosen' });
  assert.deepEqual(asked, ['https://a.test/x', 'https://a.test/y']);
  for (const name of ['XMLHttpRequest', 'WebSocket', 'EventSource']) assert.equal(scope[name], undefined);
  assert.throws(() => 'use strict' && Object.defineProperty(scope, 'fetch', { value: 1 }), TypeError);
});

test('what a policy allows beyond the gate limits what may be chosen, but for the page’s own', () => {
  const own = new Gate(['https://page.invalid/assets/worker.js']);
  policy.hosts = ['huggingface.co', '*.hf.co'];
  try {
    for (const url of ['https://huggingface.co/a', 'https://cdn.hf.co/a', 'https://page.invalid/demo/a']) {
      own.choose(url);
      own.check(url);
    }
    for (const url of ['https://example.org/a', 'https://nothf.co/a', 'https://hf.co/a', 'https://huggingface.co.example.org/a']) {
      own.choose(url);
      assert.throws(() => own.check(url), ({ code, message }) => code === 'not-chosen' && message.includes(url) && message.includes('huggingface.co'), url);
    }
  } finally {
    policy.hosts = null;
  }
});
