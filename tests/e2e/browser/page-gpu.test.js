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
  const row = (at) =>
    page.evaluate(
      async ([text, token]) => {
        const { saes } = await window.saeExplorer.trace(text, { saes: ['openai.layer_3'] });
        const { k, latents: all } = saes[0];
        return [...all.slice(token * k, (token + 1) * k)].filter((latent) => latent >= 0);
      },
      [prompt, at],
    );
  assert.equal(await part(page, 'sae-switch', '[data-sae="openai.layer_3"]').getAttribute('aria-pressed'), 'true');
  const token = Number(await part(page, 'token', '[aria-selected="true"]').getAttribute('data-index'));
  assert.deepEqual(await latents(page), await row(token));
  await page.evaluate(() => window.saeExplorer._loseDevice());
  await part(page, 'token', '[data-index="2"]').click();
  await part(page, 'feature-row').first().click();
  await part(page, 'feature-panel').waitFor();
  await page.waitForFunction(() => document.body.dataset.state === 'ready');
  assert.equal(await part(page, 'prompt').inputValue(), prompt);
  assert.deepEqual(await latents(page), await row(2), 'on the device that came after');
  assert.deepEqual(page.seen.errors, []);
});
