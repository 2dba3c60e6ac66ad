// Text of all kinds on the page: read from the right, bytes, copies; and continuations, which belong to their prompt.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { openApp, part, picture, serious, trace } from '../support/app.js';
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

/** Where each token's bytes lie in the prompt; those of the BOS nowhere. */
function ranges(prompt, tokens) {
  const bytes = Buffer.from(prompt);
  let at = 0;
  return tokens.map((text, index) => {
    const start = at;
    if (index === 0) return [0, 0];
    // What looks like a byte is one where the prompt has it.
    for (const [piece, hex] of text.matchAll(/<0x([89A-F][0-9A-F])>|[^]/gu)) {
      const isByte = hex !== undefined && bytes[at] === Number.parseInt(hex, 16);
      at += isByte ? 1 : Buffer.byteLength(piece);
    }
    return [start, at];
  });
}

/** The characters of the prompt that have a byte from one place to another. */
function characters(prompt, from, to) {
  let at = 0;
  return [...prompt].filter((character) => {
    const start = at;
    at += Buffer.byteLength(character);
    return start < to && at > from;
  }).join('');
}

const KINDS = {
  'lines and spaces': 'A king,\n\n\tand a  queen.\n',
  'accents and a no-break space': 'un cœur 🙂 naïve\u00a0!',
  'bytes, typed and real': '<0xF0> typed, 🙂 real <0x41>',
  emoji: '😀😁 I ❤️ it',
  'a family of emoji': 'a 👩‍👩‍👧!',
  'Hebrew within English': 'peace (שלום, 12) there',
  'Arabic with Latin and digits': 'سلام GPT-2 و 34',
  'lines of two directions': 'one שלום\nשלום two 3\n',
  Chinese: '你好，world。',
  Devanagari: 'नमस्ते',
  'only spaces': '   ',
  'a byte order mark': '\ufeffa',
};
for (const [kind, prompt] of Object.entries(KINDS)) {
  test(`copies of tokens are the text that they stand for: ${kind}`, async () => {
    const tokens = await show(prompt);
    assert.equal(await copied(0, tokens.length - 1), prompt);
    const places = ranges(prompt, tokens);
    assert.equal(places.at(-1)[1], Buffer.byteLength(prompt));
    // Of a part, too: a character of which a byte is selected is copied whole, and once.
    for (let first = 0; first < tokens.length; first += 1) {
      for (const last of new Set([first, Math.min(first + 2, tokens.length - 1), tokens.length - 1])) {
        assert.equal(await copied(first, last), characters(prompt, places[first][0], places[last][1]), `${first} to ${last}`);
      }
    }
  });
}

test('what is dragged over with the mouse is copied; Enter and the space bar select like a click', async () => {
  const prompt = 'Once 😀 upon';
  const tokens = await show(prompt);
  const box = (index) => part(page, 'token', `[data-index="${index}"]`).boundingBox();
  const [from, to] = [await box(1), await box(tokens.length - 1)];
  const dragged = async (startX, endX) => {
    // A press on selected text would drag that text away.
    await page.evaluate(() => getSelection().removeAllRanges());
    await page.evaluate(() => navigator.clipboard.writeText('nothing was copied'));
    await page.mouse.move(startX, from.y + from.height / 2);
    await page.mouse.down();
    await page.mouse.move(to.x + 2, to.y + to.height / 2, { steps: 5 });
    await page.mouse.move(endX, to.y + to.height / 2, { steps: 5 });
    await page.mouse.up();
    await page.keyboard.press('Control+c');
    return page.evaluate(() => navigator.clipboard.readText());
  };
  assert.equal(await dragged(from.x + 1, to.x + to.width - 1), prompt, 'from edge to edge');
  const letter = (from.width - 4) / 'Once'.length;
  assert.equal(await dragged(from.x + 2 + 2 * letter, to.x + to.width - 2 - 2 * letter), 'ce 😀 up', 'within tokens');
  // Enter and the space bar select a token, as a click does.
  await part(page, 'token', '[data-index="1"]').click();
  for (const key of ['Enter', 'Space']) {
    await part(page, 'token', '[data-index="2"]').focus();
    await page.keyboard.press(key);
    assert.equal(await part(page, 'token', '[aria-selected="true"]').getAttribute('data-index'), '2');
    await page.keyboard.press('ArrowLeft');
  }
});

/** What is copied of a selection from one place in the page to another. */
async function copiedBetween(select) {
  await page.evaluate(select);
  await page.evaluate(() => navigator.clipboard.writeText('nothing was copied'));
  await page.keyboard.press('Control+c');
  return page.evaluate(() => navigator.clipboard.readText());
}

