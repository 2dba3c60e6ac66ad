// Bad input gets a typed error that names what is wrong, and what was loaded before stays usable.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { launch, openBare } from '../support/chromium.js';
import { serveBroken } from '../support/models.js';
import { openDemo } from '../support/parity.js';
import { serve } from '../support/server.js';

let server;
let browser;
let page;
let broken;
before(async () => {
  server = await serve();
  broken = await serveBroken(server);
  browser = await launch({ webgpu: false });
  page = await openBare(browser, server);
});
after(async () => {
  await browser?.close();
  await server?.close();
});

/** What the call rejects with; `call` is JavaScript that may use `engine` and `at(path)`. */
const fault = (call) =>
  page.evaluate((source) => {
    const at = (path) => new URL(path, document.baseURI).href;
    return window.fault(new Function('engine', 'at', `return ${source}`)(window.engine, at));
  }, call);

async function refuses(call, code, message) {
  const found = await fault(call);
  assert.equal(found.code, code, `${call}: ${JSON.stringify(found)}`);
  assert.match(found.message, message, call);
  assert.equal(found.name, 'SaeExplorerError');
  return found;
}

test('calls before a model is loaded', async () => {
  await page.evaluate(async () => {
    window.engine = await SaeExplorer.create({ backend: 'cpu' });
  });
  await refuses('engine.trace("hello")', 'no-model', /model/);
  await refuses('engine.logits("hello")', 'no-model', /model/);
  await refuses('engine.generate("hello", {maxTokens: 1})', 'no-model', /model/);
  await refuses('engine.loadSae("demo")', 'no-model', /model/);
  assert.equal(await page.evaluate(async () => (await engine.info()).model), null);
  await page.evaluate(() => engine.dispose());
});

test('prompts', async (t) => {
  await openDemo(page, { backend: 'cpu' });
  await t.test('empty', async () => {
    await refuses('engine.trace("")', 'empty-prompt', /empty/);
    await refuses('engine.trace("", {bos: "no"})', 'empty-prompt', /empty/);
    await refuses('engine.generate("", {maxTokens: 1, bos: "no"})', 'empty-prompt', /empty/);
  });
  await t.test('too long: says how long it is and how long it may be', async () => {
    const { details } = await refuses('engine.trace("one two ".repeat(200))', 'prompt-too-long', /\d+ tokens.*256/s);
    assert.equal(details.limit, 256);
    assert.ok(details.tokens > 256);
    const { tokens } = await page.evaluate(() => engine.tokenize('one two '.repeat(200)));
    assert.equal(tokens.length, details.tokens);
  });
  await t.test('half a surrogate pair, control characters, emoji and right-to-left text are text', async () => {
    for (const prompt of ['a\ud800b', '\udc00', '\u0000\u0001\u0007\u001b[31m\u007f', '\r\n\t \u200b\ufeff', '👩‍👩‍👧 🏳️‍🌈', 'שלום עולם', '\u202eabc']) {
      const { text, losses } = await page.evaluate(async (asked) => {
        const { tokens, tokenLosses } = await engine.trace(asked, { bos: 'yes' });
        return { text: tokens.slice(1).map((token) => token.text), losses: [...tokenLosses] };
      }, prompt);
      const bytes = Buffer.concat(text.map((token) => (/^(<0x[0-9A-F]{2}>)+$/.test(token) ? Buffer.from(token.replace(/[<>]|0x/g, ''), 'hex') : Buffer.from(token))));
      assert.equal(bytes.toString(), Buffer.from(prompt).toString(), JSON.stringify(prompt));
      assert.ok(losses.every(Number.isFinite), JSON.stringify(prompt));
    }
  });
  await t.test('not a string', async () => {
    await refuses('engine.trace(null)', 'bad-option', /prompt/);
  });
});

test('options', async () => {
  await refuses('engine.trace("a", {saes: ["nobody"]})', 'unknown-sae', /nobody/);
  await refuses('engine.trace("a", {bos: "maybe"})', 'bad-option', /bos.*maybe/);
  await refuses('engine.trace("a", {topLogits: -1})', 'bad-option', /topLogits is -1; it must be a whole number/);
  assert.equal(await page.evaluate(async () => (await engine.tokenize('a', { bos: true })).bosPrepended), true);
  assert.equal(await page.evaluate(async () => (await engine.tokenize('a', { bos: false })).bosPrepended), false);
  await refuses('engine.feature("openai.layer_3", 4096)', 'bad-option', /4096/);
  await refuses('engine.feature("openai.layer_3", 1.5)', 'bad-option', /latent/);
  await refuses('engine.residual("a", 6)', 'bad-option', /6/);
  await refuses('engine.edited("a", {sae: "openai.layer_3", latent: 0, value: NaN})', 'bad-option', /value|NaN/);
  await refuses('engine.edited("a", {sae: "openai.layer_3", latent: 0, value: 0, positions: [99]})', 'bad-option', /99/);
  await refuses('engine.generate("a", {})', 'bad-option', /maxTokens/);
  await refuses('engine.generate("a", {maxTokens: 1, temperature: -1})', 'bad-option', /temperature/);
});

test('a generation ends where the context does, and says so', async () => {
  const { length, before, stop } = await page.evaluate(async () => {
    const prompt = 'one two '.repeat(100);
    const { tokens, nCtx } = await engine.tokenize(prompt.slice(0, 600), { bos: 'yes' });
    const { ids, stop: why } = await engine.generate(prompt.slice(0, 600), { bos: 'yes', maxTokens: nCtx });
    return { length: tokens.length + ids.length - nCtx, before: tokens.length, stop: why };
  });
  assert.equal(stop, 'context-full');
  assert.ok(before < 256 && length >= 0 && length <= 1, `${length} tokens beyond the context`);
});

