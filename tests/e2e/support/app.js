// The page as a person drives it.

import assert from 'node:assert/strict';
import { mkdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';

import { newPage } from './chromium.js';

/** Opens the page and waits until its first prompt is traced. */
export async function openApp(browser, server, { path = '', context = {} } = {}) {
  const page = await newPage(browser, context);
  await page.goto(server.url(path));
  await ready(page);
  return page;
}

/**
 * Waits until nothing is being loaded or traced. A page that ends in an error fails the test with the error's text, unless
 * the test expects one: the text is then the result, and a page without an error fails it.
 * @param {{error?: boolean}} expected
 */
export async function ready(page, { error = false } = {}) {
  // State and message are taken together: a moment later the page may be at the next thing.
  const seen = await page.waitForFunction(() => {
    const { state } = document.body?.dataset ?? {};
    // The first prompt is traced as soon as one SAE is there; the others come behind it.
    const settled = state === 'error' || (state === 'ready' && document.querySelector('[data-testid="progress"]') === null);
    return settled && { state, message: [...document.querySelectorAll('[data-testid="error"]')].map((element) => element.innerText).join('\n') };
  });
  const { state, message } = await seen.jsonValue();
  assert.equal(state, error ? 'error' : 'ready', message);
  return message;
}

/** Goes to the library by its key. */
export async function openLibrary(page) {
  await page.evaluate(() => document.activeElement?.blur());
  await page.keyboard.press('o');
  await part(page, 'library').waitFor();
}

/** Goes to the prompt by its tab. */
export async function openPrompt(page) {
  await page.getByRole('link', { name: 'Prompt', exact: true }).click();
  await part(page, 'prompt').waitFor();
}

/** One of the page's parts, by the name that it carries for tests. */
export const part = (page, name, attributes = '') => page.locator(`[data-testid="${name}"]${attributes}`);

/** The latents listed for the selected token, in order. */
export const latents = (page) => part(page, 'feature-row').evaluateAll((rows) => rows.map((row) => Number(row.dataset.latent)));

/** Types a prompt and waits for its trace: until as many tokens are shown as the engine makes of it. */
export async function trace(page, prompt) {
  await part(page, 'prompt').fill(prompt);
  // The page draws what was typed, and says so, before the next frame but one.
  await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
  const { tokens } = await page.evaluate((text) => window.saeExplorer.tokenize(text), prompt);
  await page.waitForFunction(
    ([text, count]) => {
      const { state } = document.body.dataset;
      const shown = document.querySelectorAll('[data-testid="token"]').length;
      return document.querySelector('[data-testid="prompt"]').value === text && (state === 'error' || (state === 'ready' && shown === count));
    },
    [prompt, tokens.length],
  );
  await ready(page);
}

/**
 * As soon as so many parts of a run are there, presses a part of the page, or types into it, from within: what the driver does might
 * come after the run's end.
 * @param {string} selector of what has come
 * @param {string} name of the part that is pressed
 * @param {string} [typed]
 */
export const during = (page, selector, count, name, typed) =>
  page.waitForFunction(
    ([selector, count, name, typed]) => {
      if (document.querySelectorAll(selector).length < count) return false;
      const element = document.querySelector(`[data-testid="${name}"]`);
      if (typed === null) element.click();
      else {
        element.value = typed;
        element.dispatchEvent(new Event('input', { bubbles: true }));
      }
      return true;
    },
    [selector, count, name, typed ?? null],
  );

/** For a context whose pages are to be looked at: nothing moves in them. */
export const STILL = { reducedMotion: 'reduce' };

/** Ends what moves on a page and goes to its top, so that it looks as it will stay: a picture of a colour on its way shows a wrong one. */
export async function still(page) {
  await page.evaluate(() => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync('*, *::before, *::after { transition: none !important; animation: none !important; caret-color: transparent !important; }');
    document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
    for (const moving of document.getAnimations()) moving.finish();
    window.scrollTo(0, 0);
    return new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)));
  });
}

/** Keeps a picture of the page, or of a part of it, where pictures are wanted. */
export async function picture(page, name, of = page) {
  await still(page);
  const folder = process.env.SAE_EXPLORER_SCREENSHOTS;
  if (folder === undefined) return;
  await mkdir(folder, { recursive: true });
  await of.screenshot({ path: join(folder, `${name}.png`), animations: 'disabled', caret: 'hide' });
}

/** Serious faults that axe-core finds; run from here, because the page's policy lets no other script in. */
export async function serious(page) {
  const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
  const { violations } = await page.evaluate(`(() => { ${axe}; return axe.run(document, { resultTypes: ['violations'] }); })()`);
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ target, failureSummary }) => `${target} ${failureSummary}`).join('; ')}`);
}

/** The table that a button copies, as cells; its first line is the header, which begins with `first`. */
export async function copiedTable(page, button, first) {
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await part(page, button).click();
  await page.waitForFunction(async (name) => (await navigator.clipboard.readText()).startsWith(`${name}\t`), first);
  const text = await page.evaluate(() => navigator.clipboard.readText());
  const [header, ...lines] = text.trimEnd().split('\n').map((line) => line.split('\t'));
  return { header, lines };
}
