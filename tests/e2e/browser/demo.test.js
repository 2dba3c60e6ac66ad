// The demo, whichever it is: its SAEs one by one or all together, with one of them missing, and its recorded trace. Nothing here
// depends on its weights.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';

import { latents, openApp, part } from '../support/app.js';
import { launch, openBare } from '../support/chromium.js';
import { SAES, manifest } from '../support/demo.js';
import { dist, serve } from '../support/server.js';

const MIDDLE = manifest.saes[Math.floor(SAES.length / 2)];
const LAST = manifest.saes.at(-1);

let server;
let browser;
before(async () => {
  server = await serve();
  browser = await launch({ webgpu: false });
});
afterEach(() => {
  server.rules = [];
  server.requests.length = 0;
});
after(async () => {
  await browser?.close();
  await server?.close();
});

/** Opens an engine with the demo's model as `window.engine`; its notices are `window.notices`. */
async function openModel() {
  const page = await openBare(browser, server);
  await page.evaluate(async () => {
    window.notices = [];
    window.engine = await SaeExplorer.create({ backend: 'cpu', onNotice: (notice) => window.notices.push(notice) });
    await engine.loadModel('demo');
  });
  return page;
}

/** The SAEs whose weights were requested, in that order. */
const requested = () => [...new Set(server.requests.map((line) => manifest.saes.find(({ weights }) => line === `GET demo/${weights.path}`)?.id))].filter((id) => id !== undefined);

const missing = ({ weights }) => ({ match: new RegExp(`^demo/${weights.path.replaceAll('.', '\\.')}$`), status: 404 });

test('one SAE of the demo loads by its id or its hook, and no other with it', async () => {
  const page = await openModel();
  const byId = await page.evaluate((only) => engine.loadSae('demo', { only }), LAST.id);
  assert.deepEqual([byId.id, byId.hook, byId.origin], [LAST.id, LAST.hook, null]);
  assert.deepEqual(requested(), [LAST.id]);
  const byHook = await page.evaluate((only) => engine.loadSae('demo', { only }), MIDDLE.hook);
  assert.equal(byHook.id, MIDDLE.id);
  const fault = await page.evaluate(() => window.fault(engine.loadSae('demo', { only: 'nothing' })));
  assert.equal(fault.code, 'bad-option');
  for (const id of SAES) assert.ok(fault.message.includes(id), fault.message);
  // What was loaded comes back after the worker has died, and nothing else.
  await page.evaluate(() => engine._worker.terminate());
  const traced = await page.evaluate(async () => (await engine.trace('a')).saes.map(({ id }) => id));
  assert.deepEqual(traced.sort(), [LAST.id, MIDDLE.id].sort());
  await page.context().close();
});

test('an SAE of the demo that fails costs itself only, and a notice names it', async () => {
  server.rules = [missing(MIDDLE)];
  const page = await openModel();
  const loaded = await page.evaluate(async () => (await engine.loadSae('demo')).map(({ id }) => id));
  assert.deepEqual(loaded, SAES.filter((id) => id !== MIDDLE.id));
  const notices = await page.evaluate(() => window.notices.filter(({ code }) => code === 'sae-not-loaded'));
  assert.deepEqual(notices.map(({ sae, reason }) => [sae, reason]), [[MIDDLE.id, 'missing-file']]);
  assert.ok(notices[0].message.includes(MIDDLE.id), notices[0].message);
  assert.deepEqual(await page.evaluate(async () => (await engine.trace('a')).saes.map(({ id }) => id)), loaded);
  // By itself it fails as what it is.
  const alone = await page.evaluate((only) => window.fault(engine.loadSae('demo', { only })), MIDDLE.id);
  assert.equal(alone.code, 'missing-file');
  server.rules = [];
  assert.equal((await page.evaluate((only) => engine.loadSae('demo', { only }), MIDDLE.id)).id, MIDDLE.id);
  await page.context().close();
});

test('where no SAE of the demo can be loaded, the call fails', async () => {
  server.rules = manifest.saes.map(missing);
  const page = await openModel();
  const fault = await page.evaluate(() => window.fault(engine.loadSae('demo')));
  assert.equal(fault.code, 'missing-file');
  await page.context().close();
});

test('the recorded trace is what the engine says here', async () => {
  const recorded = JSON.parse(await readFile(join(dist, 'demo/recorded.json'), 'utf8'));
  const page = await openModel();
  const live = await page.evaluate(async ([text, only]) => {
    const sae = await engine.loadSae('demo', { only });
    const { model } = await engine.info();
    const { saes, tokenLosses, ...trace } = await engine.trace(text);
    return { sae, model, trace, tokenLosses: [...tokenLosses], latents: [...saes[0].latents], activations: [...saes[0].activations] };
  }, [recorded.prompt.text, recorded.sae.id]);
  const stale = 'web/demo/recorded.json is stale: run `cargo xtask demo` to record it again';
  const near = (one, other) => one.length === other.length && one.every((value, index) => Math.abs(value - other[index]) <= 1e-4 * Math.max(1, Math.abs(other[index])));
  assert.deepEqual(recorded.sae, live.sae, stale);
  assert.deepEqual(recorded.model, live.model, stale);
  assert.deepEqual(recorded.trace.tokens, live.trace.tokens, stale);
  assert.ok(near(recorded.trace.tokenLosses, live.tokenLosses), stale);
  assert.ok(near(recorded.trace.saes[0].activations, live.activations), stale);
  const { latents } = recorded.trace.saes[0];
  const exchanged = latents.filter((latent, index) => latent !== live.latents[index]).length;
  // Latents whose activations differ by rounding alone may change places.
  assert.ok(exchanged <= 0.02 * latents.length, `${exchanged} of ${latents.length}: ${stale}`);
  // Field by field in the names of the API.
  for (const field of Object.keys(live.trace)) if (field !== 'milliseconds') assert.ok(field in recorded.trace, field);
  await page.context().close();
});

test('the page loads the SAE in view first, then the others', async () => {
  for (const [path, first] of [['', MIDDLE], [`#model=demo&sae=${encodeURIComponent(LAST.id)}`, LAST]]) {
    const page = await openApp(browser, server, { path });
    assert.equal(requested()[0], first.id, path);
    assert.deepEqual(requested().sort(), [...SAES].sort());
    assert.equal(await part(page, 'sae-switch', '[aria-pressed="true"]').getAttribute('data-sae'), first.id);
    assert.deepEqual(await part(page, 'sae-switch').evaluateAll((all) => all.map((one) => one.dataset.sae)), SAES);
    assert.ok((await latents(page)).length > 0);
    server.requests.length = 0;
    await page.context().close();
  }
});

test('the first trace waits for no SAE but the one in view', async () => {
  let release;
  const hold = new Promise((resolve) => (release = resolve));
  server.rules = manifest.saes.filter(({ id }) => id !== MIDDLE.id).map((sae) => ({ match: missing(sae).match, hold }));
  const page = await browser.newPage();
  await page.goto(server.url(''));
  await page.waitForFunction(() => document.body?.dataset.state === 'ready');
  assert.ok((await latents(page)).length > 0);
  assert.deepEqual(await part(page, 'sae-switch').evaluateAll((all) => all.map((one) => one.dataset.sae)), [MIDDLE.id]);
  release();
  await page.waitForFunction((count) => document.querySelectorAll('[data-testid="sae-switch"]').length === count, SAES.length);
  await page.close();
});
