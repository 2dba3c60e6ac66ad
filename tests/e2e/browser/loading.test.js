// Models and SAEs from a host that serves them as they are published: by link, again without the host, stopped and taken
// up again, from dropped folders, and when the host or the browser misbehaves.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';

import { launch, openBare } from '../support/chromium.js';
import { serveHub } from '../support/hub.js';
import { below } from '../support/layouts.js';
import { asset, root, serve } from '../support/server.js';

const BLOCK = 8 << 20;
const WEIGHTS = 'demo/gpt2/resolve/main/model.safetensors';
const PROMPT = 'Once upon a time there was a king';
const read = (path) => readFile(join(root, path));
let server;
let hub;
let browser;
before(async () => {
  server = await serve();
  hub = await serveHub();
  browser = await launch({ webgpu: false });
  const model = {};
  for (const name of ['config.json', 'model.safetensors', 'tokenizer.json']) model[name] = await read(`web/demo/model/${name}`);
  const folder = 'tests/fixtures/saelens/blocks.3.hook_resid_post_relu';
  const saelens = { 'cfg.json': await read(`${folder}/cfg.json`), 'sae_weights.safetensors': await read(`${folder}/sae_weights.safetensors`) };
  hub.repo('demo/gpt2', { ...model, 'README.md': 'text' });
  hub.repo('demo/saes', { 'layer_3.pt': await read('tests/fixtures/openai/layer_3.pt'), ...below('relu', saelens) });
  for (const [path, content] of Object.entries({ ...below('plain/gpt2', model), ...below('plain/relu', saelens) })) hub.put(path, content);
});
after(async () => {
  await browser?.close();
  await hub?.close();
  await server?.close();
});
beforeEach(() => {
  hub.rules = [];
  hub.requests.length = 0;
  hub.offline = false;
});

/** A page with an engine that takes repositories from the hub; what it is told is in `window.told` and `window.notices`. */
async function open() {
  const page = await openBare(browser, server);
  await start(page);
  return page;
}

async function start(page) {
  await page.evaluate(async (origin) => {
    window.told = [];
    window.notices = [];
    const onProgress = (progress) => told.push(progress);
    window.engine = await SaeExplorer.create({ backend: 'cpu', onProgress, onNotice: (notice) => notices.push(notice) });
    await engine.setMirror(origin);
  }, hub.origin);
}

const loadModel = (page) => page.evaluate(() => engine.loadModel({ repo: 'demo/gpt2' }));
const origins = (page) => page.evaluate(() => [...new Set(told.splice(0).filter(({ stage }) => stage !== 'engine').map(({ source }) => source))]);

test('by link, and again without the host', async () => {
  const page = await open();
  const found = await page.evaluate(async (prompt) => {
    const { models } = await engine.fromLink('demo/gpt2');
    const model = await engine.loadModel(models[0].source);
    const { saes } = await engine.fromLink('demo/saes');
    const loaded = [];
    for (const { name, hook, source } of saes) loaded.push(await engine.loadSae(source, { hook: hook ?? 'blocks.3.hook_resid_post', id: name }));
    const { loss, saes: traced } = await engine.trace(prompt);
    const last = told.filter(({ stage }) => stage === 'model').at(-1);
    await engine.loadModel('demo');
    await engine.storage(); // waits for what is still being stored
    return { model: model.id, offered: saes.map(({ hook }) => hook), loaded: loaded.map(({ id }) => id), traced: traced.length, same: loss === (await engine.trace(prompt, { bos: 'no' })).loss, last };
  }, PROMPT);
  assert.deepEqual(found.offered.sort(), ['blocks.3.hook_resid_post', null]);
  assert.deepEqual(found.loaded.sort(), ['layer_3', 'relu']);
  assert.equal(found.model, 'gpt2');
  assert.equal(found.traced, 2);
  assert.equal(found.last.loaded, found.last.total);
  assert.equal(found.last.name, 'model.safetensors');
  assert.deepEqual(await origins(page), ['network']);
  hub.offline = true;
  await start(page);
  await loadModel(page);
  await page.evaluate(() => engine.loadSae({ repo: 'demo/saes', path: 'relu' }));
  assert.deepEqual(await origins(page), ['cache']);
  assert.equal(await page.evaluate(async () => (await window.fault(engine.loadSae('http://127.0.0.1:1/none.pt'))).code), 'cors');
  await page.context().close();
});

