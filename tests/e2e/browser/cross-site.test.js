// Figures in an article of another site: browsers divide what they store, and what they share, by the article's site.

import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { frameOf, openArticle, openArticleIn, scriptOf, serveArticles, told } from '../support/article.js';
import { launch, launchWithProfile } from '../support/chromium.js';
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

/** An article in a browser whose setting lets sites that are embedded in others store. */
async function storing(t, text) {
  const profile = await mkdtemp(join(tmpdir(), 'sae-explorer-cross-'));
  await mkdir(join(profile, 'Default'));
  const settings = { profile: { cookie_controls_mode: 0, block_third_party_cookies: false } };
  await writeFile(join(profile, 'Default/Preferences'), JSON.stringify(settings));
  const context = await launchWithProfile(profile, { webgpu: false });
  t.after(async () => {
    await context.close();
    await rm(profile, { recursive: true, force: true });
  });
  return openArticleIn(t, context, article, text);
}

/**
 * An article in a private window. The browser is launched with features of its own that are off: Playwright's list has the one by which
 * browsers divide storage by site, and without that embedded sites may store nothing in such a window.
 */
async function inPrivate(t, text) {
  const browser = await launch({ webgpu: false });
  t.after(() => browser.close());
  return openArticle(t, browser, article, text);
}

/** Opens an article with two figures, and tells what they share. */
async function seen(t, open) {
  site.requests.length = 0;
  const figures = ['one', 'two'].map((id) => `<sae-explorer id="${id}" prompt="The wolf ran"></sae-explorer>`);
  const page = await open(t, scriptOf(site) + figures.join(''));
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

const SHARED = { stores: true, own: 0, weights: 1 };

test('figures in an article of another site share an engine and one download', async (t) => {
  assert.deepEqual(await seen(t, storing), SHARED);
});

test('in a private window, where cookies of embedded sites are blocked, too', async (t) => {
  assert.deepEqual(await seen(t, inPrivate), SHARED);
});
