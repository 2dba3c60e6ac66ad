// The page on WebGPU.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { latents, openApp, part } from '../support/app.js';
import { launch } from '../support/chromium.js';
import { serve } from '../support/server.js';

test('traces its first prompt on the GPU, and comes back after the device is lost', async (t) => {
  const server = await serve();
  const browser = await launch();
  t.after(async () => {
    await browser.close();
    await server.close();
  });
  const page = await openApp(browser, server);
  assert.match(await part(page, 'status').innerText(), /WebGPU/);
  assert.equal((await page.evaluate(() => window.saeExplorer.info())).backend, 'gpu');
  const prompt = await part(page, 'prompt').inputValue();
  const shown = await latents(page);
  assert.ok(shown.length > 0);
  await page.evaluate(() => window.saeExplorer._loseDevice());
  await part(page, 'token', '[data-index="2"]').click();
  await part(page, 'feature-row').first().click();
  await part(page, 'feature-panel').waitFor();
  await page.waitForFunction(() => document.body.dataset.state === 'ready');
  assert.equal(await part(page, 'prompt').inputValue(), prompt);
  const again = await page.evaluate((text) => window.saeExplorer.trace(text), prompt);
  assert.ok(again.tokens.length > 10);
  assert.deepEqual(page.seen.errors, []);
});