test('what was loaded tells its commit, and a worker that follows a dead one loads the same', async () => {
  const page = await open();
  const [first, second] = ['1'.repeat(40), '2'.repeat(40)];
  const saelens = Object.fromEntries(['cfg.json', 'sae_weights.safetensors'].map((name) => [`relu/${name}`, hub.files.get(`plain/relu/${name}`)]));
  const { contents } = hub.repos.get('demo/gpt2@main');
  const publish = (commit) => {
    hub.repo('moving/gpt2', Object.fromEntries(contents), { commit });
    hub.repo('moving/saes', saelens, { commit });
  };
  publish(first);
  const loaded = await page.evaluate(async (prompt) => {
    const model = await engine.loadModel({ repo: 'moving/gpt2' });
    const sae = await engine.loadSae({ repo: 'moving/saes', path: 'relu' });
    const neurons = await engine.loadNeurons('blocks.0.mlp.hook_post', { id: 'neurons' });
    const { model: told, saes } = await engine.info();
    return { model: model.origin, sae: sae.origin, neurons: neurons.origin, told: told.origin, saes: saes.map(({ origin }) => origin), loss: (await engine.trace(prompt)).loss };
  }, PROMPT);
  assert.deepEqual([loaded.model.repository, loaded.model.revision, loaded.model.commit, loaded.model.path], ['moving/gpt2', 'main', first, '']);
  assert.match(loaded.model.sha256, /^[0-9a-f]{64}$/);
  assert.deepEqual([loaded.sae.repository, loaded.sae.commit, loaded.sae.path, loaded.neurons], ['moving/saes', first, 'relu', null]);
  assert.deepEqual([loaded.told, loaded.saes], [loaded.model, [loaded.sae, null]]);
  publish(second);
  hub.requests.length = 0;
  const again = await page.evaluate(async (prompt) => {
    engine._worker.terminate();
    const { loss } = await engine.trace(prompt);
    const { model, saes } = await engine.info();
    return { loss, commits: [model.origin.commit, saes[0].origin.commit] };
  }, PROMPT);
  assert.deepEqual(again, { loss: loaded.loss, commits: [first, first] });
  assert.ok(hub.requests.every(({ path }) => !path.includes(second) && !path.includes('/main')), JSON.stringify(hub.requests.map(({ path }) => path)));
  await page.context().close();
});

test('stopped, and taken up where it stopped after the page was loaded again', async () => {
  const page = await open();
  hub.misbehave(/model\.safetensors/, { pause: 12 });
  const stopped = await page.evaluate(async (block) => {
    const controller = new AbortController();
    const watch = setInterval(() => {
      if (told.some(({ stage, loaded }) => stage === 'model' && loaded > block + 100_000)) controller.abort();
    }, 5);
    const { code } = await window.fault(engine.loadModel({ repo: 'demo/gpt2' }, { signal: controller.signal }));
    clearInterval(watch);
    const { entries } = await engine.storage();
    const { bytes, storedBytes, complete } = entries.find(({ name }) => name === 'model.safetensors');
    return { code, model: (await engine.info()).model, bytes, storedBytes, complete };
  }, BLOCK);
  assert.equal(stopped.code, 'cancelled');
  assert.equal(stopped.model, null);
  assert.deepEqual([stopped.storedBytes, stopped.complete], [BLOCK, false]);
  await page.reload();
  await page.evaluate(async () => {
    ({ SaeExplorer: window.SaeExplorer } = await import(new URL('pkg/index.js', document.baseURI)));
  });
  await start(page);
  hub.rules = [];
  hub.requests.length = 0;
  assert.equal((await loadModel(page)).id, 'gpt2');
  const ranges = hub.requests.filter(({ path }) => path === WEIGHTS).map(({ range }) => range);
  assert.ok(ranges.length > 0 && ranges.every((range) => range === `bytes=${BLOCK}-`), ranges.join(' '));
  await page.context().close();
});

/** Loads the model, and resolves when its weights have been verified or something was noticed. */
const verified = (page) => page.evaluate(async () => {
  await engine.loadModel({ repo: 'demo/gpt2' });
  for (let turn = 0; turn < 600; turn += 1) {
    const weights = (await engine.storage()).entries.find(({ name }) => name === 'model.safetensors');
    if (weights?.verified || notices.length > 0) break;
    await new Promise((resume) => setTimeout(resume, 50));
  }
  const { entries } = await engine.storage();
  return { notices, weights: entries.find(({ name }) => name === 'model.safetensors')?.verified ?? null };
});

