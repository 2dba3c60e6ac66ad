// What must not cost a person anything: a lost device, a dead worker, a second request, storage denied.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { launch, openBare } from '../support/chromium.js';
import { SAES } from '../support/demo.js';
import { openDemo } from '../support/parity.js';
import { serve } from '../support/server.js';

const PROMPT = 'Once upon a time';
let server;
let gpu;
let cpu;
before(async () => {
  server = await serve();
  [gpu, cpu] = await Promise.all([launch(), launch({ webgpu: false })]);
});
after(async () => {
  await gpu?.close();
  await cpu?.close();
  await server?.close();
});

async function laterTraceWins(page) {
  const found = await page.evaluate(async (prompt) => {
    const [first, second] = await Promise.allSettled([engine.trace(`${prompt} there was`), engine.trace(prompt)]);
    return { first: first.reason?.code, second: second.value?.tokens.length };
  }, PROMPT);
  assert.equal(found.first, 'cancelled');
  assert.ok(found.second >= 4);
}

/** What there is by then comes, marked as cancelled. */
async function generationStops(page) {
  const found = await page.evaluate(async (prompt) => {
    const controller = new AbortController();
    let told = 0;
    const onToken = () => {
      told += 1;
      if (told === 2) controller.abort();
    };
    const { ids, text, cancelled } = await engine.generate(prompt, { maxTokens: 200, signal: controller.signal, onToken });
    return { count: ids.length, text, cancelled };
  }, PROMPT);
  assert.equal(found.cancelled, true);
  assert.ok(found.count >= 2 && found.count < 200, `${found.count} tokens`);
  assert.notEqual(found.text, '');
}

test('on the GPU', async (t) => {
  const page = await openBare(gpu, server);
  await t.test('a lost device is replaced, and the same call gives the same numbers', async () => {
    const found = await page.evaluate(async (prompt) => {
      const notices = [];
      window.engine = await SaeExplorer.create({ backend: 'gpu', onNotice: ({ code }) => notices.push(code) });
      await engine.loadModel('demo');
      const [sae] = await engine.loadSae('demo');
      const told = async () => {
        const { tokens, tokenLosses, saes } = await engine.trace(prompt, { saes: [sae.id] });
        return JSON.stringify([tokens, [...tokenLosses], [...saes[0].latents], [...saes[0].activations]]);
      };
      const first = await told();
      await engine._loseDevice();
      const second = await told();
      const { saes, backend } = await engine.info();
      return { same: first === second, notices, saes: saes.map(({ id }) => id), backend };
    }, PROMPT);
    assert.deepEqual(found, { same: true, notices: ['device-lost'], saes: SAES, backend: 'gpu' });
  });
  await t.test('of two traces the later wins', () => laterTraceWins(page));
  await t.test('a generation stops by its signal', () => generationStops(page));
  await page.context().close();
});

test('a killed worker rejects the call under way; the next one rebuilds the session', async () => {
  const page = await openBare(cpu, server);
  await openDemo(page, { backend: 'cpu' });
  const found = await page.evaluate(async (prompt) => {
    const before = await engine.trace(prompt);
    const dying = window.fault(engine.generate(prompt, { maxTokens: 200, onToken: () => engine._worker?.terminate() }));
    const { code, message } = await dying;
    const again = await engine.trace(prompt);
    engine._worker.terminate();
    const unnoticed = await engine.trace(prompt);
    return { code, message, losses: [before.loss, again.loss, unnoticed.loss], saes: again.saes.length };
  }, PROMPT);
  assert.equal(found.code, 'worker-died');
  assert.match(found.message, /next call/);
  assert.equal(found.losses[1], found.losses[0]);
  assert.equal(found.losses[2], found.losses[0]);
  assert.equal(found.saes, 3);
  await page.evaluate(() => engine.dispose());
  await page.context().close();
});

test('what cannot be loaded again is said, and stands in the way of nothing else', async () => {
  const page = await openBare(cpu, server);
  const found = await page.evaluate(async (prompt) => {
    const at = (path) => new URL(path, document.baseURI).href;
    window.engine = await SaeExplorer.create({ backend: 'cpu' });
    await engine.loadModel('demo');
    const { loss } = await engine.trace(prompt, { saes: [] });
    await engine.loadSae(at('fixtures/openai/layer_3.pt'), { id: 'gone', hook: 'blocks.3.hook_resid_post' });
    await engine.storage();
    await engine.deleteStored('all');
    return loss;
  }, PROMPT);
  server.rules = [{ match: /layer_3\.pt/, status: 404 }];
  const after = await page.evaluate(async (prompt) => {
    engine._worker.terminate();
    const failed = await window.fault(engine.trace(prompt));
    const { model, saes } = await engine.info();
    const loaded = (await engine.loadSae(new URL('fixtures/openai/layer_1.pt', document.baseURI), { id: 'other', hook: 'blocks.1.hook_resid_post' })).id;
    await engine.unloadSae('gone');
    return { failed, model: model.id, saes: saes.length, loaded, trace: await engine.trace(prompt).then(({ loss, saes }) => ({ loss, saes: saes.map(({ id }) => id) })) };
  }, PROMPT);
  server.rules = [{ match: /./, status: 503 }];
  const none = await page.evaluate(async (prompt) => {
    await engine.storage();
    await engine.deleteStored('all');
    engine._worker.terminate();
    return { failed: await window.fault(engine.trace(prompt)), stored: await window.fault(engine.storage()) };
  }, PROMPT);
  server.rules = [];
  const last = await page.evaluate(async (prompt) => {
    const { entries } = await engine.storage();
    await engine.loadModel('demo');
    const { loss } = await engine.trace(prompt);
    await engine.dispose();
    return { entries: entries.length, loss };
  }, PROMPT);
  assert.deepEqual([after.failed.code, after.failed.details.reloading], ['missing-file', 'gone'], JSON.stringify(after.failed));
  assert.match(after.failed.message, /the SAE gone could not be loaded again.*unloadSae\("gone"\)/);
  assert.deepEqual([after.model, after.saes, after.loaded], ['demo', 0, 'other']);
  assert.deepEqual(after.trace, { loss: found, saes: ['other'] });
  assert.notEqual(none.failed.code, undefined, 'the worker itself could not be loaded');
  assert.equal(last.loss, found);
  assert.equal(last.entries, 0);
  await page.context().close();
});

