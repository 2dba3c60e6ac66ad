// Every request of a visit through the whole page, as a proxy sees them: all are for the site, whoever asks.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { STILL, openPrompt, part, ready, trace } from '../support/app.js';
import { launch, newPage } from '../support/chromium.js';
import { recorded } from '../support/demo.js';
import { RECORDED, recorder } from '../support/recorder.js';
import { serve } from '../support/server.js';

let server;
let browser;
before(async () => {
  server = await serve();
  browser = await launch({ webgpu: false, ...RECORDED });
});
after(async () => {
  await browser?.close();
  await server?.close();
});

const elsewhere = ({ requests }) => requests.filter((one) => !one.startsWith(`GET ${server.origin}/`) && !one.startsWith(`HEAD ${server.origin}/`));

test('the recorder sees what pages, workers, and workers of workers ask for', async (t) => {
  const proxy = await recorder({ to: [server.origin] });
  t.after(() => proxy.close());
  const page = await newPage(browser, proxy.context);
  t.after(() => page.context().close());
  await page.goto(server.url('bare.html'));
  await page.evaluate(async () => {
    const ask = (name) => `fetch('http://stranger.invalid/${name}').catch(() => {})`;
    const start = (code) => `new Worker(URL.createObjectURL(new Blob([${JSON.stringify(code)}])))`;
    const nested = `${ask('nested')}.then(() => postMessage(1))`;
    await new Function(`return ${ask('page')}`)();
    await new Promise((done) => {
      const worker = new Worker(URL.createObjectURL(new Blob([`const inner = ${start(nested)}; inner.onmessage = () => ${ask('worker')}.then(() => postMessage(1));`])));
      worker.onmessage = done;
    });
    new WebSocket('wss://stranger.invalid/');
    await new Promise((done) => setTimeout(done, 200));
  });
  assert.deepEqual(elsewhere(proxy), [...['page', 'nested', 'worker'].map((name) => `GET http://stranger.invalid/${name}`), 'CONNECT stranger.invalid:443']);
});

test('a visit of every part of the page asks nobody but the site', async (t) => {
  const proxy = await recorder({ to: [server.origin] });
  t.after(() => proxy.close());
  const page = await newPage(browser, { ...STILL, ...proxy.context, permissions: ['clipboard-read', 'clipboard-write'], acceptDownloads: true });
  t.after(() => page.context().close());
  await page.goto(server.url(''));
  await ready(page);
  const go = async (hash, name) => {
    await page.evaluate((to) => (location.hash = to), hash);
    await part(page, name).first().waitFor();
  };

  await part(page, 'begin-tour').click();
  const tour = part(page, 'tour');
  while ((await tour.getByRole('button', { name: 'Next' }).count()) > 0) await tour.getByRole('button', { name: 'Next' }).click();
  await tour.getByRole('button', { name: 'Done' }).click();

  await openPrompt(page);
  await trace(page, 'The wolf ran into the wood');
  await part(page, 'ablate').click();
  await part(page, 'clean-and-edited').first().waitFor();
  // Figures for articles, in their three forms.
  await part(page, 'copy-embed').click();
  for (const command of ['copy embed iframe', 'copy embed markdown', 'copy link']) {
    await page.evaluate(() => document.activeElement?.blur());
    await page.keyboard.press('Control+k');
    await part(page, 'find-field').fill(command);
    await part(page, 'find-hit').first().waitFor();
    await page.keyboard.press('Enter');
    await part(page, 'find-dialog').waitFor({ state: 'hidden' });
  }

  // Statistics: the list of features, one of them, and those of a text of one's own.
  await go('#/features', 'browse-row');
  await go(`#/features/${recorded.sae.id}/9`, 'context');
  await go('#/features', 'scan-open');
  await part(page, 'scan-open').click();
  await page.setInputFiles('[data-testid="scan-files"]', { name: 'a.txt', mimeType: 'text/plain', buffer: Buffer.from('Once upon a time there was a king. '.repeat(20)) });
  await part(page, 'scan-texts').getByText(/a\.txt/).waitFor();
  for (const box of await page.locator('[data-set]').all()) if ((await box.getAttribute('data-set')) !== recorded.sae.id) await box.uncheck();
  await part(page, 'scan-start').click();
  await page.waitForFunction(() => location.hash.includes('atlas='));
  await part(page, 'listed-count', '[data-count]').waitFor();

  // A training, as far as it says what it takes.
  await go('#/lab/train', 'train-route');
  await part(page, 'train-source').selectOption('files');
  await part(page, 'train-files').setInputFiles({ name: 'a.txt', mimeType: 'text/plain', buffer: Buffer.from('Once upon a time there was a king. '.repeat(40)) });
  for (const [name, typed] of [['latents', '16'], ['k', '2'], ['batch', '16']]) await part(page, `train-${name}`).fill(typed);
  await part(page, 'train-look').click();
  await part(page, 'train-start').click();
  await part(page, 'trained').waitFor();

  // An evaluation, on the text that lies beside the page.
  await go('#/lab/compare', 'compare-route');
  await part(page, 'compare-tokens').fill('200');
  await part(page, 'compare-start').click();
  await part(page, 'compared', '[data-running="false"]').waitFor();

  // Steering, with its pages.
  const prompt = 'prompt=The+wolf+ran';
  await go(`#/steer?${prompt}&edit=${encodeURIComponent(`${recorded.sae.id}:9=0`)}`, 'steer');
  await part(page, 'steer').getByLabel('tokens at most', { exact: true }).fill('4');
  await part(page, 'steer-start').click();
  await part(page, 'steer-kl').waitFor();
  await go(`#/steer/dose?${prompt}`, 'dose');
  await go(`#/steer/effects?${prompt}`, 'effects');
  await go(`#/steer/patch?${prompt}`, 'patch');

  // The graph, recorded and live.
  await go('#/circuits/live', 'circuits');
  await part(page, 'circuits').getByLabel('tokens at most', { exact: true }).fill('3');
  await part(page, 'watch-start').click();
  await page.waitForFunction(() => {
    const { recorded: before, running } = document.querySelector('[data-testid="circuits"]').dataset;
    return before === 'false' && running === 'false';
  });

  // What is published is listed without a download.
  await go('#/library', 'catalogue-model');
  await go('#/embed/prompt', 'figure');
  // An article with figures, and the page once more, out of its service worker.
  await page.goto(server.url('embed.html'));
  await page.frameLocator('#prompt >> iframe').locator('body[data-state="ready"]').waitFor();
  await page.goto(server.url('#/library'));
  await part(page, 'offline', '[data-offline="whole"]').waitFor();

  assert.ok(proxy.requests.includes(`GET ${server.url('demo/model/model.safetensors')}`), 'the proxy sees requests of the worker that reads files');
  assert.ok(proxy.requests.includes(`GET ${server.url('sw.js')}`));
  assert.deepEqual(elsewhere(proxy), []);
  assert.deepEqual(page.seen.errors, []);
});
