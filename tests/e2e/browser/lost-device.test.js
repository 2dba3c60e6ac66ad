// A GPU device that is lost in the middle of an upload: loaded again on another one, or told with what to do.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';

import { part } from '../support/app.js';
import { newPage, openBare } from '../support/chromium.js';
import { asset, dist } from '../support/server.js';
import { suite } from '../support/suite.js';

const PROMPT = 'Once upon a time';
const { server, browser } = await suite();

// What a worker's script begins with: the device is destroyed once so many bytes were written to it, or once so many
// more were as a message says.
const prelude = (bytes) => `{
  let left = ${bytes};
  let device = null;
  addEventListener('message', ({ data }) => { left = data.loseAfter ?? left; });
  const { requestDevice } = GPUAdapter.prototype;
  GPUAdapter.prototype.requestDevice = async function (...given) { return (device = await requestDevice.apply(this, given)); };
  const { writeBuffer } = GPUQueue.prototype;
  GPUQueue.prototype.writeBuffer = function (buffer, offset, data, from, size = data.byteLength) {
    if (left >= 0 && (left -= size) < 0) device.destroy();
    return writeBuffer.call(this, buffer, offset, data, from, size);
  };
}`;

// In an empty page, which has no policy against it, every worker gets that before its script. The first number of
// `window.losses` is for the next worker, and `loseAfter(bytes)` tells the present one.
const losing = `
  const prelude = ${prelude};
  const module = (text) => URL.createObjectURL(new Blob([text], { type: 'text/javascript' }));
  const Real = window.Worker;
  let worker = null;
  window.losses = [];
  window.loseAfter = (bytes) => worker.postMessage({ loseAfter: bytes });
  window.Worker = function Worker(url, options) {
    const before = module(prelude(window.losses.shift() ?? Infinity));
    worker = new Real(module("import '" + before + "'; import '" + url + "';"), options);
    return worker;
  };`;

async function open() {
  const page = await openBare(browser, server, { init: { content: losing } });
  await page.evaluate(async () => {
    window.notices = [];
    window.engine = await SaeExplorer.create({ backend: 'gpu', onNotice: ({ code }) => notices.push(code) });
    window.stored = async (name) => (await engine.storage()).entries.filter((entry) => entry.name === name).map(({ complete }) => complete);
  });
  return page;
}

test('while a model is uploaded: once costs nothing but time, again is told, and the next loading goes well', async () => {
  const page = await open();
  const found = await page.evaluate(async (prompt) => {
    const told = [];
    loseAfter(5e6);
    told.push(await window.fault(engine.loadModel('demo')));
    const { loss } = await engine.trace(prompt);
    // Lost, and lost again on the device that comes after it.
    window.losses = [5e6];
    loseAfter(5e6);
    await engine.deleteStored('all');
    told.push(await window.fault(engine.loadModel('demo')));
    const between = await engine.trace(prompt);
    told.push(await window.fault(engine.loadModel('demo')));
    const again = await engine.trace(prompt);
    return { told, notices, losses: [loss, between.loss, again.loss], stored: await stored('model.safetensors'), backend: (await engine.info()).backend };
  }, PROMPT);
  const [first, second, third] = found.told;
  assert.equal(first.resolved, '[object Object]', JSON.stringify(first));
  assert.equal(second.code, 'device-lost', JSON.stringify(second));
  assert.match(second.message, /the GPU device was lost.*load the model.*again.*smaller/s);
  assert.equal(third.resolved, '[object Object]', JSON.stringify(third));
  assert.ok(found.notices.every((code) => code === 'device-lost') && found.notices.length >= 2, found.notices.join(' '));
  assert.equal(new Set(found.losses).size, 1, found.losses.join(' '));
  assert.deepEqual(found.stored, [true]);
  assert.equal(found.backend, 'gpu');
  await page.context().close();
});

test('while an SAE is uploaded: the model is there again with it', async () => {
  const page = await open();
  const found = await page.evaluate(async (prompt) => {
    await engine.loadModel('demo');
    const hook = 'blocks.3.hook_resid_post';
    const url = new URL('fixtures/openai/layer_3.pt', document.baseURI).href;
    loseAfter(1e6);
    const sae = await engine.loadSae(url, { hook, id: 'one' });
    const { saes } = await engine.trace(prompt);
    window.losses = [5e6];
    loseAfter(1e6);
    const failed = await window.fault(engine.loadSae(url, { hook, id: 'two' }));
    return { sae: sae.id, traced: saes.length, failed, loaded: (await engine.trace(prompt)).saes.map(({ id }) => id), stored: await stored('layer_3.pt') };
  }, PROMPT);
  assert.equal(found.sae, 'one');
  assert.equal(found.traced, 1);
  assert.equal(found.failed.code, 'device-lost', JSON.stringify(found.failed));
  assert.deepEqual(found.loaded, ['one']);
  assert.deepEqual(found.stored, [true]);
  await page.context().close();
});

test('on the page: what happened is shown, and one click goes on', async () => {
  const worker = await readFile(join(dist, asset('worker.js')), 'utf8');
  server.files.set(asset('worker.js'), Buffer.from(`${prelude(5e6)}\n${worker}`));
  const page = await newPage(browser);
  await page.goto(server.url(''));
  const error = part(page, 'error');
  await error.waitFor();
  assert.match(await error.innerText(), /GPU device was lost/);
  server.files.delete(asset('worker.js'));
  await error.getByRole('button', { name: 'Load again' }).click();
  await page.waitForFunction(() => document.body.dataset.state === 'ready');
  assert.equal(await error.count(), 0);
  assert.equal((await page.evaluate(() => window.saeExplorer.info())).model.id, 'demo');
  await page.context().close();
});