test('a selection that ends at a mark does not have it, and a character above its tokens is copied like them', async () => {
  await show('a b\n😀');
  const after = await copiedBetween(() => {
    const mark = [...document.querySelectorAll('.mark')].find(({ dataset }) => dataset.original === ' ').firstChild;
    getSelection().setBaseAndExtent(mark, mark.length, document.querySelector('.tokens'), document.querySelector('.tokens').childNodes.length);
  });
  assert.equal(after, 'b\n😀');
  const until = await copiedBetween(() => {
    const mark = [...document.querySelectorAll('.mark')].find(({ dataset }) => dataset.original === '\n').firstChild;
    getSelection().setBaseAndExtent(document.querySelector('.tokens'), 0, mark, 0);
  });
  assert.equal(until, 'a b');
  assert.equal(await copiedBetween(() => getSelection().selectAllChildren(document.querySelector('.whole'))), '😀');
  // Together with what stands around the tokens.
  const around = await copiedBetween(() => {
    const range = document.createRange();
    range.setStartBefore(document.querySelector('.tokens'));
    range.setEndAfter(document.querySelector('.tokens'));
    getSelection().removeAllRanges();
    getSelection().addRange(range);
  });
  assert.equal(around, 'a b\n😀\n');
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

test('tokens of one character stand together below it', async () => {
  const tokens = await show('I 😀 中');
  const groups = page.getByRole('listbox', { name: 'Tokens' }).getByRole('group');
  const names = await groups.evaluateAll((all) => all.map((group) => group.getAttribute('aria-label')));
  assert.deepEqual(names, ['“😀” U+1F600', '“中” U+4E2D']);
  const group = groups.first();
  assert.equal(await group.locator('.whole').innerText(), '😀');
  // The character is what one sees first: larger, and above its bytes.
  const size = (selector) => group.locator(selector).first().evaluate((one) => Number.parseFloat(getComputedStyle(one).fontSize));
  assert.ok((await size('.whole')) > 1.3 * (await size('.byte')));
  const [whole, first] = [await group.locator('.whole').boundingBox(), await group.locator('[data-testid="token"]').first().boundingBox()];
  assert.ok(whole.y + whole.height <= first.y + 1);
  // Each of its tokens is one by itself, says which bytes it has, and is reached by the keys one after the other.
  const indices = await group.locator('[data-testid="token"]').evaluateAll((all) => all.map(({ dataset }) => Number(dataset.index)));
  assert.ok(indices.length > 1);
  const titles = await group.locator('[data-testid="token"]').evaluateAll((all) => all.map(({ title }) => title));
  for (const title of titles) assert.match(title, /bytes? \d(–\d)? of 4 of “😀” U\+1F600 · position \d+ · id \d+.* · activation of feature \d+: .* · loss /);
  await part(page, 'token', `[data-index="${indices[0]}"]`).click();
  for (const index of indices.slice(1)) {
    await page.keyboard.press('ArrowRight');
    assert.equal(await part(page, 'token', '[aria-selected="true"]').getAttribute('data-index'), String(index));
    assert.equal(await page.evaluate(() => document.activeElement.dataset.index), String(index));
  }
  // A click on the character goes to the token at which the model has read all of it.
  await part(page, 'token', '[data-index="0"]').click();
  await group.locator('.whole').click();
  assert.equal(await part(page, 'token', '[aria-selected="true"]').getAttribute('data-index'), String(indices.at(-1)));
  // By itself, as in a list, a part of a character stays a byte.
  await part(page, 'token', `[data-index="${indices[0]}"]`).click();
  assert.match(await part(page, 'next-tokens').locator('h2').innerText(), /<0xF0>/);
  assert.equal(await part(page, 'next-tokens').locator('h2 .byte').first().evaluate((byte) => getComputedStyle(byte).borderTopStyle), 'solid');
  assert.equal(await copiedBetween(() => getSelection().selectAllChildren(document.querySelector('[data-testid="next-tokens"] h2 .quoted'))), tokens[indices[0]]);
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

/** The tokens as they stand on the screen: lines from the top, each from left to right. */
const onScreen = () =>
  page.evaluate(() =>
    [...document.querySelectorAll('.token-line')].flatMap((line) =>
      [...line.querySelectorAll('[data-testid="token"]')]
        .map((chip) => [chip.getBoundingClientRect().x, Number(chip.dataset.index)])
        .sort(([one], [other]) => one - other)
        .map(([, index]) => index),
    ),
  );

test('the arrow keys move as they point, once over each token, whatever the directions', async () => {
  for (const [prompt, directions] of [
    ['peace (שלום לך 12) there\nשלום two 3!', ['ltr', 'rtl']],
    ['a שלום GPT 2, b', ['ltr']],
  ]) {
    await show(prompt);
    assert.deepEqual(await page.locator('.token-line').evaluateAll((lines) => lines.map(({ dir }) => dir)), directions);
    const order = await onScreen();
    await part(page, 'token', `[data-index="${order[0]}"]`).click();
    const selected = async () => Number(await part(page, 'token', '[aria-selected="true"]').getAttribute('data-index'));
    const becomes = (index) => part(page, 'token', `[aria-selected="true"][data-index="${index}"]`).waitFor();
    await becomes(order[0]);
    for (const next of order.slice(1)) {
      await page.keyboard.press('ArrowRight');
      await becomes(next);
    }
    // At the end of it the key stays, and the other one goes back.
    await page.keyboard.press('ArrowRight');
    assert.equal(await selected(), order.at(-1));
    await page.keyboard.press('ArrowLeft');
    assert.equal(await selected(), order.at(-2));
  }
});

test('brackets, numbers and words of a line from the right stand as in any text', async () => {
  const tokens = await show('שלום (GPT 2)!');
  const text = (index) => tokens[index].trim();
  const order = (await onScreen()).map(text).join('').replaceAll(/<0x..>|[^ -~]/g, '');
  // From left to right on the screen; the brackets turn round, so that "(" opens to the left.
  assert.equal(order, '!)GPT2(<|endoftext|>');
  const bracket = part(page, 'token').filter({ hasText: '(' }).locator('bdi');
  assert.equal(await bracket.getAttribute('dir'), 'rtl');
});

for (const colorScheme of ['light', 'dark']) {
  test(`text of all kinds, ${colorScheme}: nothing serious, and it fits`, async () => {
    const prompt = 'I 😀 <0xF0> it:\u00a0中文\n\tשלום GPT 12!\nسلام 👩‍👩‍👧 नम';
    for (const width of [1440, 390]) {
      await page.setViewportSize({ width, height: 900 });
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      await show(prompt);
      assert.deepEqual(await serious(page), []);
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${width} wide`);
      await picture(page, `text-${colorScheme}-${width}`);
    }
    await page.setViewportSize({ width: 1280, height: 720 });
  });
}

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
