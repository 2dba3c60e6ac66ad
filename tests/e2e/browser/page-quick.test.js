// What is typed counts at once, also where the page has not yet drawn it: on a busy machine a key or a click may come first.
// Here both come in one task, between which nothing is drawn.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { openApp, part, ready, trace } from '../support/app.js';
import { suite } from '../support/suite.js';

const { server, browser } = await suite({ webgpu: false });

/** Writes into a field, and confirms at once: by a key in the field, or by the button that submits its form. */
const confirm = (field, text, { key } = {}) =>
  field.evaluate(
    (element, [text, key]) => {
      element.focus();
      element.value = text;
      element.dispatchEvent(new InputEvent('input', { bubbles: true }));
      if (key === undefined) element.form.querySelector('button[type="submit"]').click();
      else element.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }));
    },
    [text, key],
  );

test('the find dialog opens what the whole query finds', async () => {
  const page = await openApp(browser, server, { path: '#/prompt' });
  const example = await part(page, 'examples').locator('button').first().innerText();
  await trace(page, 'one two three');
  await page.keyboard.press('Escape');
  await page.keyboard.press('Control+k');
  // The first letter alone finds features of the atlas.
  await page.keyboard.type(example[0]);
  await part(page, 'find-hit').first().waitFor();
  await confirm(part(page, 'find-field'), example, { key: 'Enter' });
  await part(page, 'find-dialog').waitFor({ state: 'hidden' });
  await page.waitForFunction(() => document.querySelector('[data-testid="prompt"]')?.value.startsWith('Once upon a time'));
  await ready(page);
  assert.deepEqual(page.seen.errors, []);
  await page.context().close();
});

test('the arrows of the keyboard count every press', async () => {
  const page = await openApp(browser, server, { path: '#/prompt' });
  await trace(page, 'one two three four five six');
  await part(page, 'token').first().click();
  await page.evaluate(() => {
    for (let at = 0; at < 3; at += 1) document.activeElement.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowRight', bubbles: true, cancelable: true }));
  });
  await page.waitForFunction(() => document.querySelector('[data-testid="token"][aria-selected="true"], [data-testid="token"][tabindex="0"]')?.dataset.index === '3');
  await page.context().close();
});

test('searches, links and edits are those that were typed', async () => {
  const page = await openApp(browser, server, { path: '#/features' });
  await confirm(part(page, 'search-field'), ' king');
  await page.waitForFunction(() => location.hash.includes('king'));

  await page.evaluate(() => (location.hash = '#/library'));
  const link = part(page, 'link').getByRole('textbox');
  await link.waitFor();
  await confirm(link, 'not a link at all');
  await part(page, 'link').getByRole('alert').first().waitFor();

  await page.evaluate(() => (location.hash = '#/steer'));
  await part(page, 'steer-add').waitFor();
  await confirm(part(page, 'steer-add'), 'L3/903');
  await part(page, 'edit-line').waitFor();
  await page.context().close();
});

test('runs begin with the settings that were typed', async () => {
  const page = await openApp(browser, server, { path: '#/prompt' });
  await trace(page, 'one two three four five six');
  await part(page, 'generate').evaluate((panel) => {
    const field = panel.querySelector('[aria-label="tokens at most"]');
    field.value = '3';
    field.dispatchEvent(new InputEvent('input', { bubbles: true }));
    for (const button of panel.querySelectorAll('button')) if (button.innerText === 'Continue') button.click();
  });
  await part(page, 'generate').getByRole('button', { name: 'Use as prompt' }).waitFor();
  assert.match(await part(page, 'generate').getByRole('status').innerText(), /^3 tokens/);

  await page.evaluate(() => (location.hash = '#/steer/dose?feature=903'));
  await part(page, 'dose').waitFor();
  await confirm(part(page, 'dose').getByRole('textbox').first(), 'nothing of the kind');
  await part(page, 'dose').getByRole('alert').waitFor();
  await page.context().close();
});
