// Text of all kinds on the page: read from the right, bytes, copies; and continuations, which belong to their prompt.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { openApp, part, ready, serious, trace } from '../support/app.js';
import { launch } from '../support/chromium.js';
import { serve } from '../support/server.js';

let server;
let browser;
let page;
before(async () => {
  server = await serve();
  browser = await launch({ webgpu: false });
  page = await openApp(browser, server, { context: { permissions: ['clipboard-read', 'clipboard-write'] } });
  page.setDefaultTimeout(20_000);
});
after(async () => {
  assert.deepEqual(page?.seen.errors, []);
  await browser?.close();
  await server?.close();
});

/** Traces a prompt and waits until its tokens are on screen. */
async function show(prompt) {
  await trace(page, prompt);
  await page.waitForFunction(() => document.body.dataset.state === 'ready');
  const tokens = await page.evaluate(async (text) => (await window.saeExplorer.tokenize(text)).tokens.map(({ text: one }) => one), prompt);
  await page.waitForFunction((count) => document.querySelectorAll('[data-testid="token"]').length === count, tokens.length);
  return tokens;
}

/** What the clipboard has after everything from one token to another was selected and copied. */
async function copied(from, to) {
  await page.evaluate(
    ([first, last]) => {
      const token = (index) => document.querySelector(`[data-testid="token"][data-index="${index}"]`);
      document.activeElement?.blur();
      const range = document.createRange();
      range.setStartBefore(token(first));
      range.setEndAfter(token(last));
      const selection = document.getSelection();
      selection.removeAllRanges();
      selection.addRange(range);
    },
    [from, to],
  );
  await page.evaluate(() => navigator.clipboard.writeText('nothing was copied'));
  await page.keyboard.press('Control+c');
  return page.evaluate(() => navigator.clipboard.readText());
}

const boxes = (indices) => page.evaluate((all) => all.map((index) => document.querySelector(`[data-testid="token"][data-index="${index}"]`).getBoundingClientRect().x), indices);

test('copies of tokens are the text that they stand for', async () => {
  for (const prompt of ['A king,\n\n\tand a  queen.\n', 'un cœur 🙂 naïve\u00a0!', '<0xF0> typed, 🙂 real', 'שלום, a שלום']) {
    const tokens = await show(prompt);
    assert.equal(await copied(0, tokens.length - 1), prompt);
  }
  // From a token in the middle, without the mark for its space.
  const tokens = await show('Once upon a time');
  assert.equal(await copied(2, tokens.length - 1), ' upon a time');
});

test('a byte is told from the same text typed', async () => {
  const tokens = await show('<0xF0> and 🙂');
  const kinds = await part(page, 'token').evaluateAll((all) => all.map((one) => [one.textContent, one.querySelectorAll('[data-byte]').length]));
  const bytes = kinds.filter(([, count]) => count > 0);
  // The demo's vocabulary has no token for 🙂: F0 9F 99 82.
  assert.equal(bytes.reduce((sum, [, count]) => sum + count, 0), 4);
  assert.match(bytes.map(([text]) => text).join(''), /<0xF0>.*<0x9F>.*<0x99>.*<0x82>/);
  const typed = kinds.filter(([, count]) => count === 0).map(([text]) => text).join('');
  assert.match(typed, /^BOS<0xF0>␣and/);
  assert.equal(kinds.length, tokens.length);
  const style = (selector) => page.evaluate((one) => getComputedStyle(document.querySelector(one)).borderTopStyle, selector);
  assert.equal(await style('[data-testid="token"] [data-byte]'), 'solid');
  assert.deepEqual(await serious(page), []);
});

test('text that is read from the right stands so, tokens and prompt', async () => {
  const tokens = await show('שלום');
  assert.equal(await page.locator('.tokens').getAttribute('dir'), 'rtl');
  assert.equal(await part(page, 'prompt').evaluate((box) => getComputedStyle(box).direction), 'rtl');
  const x = await boxes(tokens.map((_, index) => index));
  assert.ok(x.length > 4 && x.every((left, index) => index === 0 || left < x[index - 1]), String(x));
  assert.deepEqual(await serious(page), []);
  // The key that points to the left goes to the left.
  await part(page, 'token', '[data-index="3"]').click();
  await page.keyboard.press('ArrowLeft');
  assert.equal(await part(page, 'token', '[aria-selected="true"]').getAttribute('data-index'), '4');
  // Within text that is read from the left it stands in its own order.
  const mixed = await show('peace is שלום there');
  assert.equal(await page.locator('.tokens').getAttribute('dir'), 'ltr');
  const hebrew = mixed.map((_, index) => index).filter((index) => /[\u0590-\u05ff]|<0xD7>|<0x[89AB]/.test(mixed[index]));
  const inside = await boxes(hebrew);
  assert.ok(inside.length > 1 && inside.every((left, at) => at === 0 || left < inside[at - 1]), String(inside));
  const [first, last] = await boxes([1, mixed.length - 1]);
  assert.ok(first < Math.min(...inside) && last > Math.max(...inside), 'the words around it keep their places');
});

const generated = () => page.evaluate(() => document.querySelector('[data-testid="generated"]')?.textContent ?? '');

for (const [how, change] of [
  ['an example is chosen', () => part(page, 'examples').locator('button').nth(2).click()],
  ['the prompt is typed over', () => part(page, 'prompt').fill('Another prompt')],
  ['the address changes', () => page.evaluate(() => (location.hash = '#model=demo&prompt=From+the+address'))],
]) {
  test(`a continuation ends when ${how}`, async () => {
    await show('Once upon a time there was a king');
    const panel = part(page, 'generate');
    await panel.getByLabel('tokens at most').fill('200');
    await panel.getByRole('button', { name: 'Continue' }).click();
    await page.waitForFunction(() => (document.querySelector('[data-testid="generated"]')?.textContent ?? '').length > 10);
    await change();
    await panel.getByRole('button', { name: 'Continue' }).waitFor();
    assert.equal(await generated(), '', 'what was generated for the prompt before is gone');
    await page.waitForFunction(() => document.body.dataset.state === 'ready');
    await page.waitForTimeout(300);
    assert.equal(await generated(), '', 'and nothing of it comes later');
    assert.match(await panel.innerText(), /the prompt was changed/);
    // The next one is that of the prompt on screen.
    await panel.getByLabel('tokens at most').fill('5');
    await panel.getByRole('button', { name: 'Continue' }).click();
    await page.waitForFunction(() => /^\s*5 tokens/m.test(document.querySelector('[data-testid="generate"]').innerText) && document.querySelector('[data-testid="generate"]').innerText.includes('Use as prompt'));
    const expected = await page.evaluate(async () => (await window.saeExplorer.generate(document.querySelector('[data-testid="prompt"]').value, { maxTokens: 5 })).text);
    assert.equal(await generated(), expected);
  });
}
