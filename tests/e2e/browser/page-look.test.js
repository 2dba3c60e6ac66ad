// The page as it is seen: loading, light and dark, wide and narrow, and for those who cannot see it.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { STILL, openApp, part, picture, serious } from '../support/app.js';
import { newPage } from '../support/chromium.js';
import { asset, serve } from '../support/server.js';
import { suite } from '../support/suite.js';

const { server, browser } = await suite({ webgpu: false });

test('shows progress while it loads', async () => {
  let release;
  server.rules = [{ match: /model\.safetensors$/, hold: new Promise((resolve) => (release = resolve)) }];
  const page = await newPage(browser);
  await page.goto(server.url(''));
  await part(page, 'progress').waitFor({ state: 'visible' });
  assert.equal(await page.evaluate(() => document.body.dataset.state), 'loading');
  release();
  await page.waitForFunction(() => document.body.dataset.state === 'ready');
  await part(page, 'progress').waitFor({ state: 'hidden' });
  server.rules = [];
  await page.context().close();
});

test('says what went wrong where a file is missing', async () => {
  server.rules = [{ match: /demo\/model\/model\.safetensors$/, status: 404 }];
  const page = await newPage(browser);
  await page.goto(server.url(''));
  await page.waitForFunction(() => document.body.dataset.state === 'error');
  assert.match(await part(page, 'error').textContent(), /model\.safetensors/);
  server.rules = [];
  await page.context().close();
});

/** What is drawn is the tint that each token's step says, and not one on its way there. */
async function assertTints(page) {
  const tints = await part(page, 'token').evaluateAll((chips) =>
    chips.map((chip) => {
      const step = [...chip.classList].map((name) => /^t(\d+)$/.exec(name)?.[1]).find((found) => found !== undefined);
      const full = Number(getComputedStyle(document.documentElement).getPropertyValue('--tint'));
      const alpha = /\/ ([\d.]+)\)|, ([\d.]+)\)$/.exec(getComputedStyle(chip).backgroundColor);
      return [(Number(step) / 20) * full, Number(alpha?.[1] ?? alpha?.[2])];
    }),
  );
  assert.ok(tints.some(([want]) => want > 0));
  for (const [want, drawn] of tints) assert.ok(Math.abs(want - drawn) < 0.005, `${drawn} is drawn, ${want} is meant`);
  assert.equal(await page.evaluate(() => document.getAnimations().length), 0);
}

const VIEWS = [
  { name: 'wide', viewport: { width: 1440, height: 1000 }, colorScheme: 'light' },
  { name: 'dark', viewport: { width: 1440, height: 1000 }, colorScheme: 'dark' },
  { name: 'narrow', viewport: { width: 360, height: 800 }, colorScheme: 'light' },
  { name: 'narrow-dark', viewport: { width: 360, height: 800 }, colorScheme: 'dark' },
];
for (const { name, ...context } of VIEWS) {
  test(`${name}: everything fits, axe-core finds nothing serious`, async () => {
    const page = await openApp(browser, server, { context: { ...context, ...STILL } });
    await part(page, 'token').nth(8).click();
    // The strongest is active almost everywhere; the one after it is about this token, which shows more.
    await part(page, 'feature-row').nth(1).click();
    // On a narrow screen the feature is a sheet, which is seen open first and then out of the way.
    const handle = part(page, 'dock').locator('.handle');
    if (await handle.isVisible()) {
      await handle.click();
      await picture(page, `${name}-feature`);
      assert.deepEqual(await serious(page), []);
    }
    await part(page, 'feature-panel').waitFor({ state: 'visible' });
    if (await handle.isVisible()) await handle.click();
    await picture(page, name);
    await assertTints(page);
    const widths = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
    assert.ok(widths[0] <= widths[1], `${widths[0]} px of content on a page of ${widths[1]} px`);
    assert.deepEqual(await serious(page), []);
    await page.keyboard.press('Escape');
    await page.evaluate(() => document.activeElement?.blur());
    await page.keyboard.press('?');
    await part(page, 'keys-dialog').waitFor({ state: 'visible' });
    assert.deepEqual(await serious(page), []);
    assert.deepEqual(page.seen.errors, []);
    await page.context().close();
  });
}

test('asks no other origin for anything, and breaks no rule of its own policy', async () => {
  const page = await openApp(browser, server);
  const others = page.seen.requests.filter((url) => !url.startsWith(server.origin) && !/^(data|blob):/.test(url));
  assert.deepEqual(others, []);
  // What a worker's worker asks for is seen here as well.
  for (const asked of [asset('fetcher.js'), '/demo/model/model.safetensors']) assert.ok(page.seen.requests.some((url) => url.endsWith(asked)), asked);
  assert.deepEqual(page.seen.errors, []);
  const policy = await page.locator('meta[http-equiv="Content-Security-Policy"]').getAttribute('content');
  assert.match(policy, /default-src 'none'/);
  await page.context().close();
});

test('says that WebGPU is missing, and runs on the CPU', async () => {
  const page = await openApp(browser, server);
  assert.match(await part(page, 'status').textContent(), /CPU/);
  assert.match(await page.locator('body').innerText(), /WebGPU/);
  assert.ok((await part(page, 'feature-row').count()) > 0);
  await page.context().close();
});

test('works below a sub-path', async () => {
  const deep = await serve({ prefix: '/some/deep/path/' });
  const page = await openApp(browser, deep);
  assert.equal(await page.evaluate(() => document.body.dataset.state), 'ready');
  assert.ok((await part(page, 'token').count()) > 10);
  assert.deepEqual(page.seen.errors, []);
  await page.context().close();
  await deep.close();
});
