// Figures in an article of another site, as browsers divide them: where they may store, divided by the article's site, they share an
// engine; where a person has blocked that, each has its own.

import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { frameOf, openArticleIn, scriptOf, serveArticles, told } from '../support/article.js';
import { launchWithProfile } from '../support/chromium.js';
import { serve } from '../support/server.js';

let site;
let article;
before(async () => {
  site = await serve();
  article = await serveArticles(site, 'localhost');
});
after(async () => {
  await site?.close();
  article?.close();
});

/** Opens an article with two figures in a browser with a setting: 0 lets sites that are embedded in others store, 1 does not. */
async function open(t, mode) {
  const profile = await mkdtemp(join(tmpdir(), 'sae-explorer-cross-'));
  await mkdir(join(profile, 'Default'));
  const settings = { profile: { cookie_controls_mode: mode, block_third_party_cookies: mode === 1 } };
  await writeFile(join(profile, 'Default/Preferences'), JSON.stringify(settings));
  const context = await launchWithProfile(profile, { webgpu: false });
  t.after(async () => {
    await context.close();
    await rm(profile, { recursive: true, force: true });
  });
  site.requests.length = 0;
  const figures = ['one', 'two'].map((id) => `<sae-explorer id="${id}" prompt="The wolf ran"></sae-explorer>`);
  const page = await openArticleIn(t, context, article, scriptOf(site) + figures.join(''));
  for (const id of ['one', 'two']) {
    await page.locator(`#${id}`).scrollIntoViewIfNeeded();
    assert.equal((await told(page, id, 'trace')).prompt, 'The wolf ran');
    await told(page, id, 'ready');
  }
  const stores = await (await frameOf(page, 'two')).evaluate(() => caches.open('x').then(() => true, () => false));
  const own = page.workers().filter((one) => /assets\/worker-\w+\.js$/.test(one.url())).length;
  assert.deepEqual(await page.evaluate(() => window.told.filter(([, event]) => event === 'error')), []);
  return { stores, own, weights: site.requests.filter((one) => /^GET demo\/model\/.*safetensors$/.test(one)).length };
}

test('where embedded sites may store, figures share an engine and one download', async (t) => {
  assert.deepEqual(await open(t, 0), { stores: true, own: 0, weights: 1 });
});

test('where they may not, each figure has its own engine', async (t) => {
  const { stores, own } = await open(t, 1);
  assert.deepEqual([stores, own], [false, 2]);
});
