// What the page says and does where a part of it is missing, where a script changes what is loaded, and where it may not
// do what it needs to do.

import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';

import { latents, openApp, openLibrary, part, ready, serious } from '../support/app.js';
import { manifest } from '../support/demo.js';
import { launch, newPage } from '../support/chromium.js';
import { asset, serve } from '../support/server.js';

let server;
let browser;
before(async () => {
  server = await serve();
  browser = await launch({ webgpu: false });
});
afterEach(() => {
  server.rules = [];
  server.requests.length = 0;
  server.files.clear();
});
after(async () => {
  await browser?.close();
  await server?.close();
});

const state = (page) => page.evaluate(() => document.body.dataset.state);
const untilState = (page, word) => page.waitForFunction((want) => document.body?.dataset.state === want, word);

test('a missing SAE of the demo costs that SAE only, and can be loaded later', async () => {
  server.rules = [{ match: /layer_3\/sae_weights/, status: 404 }];
  const page = await newPage(browser);
  page.setDefaultTimeout(20_000);
  await page.goto(server.url(''));
  await untilState(page, 'ready');
  assert.match(await part(page, 'error').innerText(), /Not loaded: openai\.layer_3\..*sae_weights\.safetensors/s);
  assert.deepEqual(await part(page, 'sae-switch').evaluateAll((all) => all.map((one) => one.dataset.sae)), ['openai.layer_1', 'openai.layer_5']);
  assert.ok((await latents(page)).length > 0);
  assert.deepEqual(await serious(page), []);
  server.rules = [];
  await part(page, 'error').getByRole('button', { name: /Try again|Resume/ }).click();
  await part(page, 'error').waitFor({ state: 'hidden' });
  await part(page, 'progress').waitFor({ state: 'hidden' });
  await ready(page);
  assert.equal(await part(page, 'sae-switch').count(), 3);
  assert.ok((await latents(page)).length > 0);
  await page.context().close();
});