test('models', async (t) => {
  const load = (folder) => `engine.loadModel(at("broken/${folder}"))`;
  await t.test('cut off', () => refuses(load('truncated'), 'bad-file', /model\.safetensors/));
  await t.test('a file missing', async () => {
    await refuses(load('no-config'), 'missing-file', /config\.json/);
    await refuses(load('no-weights'), 'missing-file', /model\.safetensors/);
    await refuses(load('no-tokenizer'), 'missing-file', /vocab\.json/);
    await refuses(load('nowhere'), 'missing-file', /404/);
  });
  await t.test('another architecture', () => refuses(load('llama'), 'unsupported-architecture', /llama/i));
  await t.test('wrong shapes', () => refuses(load('wrong-shape'), 'wrong-shape', /256.*128|128.*256/s));
  await t.test('no JSON', () => refuses(load('no-json'), 'bad-file', /config\.json/));
  await t.test('a weight that is NaN, by name', async () => {
    const { message } = await refuses(load('nan'), 'non-finite-weights', /NaN/);
    assert.ok(message.includes(broken.tensor.replace('transformer.', '')), message);
  });
  await t.test('the demo cut off on the server, or in transit, or refused', async () => {
    const faults = [
      [{ match: /model\.safetensors$/, truncate: 1_000_000 }, 'bad-file', /model\.safetensors has 1000000 bytes where 13810920/],
      [{ match: /model\.safetensors$/, breakAfter: 1000 }, 'network', /model\.safetensors was not loaded to its end.*try again/],
      [{ match: /model\.safetensors$/, status: 503 }, 'network', /503/],
      [{ match: /demo\.json$/, status: 404 }, 'missing-file', /demo\.json/],
    ];
    // Nothing is kept in a fresh profile's cache, so the server is asked.
    const other = await openBare(browser, server);
    await other.evaluate(async () => {
      window.engine = await SaeExplorer.create({ backend: 'cpu' });
    });
    for (const [rule, code, message] of faults) {
      server.rules = [rule];
      const found = await other.evaluate(() => window.fault(engine.loadModel('demo')));
      server.rules = [];
      assert.equal(found.code, code, JSON.stringify(found));
      assert.match(found.message, message);
    }
    assert.equal((await other.evaluate(() => engine.loadModel('demo'))).id, 'demo', 'once the server is well, so is the page');
    await other.context().close();
  });
});

test('SAEs', async (t) => {
  const load = (path, options = '{}') => `engine.loadSae(at("${path}"), ${options})`;
  const pt = 'fixtures/openai/layer_1.pt';
  await t.test('a .pt does not say where it belongs', () => refuses(load(pt), 'hook-mismatch', /hook/));
  await t.test('a hook that the model does not have', async () => {
    await refuses(load(pt, '{hook: "blocks.9.hook_resid_post"}'), 'hook-mismatch', /blocks\.9\.hook_resid_post/);
    await refuses(load(pt, '{hook: "nonsense"}'), 'hook-mismatch', /nonsense/);
    await refuses(load('broken/sae-no-layer'), 'hook-mismatch', /blocks\.9\.hook_resid_post/);
  });
  await t.test('another width', () => refuses(load('broken/sae-narrow'), 'width-mismatch', /64.*256|256.*64/s));
  await t.test('another architecture', () => refuses(load('broken/sae-unknown'), 'unsupported-architecture', /crosscoder/));
  await t.test('not an SAE at all', async () => {
    await refuses(load('broken/sae-text/layer.pt', '{hook: "blocks.1.hook_resid_post"}'), 'bad-file', /layer\.pt/);
    await refuses('engine.loadSae(new Blob(["text"]))', 'bad-file', /neither/);
    await refuses('engine.loadSae([new File(["{}"], "cfg.json")])', 'missing-file', /sae_weights\.safetensors/);
  });
});

test('after all that, what was loaded first still works', async () => {
  const { model, saes, tokens } = await page.evaluate(async () => {
    const { model: kept, saes: ids } = await engine.info();
    return { model: kept.id, saes: ids.length, tokens: (await engine.trace('Once upon a time')).tokens.length };
  });
  assert.equal(model, 'demo');
  assert.equal(saes, 3);
  assert.ok(tokens >= 4);
});

test('a model from a folder drops the SAEs of the one before', async () => {
  const found = await page.evaluate(async () => {
    const info = await engine.loadModel(new URL('broken/sound/', document.baseURI));
    return { id: info.id, layers: info.nLayers, saes: (await engine.info()).saes.length, traced: (await engine.trace('Once upon')).saes.length };
  });
  assert.deepEqual(found, { id: 'sound', layers: 6, saes: 0, traced: 0 });
});

test('a model and an SAE from files', async () => {
  const found = await page.evaluate(async () => {
    const get = async (path) => (await fetch(new URL(path, document.baseURI))).blob();
    const [config, weights, vocab, merges] = await Promise.all(
      ['demo/model/config.json', 'demo/model/model.safetensors', 'fixtures/tokenizer/vocab.json', 'fixtures/tokenizer/merges.txt'].map(get),
    );
    const model = await engine.loadModel({ config: await config.arrayBuffer(), weights, tokenizer: { vocab, merges } }, { id: 'mine' });
    const file = new File([await get('fixtures/openai/layer_3.pt')], 'layer_3.pt');
    const sae = await engine.loadSae(file, { hook: 'blocks.3.hook_resid_post' });
    const { loss, saes } = await engine.trace('Once upon a time there was a king');
    return { model: model.id, sae: sae.id, k: sae.k, loss: Number.isFinite(loss), traced: saes.map(({ id }) => id) };
  });
  assert.deepEqual(found, { model: 'mine', sae: 'layer_3', k: 16, loss: true, traced: ['layer_3'] });
});
