// Several figures share one engine: one worker, one device, one copy of the weights; and each goes on without the others.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { frameOf, openArticle, scriptOf, serveArticles, told } from '../support/article.js';
import { engines, launch } from '../support/chromium.js';
import { SAES } from '../support/demo.js';
import { counting } from '../support/gpu-memory.js';
import { DEMO_SAES, assertFound } from '../support/parity.js';
import { asset, dist, serve } from '../support/server.js';

let site;
let browser;
let article;
before(async () => {
  site = await serve({ prefix: '/tools/' });
  site.files.set(asset('worker.js'), Buffer.from(`(${counting})();\n${await readFile(join(dist, asset('worker.js')), 'utf8')}`));
  browser = await launch();
  article = await serveArticles(site);
});
after(async () => {
  await browser?.close();
  await site?.close();
  article?.close();
});

/** Bytes of live GPU buffers of all engines, as they count them. */
async function gpuBytes(page, id) {
  const figure = await frameOf(page, id);
  return figure.evaluate(() => new Promise((resolve) => {
    const channel = new BroadcastChannel('gpu-memory');
    let sum = 0;
    channel.onmessage = ({ data }) => (sum += typeof data === 'number' ? data : 0);
    channel.postMessage('ask');
    setTimeout(() => (channel.close(), resolve(sum)), 300);
  }));
}

const open = (t, text, options) => openArticle(t, browser, article, `${scriptOf(site)}${text}`, options);
const figure = (id, prompt, more = '') => `<sae-explorer id="${id}" prompt="${prompt}" ${more}></sae-explorer>`;

/** Adds a figure to an article's end, and waits until all that it loads is there. */
async function add(page, id, prompt, more = {}) {
  await page.evaluate(([one, text, attributes]) => {
    const figure = document.createElement('sae-explorer');
    Object.entries({ id: one, prompt: text, ...attributes }).forEach(([name, value]) => figure.setAttribute(name, value));
    document.querySelector('main').append(figure);
    figure.scrollIntoView();
  }, [id, prompt, more]);
  await whole(page, id);
}

/** Waits until a figure's engine has all of the demo's SAEs, and no call is under way. */
async function whole(page, id) {
  await told(page, id, 'ready');
  await (await frameOf(page, id)).waitForFunction((count) => window.saeExplorer?.loaded.saes.length === count, SAES.length);
  await (await frameOf(page, id)).evaluate(() => window.saeExplorer.info());
}

const loss = async (page, id, prompt) => (await frameOf(page, id)).evaluate(async (text) => (await window.saeExplorer.trace(text)).loss, prompt);