test('on the CPU', async (t) => {
  const page = await openBare(cpu, server);
  await openDemo(page, { backend: 'cpu' });
  await t.test('of two traces the later wins', () => laterTraceWins(page));
  await t.test('a generation stops by its signal', () => generationStops(page));
  await t.test('a trace stops by its signal, and the engine is free for the next', async () => {
    const found = await page.evaluate(async (prompt) => {
      const controller = new AbortController();
      const stopped = window.fault(engine.trace(prompt.repeat(10), { signal: controller.signal }));
      controller.abort();
      return { code: (await stopped).code, loss: (await engine.trace(prompt)).loss };
    }, PROMPT);
    assert.equal(found.code, 'cancelled');
    assert.ok(Number.isFinite(found.loss));
  });
  await t.test('calls that overlap are answered in turn', async () => {
    const found = await page.evaluate(async (prompt) => {
      const { tokens } = await engine.tokenize(prompt, { bos: 'yes' });
      const [logits, residual, info] = await Promise.all([engine.logits(prompt, { bos: 'yes' }), engine.residual(prompt, 0, { bos: 'yes' }), engine.info()]);
      return { rows: [tokens.length, logits.shape[0], residual.shape[0]], model: info.model.id };
    }, PROMPT);
    assert.equal(new Set(found.rows).size, 1);
    assert.equal(found.model, 'demo');
  });
  await t.test('a generation is a function of its seed', async () => {
    const texts = await page.evaluate(async (prompt) => {
      const ask = async (seed) => (await engine.generate(prompt, { maxTokens: 12, temperature: 1, topK: 50, topP: 0.95, seed })).text;
      return [await ask(1), await ask(1), await ask(2)];
    }, PROMPT);
    assert.equal(texts[0], texts[1]);
    assert.notEqual(texts[0], texts[2]);
  });
  await t.test('with no edit an SAE leaves the logits exactly as they are', async () => {
    const difference = await page.evaluate(async (prompt) => {
      const clean = await engine.logits(prompt);
      const edited = await engine.edited(prompt, { sae: 'openai.layer_3', latent: 0, value: 5, positions: [] }, { logits: true });
      return parity.maxAbs(edited.logits.data, clean.data);
    }, PROMPT);
    assert.equal(difference, 0);
  });
  await page.context().close();
});

test('files are fetched once, and checked for changes after that', async () => {
  const page = await openBare(cpu, server);
  const load = () =>
    page.evaluate(async () => {
      const told = [];
      const engine = await SaeExplorer.create({ backend: 'cpu', onProgress: (progress) => told.push(progress) });
      await engine.loadModel('demo');
      await engine.dispose();
      return told.filter(({ stage }) => stage === 'model');
    });
  server.requests.length = 0;
  const told = await load();
  assert.ok(told.length > 2 && told.every(({ loaded, total }) => loaded <= total), 'progress on the way');
  assert.equal(told.at(-1).loaded, told.at(-1).total);
  assert.ok(server.requests.includes('GET demo/model/model.safetensors'));
  server.requests.length = 0;
  await load();
  assert.ok(server.requests.includes('HEAD demo/model/model.safetensors'));
  assert.ok(!server.requests.includes('GET demo/model/model.safetensors'), 'the weights were fetched again');
  await page.context().close();
});

test('denied storage is told, and everything works', async () => {
  // Workers do not run a page's init scripts, so the worker is started through a module that denies it the cache first.
  const init = () => {
    const denied = `Object.defineProperty(globalThis, 'caches', { get() { throw new DOMException('storage is off', 'SecurityError'); } });`;
    const module = (text) => URL.createObjectURL(new Blob([text], { type: 'text/javascript' }));
    const Real = window.Worker;
    window.Worker = function Worker(url, options) {
      return new Real(module(`import '${module(denied)}'; import '${url}';`), options);
    };
  };
  const page = await openBare(cpu, server, { init });
  const found = await page.evaluate(async (prompt) => {
    const notices = [];
    const engine = await SaeExplorer.create({ backend: 'cpu', onNotice: (notice) => notices.push(notice) });
    await engine.loadModel('demo');
    await engine.loadSae('demo');
    return { notices, saes: (await engine.trace(prompt)).saes.length };
  }, PROMPT);
  assert.deepEqual(found.notices.map(({ code }) => code), ['storage-denied']);
  assert.match(found.notices[0].message, /storage is off/);
  assert.equal(found.saes, 3);
  await page.context().close();
});