test('what is stored is held against the hash that the host lists, and not kept where it has another', async () => {
  const page = await open();
  assert.deepEqual(await verified(page), { notices: [], weights: true });
  await page.evaluate(() => engine.deleteStored('all'));
  const listed = hub.repos.get('demo/gpt2@main').contents.get('model.safetensors');
  const honest = listed.listedHash;
  listed.listedHash = 'a'.repeat(64);
  try {
    const { notices, weights } = await verified(page);
    assert.equal(weights, null);
    assert.deepEqual(notices.map(({ code }) => code), ['wrong-content']);
    assert.match(notices[0].message, /model\.safetensors is not the file that its host lists: its SHA-256 is [0-9a-f]{64}, not a{64}/);
  } finally {
    listed.listedHash = honest;
  }
  await page.context().close();
});

test('what is stored is listed, and deleted', async () => {
  const page = await open();
  await loadModel(page);
  const found = await page.evaluate(async () => {
    const { entries, usageBytes, quotaBytes, available } = await engine.storage();
    const weights = entries.find(({ name }) => name === 'model.safetensors');
    await engine.deleteStored(weights.key);
    const left = (await engine.storage()).entries.map(({ name }) => name);
    await engine.deleteStored('all');
    const persisted = await engine.persistStorage();
    return { names: entries.map(({ name }) => name).sort(), weights, usageBytes, quotaBytes, available, left: left.sort(), none: (await engine.storage()).entries.length, persisted };
  });
  assert.deepEqual(found.names, ['config.json', 'model.safetensors', 'tokenizer.json']);
  assert.deepEqual(found.left, ['config.json', 'tokenizer.json']);
  assert.equal(found.none, 0);
  assert.ok(found.weights.complete && found.weights.storedBytes === found.weights.bytes);
  assert.equal(found.weights.url, hub.url(WEIGHTS));
  assert.ok(found.available && found.quotaBytes > 0 && found.usageBytes >= 0);
  assert.equal(typeof found.persisted, 'boolean');
  await page.context().close();
});

test('two tabs that load the same file', async () => {
  const page = await open();
  const other = await page.context().newPage();
  await other.goto(server.url('bare.html'));
  await other.evaluate(async () => {
    ({ SaeExplorer: window.SaeExplorer } = await import(new URL('pkg/index.js', document.baseURI)));
  });
  await start(other);
  const [one, two] = await Promise.all([loadModel(page), loadModel(other)]);
  assert.deepEqual([one.id, two.id], ['gpt2', 'gpt2']);
  const entries = await page.evaluate(async () => (await engine.storage()).entries.filter(({ name }) => name === 'model.safetensors'));
  assert.deepEqual(entries.map(({ complete }) => complete), [true]);
  await page.context().close();
});

test('a full disk is told, and loading goes on', async () => {
  const page = await open();
  const devtools = await page.context().newCDPSession(page);
  await devtools.send('Storage.overrideQuotaForOrigin', { origin: server.origin, quotaSize: 10_000_000 });
  assert.equal((await loadModel(page)).id, 'gpt2');
  const { codes, stored } = await page.evaluate(async () => {
    const { entries } = await engine.storage(); // waits for what is still being stored
    return { codes: notices.map(({ code }) => code), stored: entries.find(({ name }) => name === 'model.safetensors') };
  });
  assert.ok(codes.includes('quota'), codes.join(' '));
  assert.equal(stored.complete, false);
  await page.context().close();
});

test('dropped folders and files', async () => {
  const page = await open();
  const found = await page.evaluate(async (origin) => {
    const dropped = async (path) => ({ path, file: new File([await (await fetch(`${origin}/plain/${path}`)).blob()], path.split('/')[1]) });
    const paths = ['gpt2/config.json', 'gpt2/model.safetensors', 'gpt2/tokenizer.json', 'relu/cfg.json', 'relu/sae_weights.safetensors'];
    const files = await Promise.all(paths.map(dropped));
    const pt = new File([await (await fetch(new URL('fixtures/openai/layer_3.pt', document.baseURI))).blob()], 'layer_3.pt');
    const zip = new File([new Uint8Array([0x50, 0x4b, 3, 4, 1, 2, 3])], 'broken.pt');
    const offers = await engine.recognise([...files, pt, zip]);
    await engine.loadModel(offers.models[0].source);
    for (const { source, hook } of offers.saes) await engine.loadSae(source, { hook: hook ?? 'blocks.3.hook_resid_post' });
    return {
      models: offers.models.map(({ name }) => name),
      saes: offers.saes.map(({ name, hook, summary }) => [name, hook, summary]).sort(),
      problems: offers.problems.map(({ file, code }) => [file, code]),
      loaded: (await engine.info()).saes.map(({ id }) => id).sort(),
      sources: [...new Set(told.filter(({ stage }) => stage !== 'engine').map(({ source }) => source))],
    };
  }, hub.origin);
  assert.deepEqual(found.models, ['gpt2']);
  assert.deepEqual(found.saes.map(([name, hook]) => [name, hook]), [['layer_3', null], ['relu', 'blocks.3.hook_resid_post']]);
  assert.match(found.saes[0][2], /^TopK, 4096 latents of width 256, k = 16$/);
  assert.deepEqual(found.problems, [['broken.pt', 'bad-file']]);
  assert.deepEqual(found.loaded, ['layer_3', 'relu']);
  assert.deepEqual(found.sources, ['file']);
  await page.context().close();
});