test('without all of its SAEs the demo still traces', async () => {
  server.rules = [{ match: /^demo\/sae\//, status: 404 }];
  const page = await newPage(browser);
  await page.goto(server.url(''));
  await untilState(page, 'ready');
  const said = await part(page, 'error').innerText();
  for (const { id } of manifest.saes) assert.ok(said.includes(id), said);
  assert.ok((await part(page, 'token').count()) > 10);
  assert.match(await part(page, 'next-tokens').innerText(), /%/);
  await page.context().close();
});

test('a link about the SAE that failed shows nothing of another, and is restored when it comes', async () => {
  server.rules = [{ match: /layer_3\/sae_weights/, status: 404 }];
  const page = await newPage(browser);
  page.setDefaultTimeout(20_000);
  await page.goto(server.url('#model=demo&sae=openai.layer_3&token=4&feature=16'));
  await untilState(page, 'ready');
  assert.match(await part(page, 'missing-sae').innerText(), /feature 16 of the SAE “openai\.layer_3”/);
  assert.equal(await part(page, 'feature-panel').count(), 0);
  server.rules = [];
  await part(page, 'error').getByRole('button', { name: /Try again|Resume/ }).click();
  await part(page, 'feature-panel').waitFor();
  assert.equal(await part(page, 'feature-panel').getAttribute('data-latent'), '16');
  await page.context().close();
});

for (const file of ['app.wasm', 'boot.js']) {
  test(`without ${file} the page says so, and reloads on request`, async () => {
    server.rules = [{ match: new RegExp(`^${asset(file).replace('.', '\\.')}$`), status: 404 }];
    const page = await newPage(browser);
    await page.goto(server.url(''));
    const error = part(page, 'error');
    await error.waitFor();
    assert.equal(await state(page), 'error');
    const named = asset(file).replace('assets/', '');
    const said = await error.innerText();
    assert.ok(said.includes(named), said);
    assert.match(said, /could not start/);
    assert.deepEqual(await serious(page), []);
    server.rules = [];
    await error.getByRole('button', { name: 'Reload' }).click();
    await untilState(page, 'ready');
    await page.context().close();
  });
}

for (const file of [asset('worker.js'), asset('engine.wasm'), 'demo/demo.json']) {
  test(`without ${file} the page says so, and loads again on request`, async () => {
    server.rules = [{ match: new RegExp(`^${file.replace('.', '\\.')}$`), status: 404 }];
    const page = await newPage(browser);
    await page.goto(server.url(''));
    await untilState(page, 'error');
    assert.match(await part(page, 'error').first().innerText(), /worker|engine-\w+\.wasm|demo\.json/);
    server.rules = [];
    await page.getByRole('button', { name: 'Load again' }).click();
    await untilState(page, 'ready');
    assert.ok((await latents(page)).length > 0);
    await page.context().close();
  });
}

test('in a frame without an origin the page says why it cannot work; with one it works', async () => {
  const frame = (sandbox) => Buffer.from(`<!doctype html><html lang="en"><title>frame</title><iframe title="page" sandbox="${sandbox}" src="index.html"></iframe>`);
  server.files.set('alone.html', frame('allow-scripts'));
  server.files.set('with.html', frame('allow-scripts allow-same-origin'));
  const page = await newPage(browser);
  await page.goto(server.url('alone.html'));
  const inside = page.frameLocator('iframe');
  await inside.locator('[data-testid="error"]').waitFor();
  const said = await inside.locator('body').innerText();
  assert.match(said, /sandboxed/);
  assert.match(said, /allow-same-origin/);
  assert.equal(await inside.locator('body').getAttribute('data-state'), 'error');
  await page.goto(server.url('with.html'));
  await inside.locator('body[data-state="ready"]').waitFor();
  assert.ok((await inside.locator('[data-testid="feature-row"]').count()) > 0);
  await page.context().close();
});

test('what a script loads is shown, and the page is ready again', async () => {
  const page = await openApp(browser, server);
  page.setDefaultTimeout(20_000);
  const before = await latents(page);
  await page.evaluate(async () => {
    await window.saeExplorer.loadSae(new URL('fixtures/openai/layer_1.pt', document.baseURI), { id: 'mine', hook: 'blocks.1.hook_resid_post' });
  });
  await part(page, 'sae-switch', '[data-sae="mine"][aria-pressed="true"]').waitFor();
  await untilState(page, 'ready');
  const shown = await latents(page);
  assert.notDeepEqual(shown, before);
  const token = Number(await part(page, 'token', '[aria-selected="true"]').getAttribute('data-index'));
  const expected = await page.evaluate(async (at) => {
    const { saes } = await window.saeExplorer.trace(document.querySelector('[data-testid="prompt"]').value, { saes: ['mine'] });
    const { k, latents: all } = saes[0];
    return [...all.slice(at * k, (at + 1) * k)].filter((latent) => latent >= 0);
  }, token);
  assert.deepEqual(shown, expected);
  // Other weights under the same id: what is shown is theirs. The page's trace waits for those of the script.
  await page.evaluate(async () => {
    await window.saeExplorer.loadSae(new URL('fixtures/openai/layer_5.pt', document.baseURI), { id: 'mine', hook: 'blocks.5.hook_resid_post' });
    for (let again = 0; again < 5; again += 1) await window.saeExplorer.trace('What a script asks itself');
  });
  await part(page, 'sae-switch', '[data-sae="mine"][title*="blocks.5"]').waitFor();
  await untilState(page, 'ready');
  assert.notDeepEqual(await latents(page), shown);
  await page.evaluate(() => window.saeExplorer.unloadSae('mine'));
  await part(page, 'sae-switch', '[data-sae="mine"]').waitFor({ state: 'detached' });
  await untilState(page, 'ready');
  assert.ok((await latents(page)).length > 0);
  // A model that a script loads takes its SAEs along.
  await page.evaluate(() => window.saeExplorer.loadModel('demo'));
  await part(page, 'sae-switch').first().waitFor({ state: 'detached' });
  await untilState(page, 'ready');
  await page.evaluate(() => window.saeExplorer.loadSae('demo'));
  await part(page, 'sae-switch').nth(2).waitFor();
  await untilState(page, 'ready');
  assert.ok((await latents(page)).length > 0);
  await page.evaluate(() => window.saeExplorer.dispose());
  await untilState(page, 'error');
  await page.getByRole('button', { name: 'Load again' }).click();
  await untilState(page, 'ready');
  assert.deepEqual(page.seen.errors, []);
  await page.context().close();
});

test('looking at a link is cancelled, and what comes late is not shown', async () => {
  const page = await openApp(browser, server);
  page.setDefaultTimeout(15_000);
  await openLibrary(page);
  let release;
  server.rules = [{ match: /^slow\//, hold: new Promise((resolve) => (release = resolve)) }];
  server.files.set('slow/cfg.json', Buffer.from(JSON.stringify({ architecture: 'topk', d_in: 256, d_sae: 32, k: 4, metadata: { hook_name: 'blocks.1.hook_resid_post' } })));
  const field = page.getByRole('textbox', { name: /owner\/name/ });
  await field.fill(server.url('slow/'));
  await page.keyboard.press('Enter');
  await part(page, 'looking').waitFor();
  await part(page, 'cancel-looking').click();
  await part(page, 'looking').waitFor({ state: 'hidden' });
  release();
  // Another look is answered, and only that one.
  server.files.set('quick/cfg.json', Buffer.from(JSON.stringify({ architecture: 'topk', d_in: 256, d_sae: 64, k: 4, metadata: { hook_name: 'blocks.2.hook_resid_post' } })));
  await field.fill(server.url('quick/'));
  await page.keyboard.press('Enter');
  const found = part(page, 'found').locator('li');
  await found.first().waitFor();
  await page.waitForTimeout(200);
  assert.deepEqual([await found.count(), /quick/.test(await found.first().innerText())], [1, true]);
  assert.deepEqual(page.seen.errors, []);
  await page.context().close();
});

test('of two looks at links the later one is shown, whichever is answered first', async () => {
  const page = await openApp(browser, server);
  page.setDefaultTimeout(15_000);
  await openLibrary(page);
  let release;
  server.rules = [{ match: /^slow\//, hold: new Promise((resolve) => (release = resolve)) }];
  for (const name of ['slow', 'quick']) {
    server.files.set(`${name}/cfg.json`, Buffer.from(JSON.stringify({ architecture: 'topk', d_in: 256, d_sae: 32, k: 4, metadata: { hook_name: 'blocks.1.hook_resid_post' } })));
  }
  const field = page.getByRole('textbox', { name: /owner\/name/ });
  for (const name of ['slow', 'quick']) {
    await field.fill(server.url(`${name}/`));
    await page.keyboard.press('Enter');
  }
  const found = part(page, 'found').locator('li');
  await found.filter({ hasText: 'quick' }).waitFor();
  release();
  await page.waitForTimeout(500);
  assert.match(await found.first().innerText(), /quick/);
  await page.context().close();
});

test('the first load is cancelled, and begun again', async () => {
  let release;
  server.rules = [{ match: /model\.safetensors$/, hold: new Promise((resolve) => (release = resolve)) }];
  const page = await newPage(browser);
  page.setDefaultTimeout(20_000);
  await page.goto(server.url(''));
  while (!server.requests.some((asked) => asked.endsWith('model.safetensors'))) await page.waitForTimeout(20);
  await part(page, 'cancel').click();
  await untilState(page, 'error');
  assert.match(await part(page, 'error').innerText(), /Stopped/);
  release();
  server.rules = [];
  await page.getByRole('button', { name: 'Load again' }).click();
  await untilState(page, 'ready');
  assert.ok((await latents(page)).length > 0);
  await page.context().close();
});