test('three figures have one engine, hardly more memory than one, and request each file once', async (t) => {
  site.requests.length = 0;
  const page = await open(t, figure('one', 'The wolf ran'));
  await whole(page, 'one');
  const alone = await gpuBytes(page, 'one');
  assert.ok(alone > 10e6, String(alone));
  const requested = site.requests.filter((one) => /demo\/(model|sae)\//.test(one));
  await add(page, 'two', 'Once upon a time');
  const two = await gpuBytes(page, 'one');
  await add(page, 'three', 'She went into the garden', { view: 'next-token' });
  const three = await gpuBytes(page, 'one');
  assert.deepEqual(await engines(browser), { shared: 1, own: 0 });
  assert.ok(two <= 1.15 * alone && three <= 1.15 * alone, `${alone}, ${two}, ${three} bytes`);
  assert.deepEqual(site.requests.filter((one) => /demo\/(model|sae)\//.test(one)), requested);
  assert.equal(new Set(requested).size, requested.length, requested.join('\n'));
  const { deviceBytes } = await (await frameOf(page, 'two')).evaluate(() => window.saeExplorer.info());
  assert.equal(three, deviceBytes, 'the engine\u2019s own count is that of the buffers');
  t.diagnostic(`${alone} bytes with one figure, ${two} with two, ${three} with three`);
  assert.deepEqual(await page.evaluate(() => window.told.filter(([, event]) => event === 'error')), []);
  assert.deepEqual(page.seen.errors, []);
});

test('figures that ask at the same time are all answered, each with the reference\u2019s numbers', async (t) => {
  const page = await open(t, figure('one', 'The wolf ran') + figure('two', 'Once upon a time'));
  for (const id of ['one', 'two']) await whole(page, id);
  const compared = async (id, name) => (await frameOf(page, id)).evaluate(async ([fixture, saes]) => {
    const parity = await import(new URL('e2e/parity.js', document.baseURI));
    return parity.compare(window.saeExplorer, fixture, saes, false);
  }, [name, DEMO_SAES]);
  const [gloss, fairy] = await Promise.all([compared('one', 'gloss'), compared('two', 'fairy')]);
  assertFound('gloss', gloss, { every: false });
  assertFound('fairy', fairy, { every: false });
  // The second request of one makes its first obsolete, and none of the other's.
  const [one, two] = [await frameOf(page, 'one'), await frameOf(page, 'two')];
  const twice = (frame) => frame.evaluate(async () => (await Promise.allSettled([window.saeExplorer.trace('The wolf ran into the wood'), window.saeExplorer.trace('Once')])).map(({ status, reason }) => reason?.code ?? status));
  assert.deepEqual(await Promise.all([twice(one), twice(two)]), [['cancelled', 'fulfilled'], ['cancelled', 'fulfilled']]);
});

test('when the first figure goes, the others go on without loading anything', async (t) => {
  const page = await open(t, figure('one', 'The wolf ran') + figure('two', 'Once upon a time'));
  for (const id of ['one', 'two']) await whole(page, id);
  const before = await gpuBytes(page, 'two');
  site.requests.length = 0;
  await page.evaluate(() => document.querySelector('#one').remove());
  const from = await page.evaluate(() => {
    const at = window.told.length;
    document.querySelector('#two').prompt = 'The wolf ran into the wood';
    return at;
  });
  const trace = await told(page, 'two', 'trace', from);
  assert.deepEqual([trace.prompt, trace.recorded], ['The wolf ran into the wood', false]);
  assert.ok((await gpuBytes(page, 'two')) <= 1.05 * before);
  assert.deepEqual(site.requests.filter((one) => !/demo\/atlas/.test(one)), []);
  assert.deepEqual(await page.evaluate(() => window.told.filter(([, event]) => event === 'error')), []);
});

test('what one figure unloads the other keeps, and each sees its own', async (t) => {
  const page = await open(t, figure('one', 'The wolf ran') + figure('two', 'Once upon a time'));
  for (const id of ['one', 'two']) await whole(page, id);
  const [one, two] = [await frameOf(page, 'one'), await frameOf(page, 'two')];
  const expected = await loss(page, 'two', 'The wolf ran');
  const [gone] = SAES;
  await one.evaluate((id) => window.saeExplorer.unloadSae(id), gone);
  const ids = (frame) => frame.evaluate(async () => (await window.saeExplorer.trace('The wolf ran')).saes.map(({ id }) => id));
  assert.deepEqual(await ids(one), SAES.filter((id) => id !== gone));
  assert.deepEqual((await ids(two)).sort(), [...SAES].sort());
  assert.equal(await loss(page, 'two', 'The wolf ran'), expected);
});

test('a figure with another model has an engine of its own; the others keep theirs', async (t) => {
  const page = await open(t, figure('one', 'The wolf ran') + figure('two', 'Once upon a time'));
  for (const id of ['one', 'two']) await whole(page, id);
  const two = await frameOf(page, 'two');
  // The same files under a name, as another model would be.
  await two.evaluate(async () => {
    const at = (path) => new URL(`demo/model/${path}`, document.baseURI).href;
    await window.saeExplorer.loadModel({ config: at('config.json'), weights: at('model.safetensors'), tokenizer: at('tokenizer.json') }, { id: 'other', prependBos: false });
  });
  assert.deepEqual(await engines(browser), { shared: 1, own: 1 });
  const model = async (id) => (await frameOf(page, id)).evaluate(async () => (await window.saeExplorer.info()).model.id);
  assert.deepEqual([await model('one'), await model('two')], ['demo', 'other']);
  const found = await two.evaluate(async () => (await window.saeExplorer.trace('The wolf ran')).bosPrepended);
  assert.equal(found, false);
  assert.ok((await loss(page, 'one', 'The wolf ran')) > 0);
});

test('a lost device is replaced once for all of them', async (t) => {
  const page = await open(t, figure('one', 'The wolf ran') + figure('two', 'Once upon a time'));
  for (const id of ['one', 'two']) await whole(page, id);
  const expected = await loss(page, 'one', 'The wolf ran');
  const before = await gpuBytes(page, 'one');
  await (await frameOf(page, 'one')).evaluate(() => window.saeExplorer._loseDevice());
  assert.equal(await loss(page, 'one', 'The wolf ran'), expected);
  assert.equal(await loss(page, 'two', 'The wolf ran'), expected);
  assert.deepEqual(await engines(browser), { shared: 1, own: 0 });
  const { deviceBytes } = await (await frameOf(page, 'two')).evaluate(() => window.saeExplorer.info());
  assert.ok(deviceBytes <= 1.15 * before, `${deviceBytes} after ${before}`);
});

test('a worker that stops is replaced by another shared one', async (t) => {
  const page = await open(t, figure('one', 'The wolf ran') + figure('two', 'Once upon a time'));
  for (const id of ['one', 'two']) await whole(page, id);
  const expected = await loss(page, 'one', 'The wolf ran');
  const session = await browser.newBrowserCDPSession();
  const { targetInfos } = await session.send('Target.getTargets');
  const { targetId } = targetInfos.find(({ type, url }) => type === 'shared_worker' && url.includes('assets/worker-'));
  const { sessionId } = await session.send('Target.attachToTarget', { targetId, flatten: false });
  await session.send('Target.sendMessageToTarget', { sessionId, message: JSON.stringify({ id: 1, method: 'Runtime.evaluate', params: { expression: 'self.saeExplorerPanicked("played")' } }) });
  // What a debugger looks at does not end.
  await session.detach();
  for (const id of ['one', 'two']) assert.equal(await loss(page, id, 'The wolf ran'), expected);
  assert.deepEqual(await engines(browser), { shared: 1, own: 0 });
});

test('frames that an author writes by hand share it, too', async (t) => {
  const address = (prompt) => `${site.url('index.html')}#/embed/prompt?prompt=${prompt}`;
  const page = await open(t, ['The+wolf', 'Once'].map((prompt) => `<iframe src="${address(prompt)}" width="800" height="400"></iframe>`).join(''));
  for (const index of [0, 1]) await page.frameLocator('iframe').nth(index).locator('body[data-state="ready"]').waitFor();
  assert.deepEqual(await engines(browser), { shared: 1, own: 0 });
});

test('a hundred rounds of taking a figure out and putting it in take no more memory', async (t) => {
  const page = await open(t, figure('one', 'The wolf ran') + figure('two', 'Once upon a time'));
  for (const id of ['one', 'two']) await whole(page, id);
  const session = await page.context().newCDPSession(page);
  const measure = async () => {
    for (let again = 0; again < 2; again += 1) await session.send('HeapProfiler.collectGarbage');
    const { usedSize } = await session.send('Runtime.getHeapUsage');
    const { documents, nodes } = await session.send('Memory.getDOMCounters');
    return { gpu: await gpuBytes(page, 'two'), heap: usedSize, documents, nodes };
  };
  const rounds = async (count) => {
    const from = await page.evaluate(async (many) => {
      const one = document.querySelector('#one');
      const parent = one.parentNode;
      for (let round = 0; round < many; round += 1) {
        one.remove();
        const heard = window.told.length;
        parent.prepend(one);
        // A part of them get as far as to ask the engine.
        if (round % 10 === 9) while (!window.told.slice(heard).some(([id, event]) => id === 'one' && event === 'ready')) await new Promise((done) => setTimeout(done, 20));
        else await new Promise((done) => setTimeout(done, 10));
      }
      one.remove();
      const at = window.told.length;
      parent.prepend(one);
      return at;
    }, count);
    await told(page, 'one', 'ready', from);
    await whole(page, 'one');
  };
  await rounds(10);
  const first = await measure();
  await rounds(100);
  const last = await measure();
  t.diagnostic(JSON.stringify({ first, last }));
  assert.ok(last.gpu <= 1.05 * first.gpu, 'bytes of live GPU buffers');
  assert.ok(last.heap <= 1.2 * first.heap + 2e6, 'JavaScript\u2019s heap');
  assert.ok(last.documents <= first.documents + 3, 'documents');
  assert.deepEqual(await engines(browser), { shared: 1, own: 0 });
  assert.deepEqual(page.seen.errors, []);
});