test('the catalogue says what fits before anything is loaded', async () => {
  const page = await open();
  const { models, reasons } = await page.evaluate(async () => {
    const { models: offered } = await engine.catalogue();
    await engine.setMemoryBudget(1e9);
    const { saes } = await engine.catalogue();
    return { models: offered.map(({ id, fits }) => [id, fits.ok]), reasons: Object.fromEntries(saes.map(({ id, fits }) => [id, fits.reason])) };
  });
  assert.deepEqual(models.find(([id]) => id === 'gpt2'), ['gpt2', true]);
  assert.deepEqual(models.find(([id]) => id === 'gpt2-xl'), ['gpt2-xl', false]);
  assert.equal(reasons['oai-v5-32k-resid-post'], null);
  assert.deepEqual(hub.requests, []);
  assert.match(await page.evaluate(async () => (await window.fault(engine.loadSae({ catalogue: 'res-jb' }))).message), /^res-jb.* has one SAE for each of the layers 0, 1.*; name one of them as layer/i);
  await page.context().close();
});

test('a silent host is given up, and a look at it can be stopped', async () => {
  const page = await openBare(browser, server);
  const release = {};
  server.rules = [{ match: /engine-\w+\.wasm/, hold: new Promise((resolve) => (release.wasm = resolve)) }];
  const { host } = new URL(server.origin);
  const none = await page.evaluate(() => window.fault(SaeExplorer.create({ backend: 'cpu', stallSeconds: 0.5 })));
  release.wasm();
  server.rules = [];
  assert.deepEqual([none.code, none.details.file, none.details.host, none.details.seconds], ['network', asset('engine.wasm').replace('assets/', ''), host, 0.5], JSON.stringify(none));
  const found = await page.evaluate(async (origin) => {
    window.engine = await SaeExplorer.create({ backend: 'cpu', stallSeconds: 2 });
    await engine.setMirror(origin);
    return engine.fromLink('demo/gpt2').then(({ models }) => models.length);
  }, hub.origin);
  assert.equal(found, 1);
  hub.misbehave(/model\.safetensors/, { stopAfter: 3_000_000, stops: 2 });
  hub.requests.length = 0;
  assert.equal((await loadModel(page)).id, 'gpt2', 'what stops in the middle goes on');
  assert.equal(hub.requests.filter(({ path }) => path === WEIGHTS).length, 2 * 3, 'each time behind its redirect');
  hub.misbehave(/^api/, { silent: true });
  const stopped = await page.evaluate(async () => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 100);
    const begin = performance.now();
    const { code } = await window.fault(engine.fromLink('demo/saes', { signal: controller.signal }));
    return { code, milliseconds: performance.now() - begin };
  });
  assert.equal(stopped.code, 'cancelled');
  assert.ok(stopped.milliseconds < 1500, `${stopped.milliseconds} ms`);
  await page.context().close();
});

