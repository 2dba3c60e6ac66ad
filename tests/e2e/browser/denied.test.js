// A browser in which sites may store nothing, as a person sets it: the page, figures and the page in one file work all the same.

import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';

import { latents, openPrompt, part, ready, trace } from '../support/app.js';
import { frameOf, openArticleIn, scriptOf, serveArticles, told } from '../support/article.js';
import { launchWithProfile, watched } from '../support/chromium.js';
import { serve } from '../support/server.js';

const FILE = process.env.SAE_EXPLORER_SINGLE_FILE;
/** Chromium's setting that sites may store no data on the device. */
const SETTINGS = { profile: { default_content_setting_values: { cookies: 2 } } };

let profile;
let context;
let site;
let article;
before(async () => {
  profile = await mkdtemp(join(tmpdir(), 'sae-explorer-denied-'));
  await mkdir(join(profile, 'Default'));
  await writeFile(join(profile, 'Default/Preferences'), JSON.stringify(SETTINGS));
  context = await launchWithProfile(profile, { webgpu: false });
  site = await serve();
  article = await serveArticles(site);
});
after(async () => {
  await context?.close();
  await site?.close();
  article?.close();
  if (profile !== undefined) await rm(profile, { recursive: true, force: true });
});

async function open(t, address) {
  const page = await watched(await context.newPage());
  t.after(() => page.close());
  await page.goto(address);
  return page;
}

const denied = (frame) => frame.evaluate(async () => {
  const refused = async (ask) => {
    try {
      await ask();
      return false;
    } catch {
      return true;
    }
  };
  return [await refused(() => localStorage.length), await refused(() => caches.open('x'))];
});

test('the page traces, and keeps nothing', async (t) => {
  const page = await open(t, site.url(''));
  await ready(page);
  assert.deepEqual(await denied(page), [true, true]);
  await openPrompt(page);
  await trace(page, 'The wolf ran into the wood');
  assert.ok((await latents(page)).length > 0);
  const { available } = await page.evaluate(() => window.saeExplorer.storage());
  assert.equal(available, false);
});

test('figures are live, each with an engine of its own', async (t) => {
  const text = ['one', 'two'].map((id) => `<sae-explorer id="${id}" prompt="The wolf ran"></sae-explorer>`).join('');
  const page = await openArticleIn(t, context, article, `${scriptOf(site)}${text}`);
  for (const id of ['one', 'two']) {
    await page.locator(`#${id}`).scrollIntoViewIfNeeded();
    assert.equal((await told(page, id, 'trace')).prompt, 'The wolf ran');
    await told(page, id, 'ready');
  }
  assert.deepEqual(await denied(await frameOf(page, 'two')), [true, true]);
  assert.equal(page.workers().filter((one) => /assets\/worker-\w+\.js$/.test(one.url())).length, 2);
  assert.deepEqual(await page.evaluate(() => window.told.filter(([, event]) => event === 'error')), []);
});

test('the page in one file traces', async (t) => {
  assert.ok(FILE, 'SAE_EXPLORER_SINGLE_FILE names the file, which `cargo xtask test --only build` makes');
  const page = await open(t, pathToFileURL(FILE).href);
  await ready(page);
  assert.deepEqual(await denied(page), [true, true]);
  await openPrompt(page);
  await trace(page, 'The wolf ran into the wood');
  assert.ok((await latents(page)).length > 0);
  await part(page, 'feature-panel').waitFor();
});
