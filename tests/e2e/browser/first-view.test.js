// What index.html itself shows: the start page with the recorded trace's tokens, before the app has come.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { STILL, part, picture, ready, serious } from '../support/app.js';
import { newPage } from '../support/chromium.js';
import { recorded } from '../support/demo.js';
import { suite } from '../support/suite.js';

const { server, browser } = await suite({ webgpu: false });

/** A page whose app does not come before `release` is called; its model never does. */
async function held(context = {}, path = '') {
  let release;
  server.rules = [
    { match: /assets\/app-.*\.wasm$/, hold: new Promise((resolve) => (release = resolve)) },
    { match: /model\.safetensors$/, hold: new Promise(() => {}) },
  ];
  const page = await newPage(browser, { ...STILL, ...context });
  await page.goto(server.url(path), { waitUntil: 'commit' });
  return { page, release };
}

/** What a person sees of the start page above its results: each part's text, place and colours. */
const seen = (page) =>
  page.evaluate(() => {
    const parts = ['.top h1', '.saes', '.tabs a', '.find-button', '.saes .seg button', '.intro h2', '.intro p', '.doors a', '.examples button', 'textarea', '[data-testid=token]', '.help'];
    return parts.map((part) => [
      part,
      [...document.querySelectorAll(part)].map((element) => {
        const { x, y, width, height } = element.getBoundingClientRect();
        const { color, backgroundColor, outline } = getComputedStyle(element);
        const look = element.matches('[data-testid=token]') ? [color, backgroundColor, outline].join(' ') : '';
        return { text: (element.value ?? '') || element.innerText, box: [x, y, width, height], look };
      }),
    ]);
  });

for (const width of [1440, 1024, 390]) {
  test(`the start page is there before the app, and nothing of it moves when that comes, at a width of ${width}`, async () => {
    const { page, release } = await held({ viewport: { width, height: 900 } });
    await part(page, 'first-view').waitFor();
    await page.waitForFunction(() => getComputedStyle(document.querySelector('.intro h2')).fontWeight === '650');
    const tokens = await part(page, 'token').allInnerTexts();
    assert.deepEqual(tokens, recorded.trace.tokens.map(({ text }, index) => (index === 0 ? 'BOS' : text.replaceAll(' ', '␣'))));
    assert.deepEqual(await serious(page), []);
    if (width !== 1024) await picture(page, `first-view-${width}`);
    const first = await seen(page);
    const looks = new Set(first.find(([name]) => name.includes('token'))[1].map(({ look }) => look));
    assert.ok(looks.size > 1, 'the tokens of the selected feature are tinted');
    release();
    await part(page, 'liveness').waitFor();
    const app = await seen(page);
    for (const [at, [name, parts]] of first.entries()) {
      const [, others] = app[at];
      assert.equal(parts.length, others.length, name);
      for (const [index, { text, box, look }] of parts.entries()) {
        assert.equal(text, others[index].text, name);
        assert.equal(look, others[index].look, `${name} ${text}`);
        const moved = Math.max(...box.map((value, edge) => Math.abs(value - others[index].box[edge])));
        assert.ok(moved <= 2, `${name} ${text}: ${box} before, ${others[index].box} with the app`);
      }
    }
    assert.deepEqual(page.seen.errors, []);
    await page.context().close();
  });
}

test('a token that is followed before the app is there is selected by it', async () => {
  const { page, release } = await held();
  await part(page, 'first-view').waitFor();
  await part(page, 'token').nth(5).click();
  release();
  await part(page, 'liveness').waitFor();
  assert.equal(await part(page, 'token', '[aria-selected="true"]').getAttribute('data-index'), '5');
  assert.equal(await part(page, 'intro').count(), 1, 'it is still the start page');
  await page.context().close();
});

test('an address of another place does not show the start page first', async () => {
  const { page, release } = await held({}, '#/features');
  await page.getByText('Starting…').waitFor();
  assert.equal(await part(page, 'first-view').isVisible(), false);
  release();
  await part(page, 'tab', '[data-route="Features"][aria-current="page"]').waitFor();
  await page.context().close();
});

test('without JavaScript the recorded tokens can be read, and the page says why there is no more', async () => {
  server.rules = [];
  const page = await newPage(browser, { javaScriptEnabled: false });
  await page.goto(server.url(''));
  assert.ok(await page.locator('noscript p').isVisible());
  assert.match(await page.locator('noscript p').innerText(), /needs JavaScript/);
  assert.equal(await page.getByText('Loading the page').isVisible(), false);
  assert.equal(await part(page, 'token').count(), recorded.trace.tokens.length);
  assert.equal(await page.getByText('Starting…').isVisible(), false);
  await page.context().close();
});

test('from the first view to the live trace the tokens are on screen in every frame', async () => {
  server.rules = [];
  const page = await newPage(browser);
  await page.addInitScript(() => {
    window.frames = [];
    const look = () => {
      window.frames.push(document.querySelectorAll('[data-testid=token]').length);
      requestAnimationFrame(look);
    };
    look();
  });
  await page.goto(server.url(''));
  await ready(page);
  assert.equal(await part(page, 'first-view').count(), 0);
  const frames = await page.evaluate(() => window.frames);
  const begun = frames.findIndex((tokens) => tokens > 0);
  assert.deepEqual([...new Set(frames.slice(begun))], [recorded.trace.tokens.length]);
  await page.context().close();
});