test('a host that misbehaves', async () => {
  const page = await open();
  await loadModel(page);
  // The same server by another name, so that it is no mirror.
  const url = hub.url('plain/relu/').replace('127.0.0.1', 'localhost');
  const load = () => page.evaluate((address) => window.fault(engine.loadSae(address, { id: 'relu' })), url);
  for (const [rule, code, message] of [
    [{ status: 404 }, 'missing-file', /404/],
    [{ status: 403 }, 'network', /403.*gated/],
    [{ loop: true }, 'cors', /circle/],
    [{ noCors: true }, 'cors', /Access-Control-Allow-Origin/],
  ]) {
    await page.evaluate(() => engine.deleteStored('all'));
    hub.misbehave(/sae_weights/, rule);
    const found = await load();
    assert.equal(found.code, code, `${JSON.stringify(rule)}: ${JSON.stringify(found)}`);
    assert.match(found.message, message);
  }
  for (const rule of [{ noRange: true }, { gzip: true }, { noLength: true, noRange: true }, { noMarks: true }, { noHead: true }, { cutAfter: 300_000, cuts: 2 }]) {
    await page.evaluate(() => engine.deleteStored('all'));
    hub.misbehave(/sae_weights/, rule);
    const found = await load();
    assert.equal(found.resolved, '[object Object]', `${JSON.stringify(rule)}: ${JSON.stringify(found)}`);
  }
  await page.evaluate(() => engine.deleteStored('all'));
  hub.misbehave(/sae_weights/, { cutAfter: 300_000, cuts: 1, change: 1 });
  assert.equal((await load()).code, 'file-changed');
  assert.ok(await page.evaluate(async () => (await engine.storage()).entries.every(({ name }) => name !== 'sae_weights.safetensors')));
  hub.rules = [];
  assert.equal((await load()).resolved, '[object Object]');
  await page.context().close();
});

test('an SAE that stays in its file, and neurons without one', async () => {
  const page = await open();
  await loadModel(page);
  const found = await page.evaluate(async (prompt) => {
    const { saes } = await engine.fromLink('demo/saes:layer_3.pt');
    const hook = 'blocks.3.hook_resid_post';
    await engine.loadSae(saes[0].source, { id: 'whole', hook });
    const streamed = await engine.loadSae(saes[0].source, { id: 'streamed', hook, stream: true });
    const neurons = await engine.loadNeurons('blocks.2.mlp.hook_post', { id: 'neurons' });
    const trace = await engine.trace(prompt);
    const again = await engine.trace(prompt, { saes: ['streamed'] });
    const latents = (sae) => Array.from(sae.latents);
    const [one, other, third] = trace.saes;
    return { streamed, neurons, one: latents(one), other: latents(other), again: latents(again.saes[0]), fvu: third.metrics.fvu, below: third.activations.some((value) => value < 0) };
  }, PROMPT);
  assert.equal(found.streamed.weights, 'streamed');
  assert.equal(found.neurons.architecture, 'neurons');
  assert.deepEqual(found.other, found.one);
  assert.deepEqual(found.again, found.one);
  assert.equal(found.fvu, 0);
  assert.ok(found.below, 'neurons are listed by magnitude');
});

test('an SAE that stays in its file stops being read when the call is stopped', async () => {
  const page = await open();
  await loadModel(page);
  const path = /layer_3\.pt/;
  await page.evaluate(async () => {
    await engine.loadSae({ repo: 'demo/saes', path: 'layer_3.pt' }, { id: 'streamed', hook: 'blocks.3.hook_resid_post', stream: true });
    await engine.deleteStored('all');
  });
  const trace = () => page.evaluate((prompt) => window.fault(engine.trace(prompt)), PROMPT);
  // What the host says reaches the caller, and the next call asks again.
  hub.misbehave(path, { status: 404 });
  assert.equal((await trace()).code, 'missing-file');
  hub.misbehave(path, { pause: 30 });
  hub.requests.length = 0;
  const traced = page.evaluate((prompt) => {
    window.controller = new AbortController();
    return window.fault(engine.trace(prompt, { signal: controller.signal }));
  }, PROMPT);
  for (let turn = 0; turn < 500 && !hub.requests.some((request) => path.test(request.path)); turn += 1) await new Promise((resume) => setTimeout(resume, 10));
  assert.ok(hub.requests.some((request) => path.test(request.path)));
  const next = await page.evaluate(async (prompt) => {
    controller.abort();
    const { loss } = await engine.trace(prompt, { saes: [] });
    return { loss, complete: (await engine.storage()).entries.some(({ name, complete }) => name === 'layer_3.pt' && complete) };
  }, PROMPT);
  assert.equal((await traced).code, 'cancelled');
  assert.ok(next.loss > 0);
  assert.ok(!next.complete, 'the next call waited for the file');
  hub.rules = [];
  const found = await page.evaluate(async (prompt) => {
    await engine.loadSae({ repo: 'demo/saes', path: 'layer_3.pt' }, { id: 'whole', hook: 'blocks.3.hook_resid_post' });
    return (await engine.trace(prompt)).saes.map(({ latents }) => Array.from(latents));
  }, PROMPT);
  assert.equal(found.length, 2);
  assert.deepEqual(found[0], found[1]);
  await page.context().close();
});
