// The page without a mouse: the focus is never lost, terms explain themselves, single keys can be switched off. And by touch.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { STILL, openApp, part, picture, ready, serious, trace } from '../support/app.js';
import { newPage } from '../support/chromium.js';
import { suite } from '../support/suite.js';

const { server, browser } = await suite({ webgpu: false });

const drawn = (page) => page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));

/** Description of the element with the focus. */
const focused = (page) =>
  page.evaluate(() => {
    const { activeElement: element } = document;
    return `${element?.tagName} ${element?.dataset.testid ?? ''} ${element?.getAttribute('aria-label') ?? element?.textContent?.slice(0, 40)}`;
  });

/** Asserts that an element has the focus, and not the page as a whole. */
async function held(page, what) {
  await drawn(page);
  assert.ok(await page.evaluate(() => document.activeElement !== null && document.activeElement !== document.body), `the focus is lost: ${what}`);
}

/** Gives an element the focus and presses Enter. */
async function press(page, locator, what, key = 'Enter') {
  await locator.focus();
  await page.keyboard.press(key);
  await held(page, what);
}

test('Tab reaches everything, one after the other', async () => {
  const page = await openApp(browser, server);
  const reachable = await page.evaluate(() => {
    const all = [...document.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex="0"]')];
    return all.filter((one) => one.tabIndex >= 0 && !one.disabled && one.checkVisibility()).length;
  });
  assert.ok(reachable > 30, `${reachable}`);
  const seen = new Set();
  for (let at = 0; at < reachable; at += 1) {
    await page.keyboard.press('Tab');
    assert.ok(await page.evaluate(() => document.activeElement !== document.body), `lost after ${[...seen].at(-1)}`);
    seen.add(await page.evaluate(() => {
      const { x, y } = document.activeElement.getBoundingClientRect();
      return `${document.activeElement.outerHTML.slice(0, 60)} ${x} ${y + window.scrollY}`;
    }));
  }
  assert.ok(seen.size >= reachable - 2, `${seen.size} of ${reachable}`);
  await page.context().close();
});

test('the focus is never lost by what a person does', async () => {
  const page = await openApp(browser, server, { path: '#/prompt?model=demo&sae=openai.layer_3&feature=99999' });
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  // A note that stays is put away.
  await press(page, part(page, 'token').nth(6), 'selecting a token');
  await press(page, part(page, 'note').getByRole('button'), 'closing a note');
  for (const example of await part(page, 'examples').locator('button').all()) {
    await press(page, example, 'choosing an example');
    await ready(page);
    await held(page, 'tracing an example');
  }
  // The last token of a long prompt is gone in a short one.
  await trace(page, 'one two three four five six');
  await part(page, 'token').last().focus();
  await page.keyboard.press('Control+k');
  await part(page, 'find-field').waitFor();
  await page.keyboard.type(await part(page, 'examples').locator('button').first().innerText());
  await page.keyboard.press('Enter');
  await ready(page);
  await held(page, 'another prompt from the find dialog');
  await press(page, part(page, 'token').last(), 'selecting the last token');
  await page.evaluate(() => history.back());
  await ready(page);
  await held(page, 'going back');
  for (const sae of await part(page, 'sae-switch').all()) {
    await press(page, sae, 'switching the SAE');
    await ready(page);
  }
  await press(page, page.locator('[data-ranking="mean"]'), 'ranking');
  // The list is longer at each press, and its button goes with the last of it.
  const more = page.getByRole('button', { name: /^Show more/ });
  for (let at = 0; at < 40 && (await more.count()) > 0; at += 1) await press(page, more, 'showing more features');
  assert.equal(await more.count(), 0);
  await press(page, part(page, 'feature-row').last().locator('button'), 'selecting a feature');
  await press(page, page.locator('[data-view="token"]'), 'features at a token');
  await press(page, part(page, 'ablate'), 'ablating');
  await part(page, 'edited').waitFor();
  await press(page, part(page, 'generate').getByRole('button', { name: 'Continue' }), 'continuing');
  await part(page, 'generate').getByRole('button', { name: 'Use as prompt' }).waitFor();
  await held(page, 'the end of a continuation');
  await press(page, part(page, 'generate').getByRole('button', { name: 'Use as prompt' }), 'using a continuation as the prompt');
  await ready(page);
  assert.match(await focused(page), /TEXTAREA prompt/);
  await page.keyboard.press('Escape');
  await held(page, 'leaving the prompt');
  await page.keyboard.press('?');
  await part(page, 'keys-dialog').waitFor();
  await press(page, part(page, 'keys-dialog').getByRole('button', { name: 'Close' }), 'closing the list of keys');
  await part(page, 'keys-dialog').waitFor({ state: 'hidden' });
  await held(page, 'after the list of keys');
  const goTo = async (tab) => {
    await press(page, part(page, 'tab', `[data-route="${tab}"]`), `going to ${tab}`);
    await page.waitForFunction((name) => document.querySelector('[aria-current="page"]')?.dataset.route === name, tab);
    await held(page, `on ${tab}`);
  };
  await goTo('Library');
  for (const id of ['openai.layer_3', 'openai.layer_5']) {
    await press(page, page.getByRole('button', { name: `Remove ${id}` }), `removing ${id}`);
    await part(page, 'sae-switch', `[data-sae="${id}"]`).waitFor({ state: 'detached' });
    await held(page, `after ${id} was removed`);
  }
  await goTo('Prompt');
  assert.deepEqual(page.seen.errors, []);
  await page.context().close();
});

test('a prompt that is too long is cut, and the focus goes to it', async () => {
  const page = await openApp(browser, server, { path: '#/prompt' });
  await part(page, 'prompt').fill('word '.repeat(1500));
  const cut = page.getByRole('button', { name: /^Cut to/ });
  await cut.waitFor();
  await press(page, cut, 'cutting a prompt');
  // The error goes with the next drawing, which may come after the focus has moved.
  await part(page, 'error').waitFor({ state: 'hidden' });
  await ready(page);
  await held(page, 'the trace of what is left');
  assert.match(await focused(page), /TEXTAREA prompt/);
  await page.context().close();
});

test('where the button of a failure goes away, the focus stays near', async () => {
  server.rules = [{ match: /layer_3\/sae_weights/, status: 404 }];
  const page = await newPage(browser);
  await page.goto(server.url(''));
  await page.waitForFunction(() => document.body?.dataset.state === 'ready');
  await press(page, part(page, 'error').getByRole('button', { name: 'Close' }), 'closing a failure');
  await part(page, 'error').waitFor({ state: 'hidden' });
  await held(page, 'after the failure');
  server.rules = [];
  await page.context().close();
});

test('a term opens its definition: Enter, Escape, one at a time, nothing moves', async () => {
  const page = await openApp(browser, server, { context: STILL });
  const terms = part(page, 'term');
  const names = await terms.allInnerTexts();
  for (const word of ['features', 'sparse autoencoder (SAE)', 'layer', 'token', 'SAE']) assert.ok(names.includes(word), `${word} in ${names}`);
  const open = () => part(page, 'definition').evaluateAll((all) => all.filter((one) => one.matches(':popover-open')).map(({ id }) => id));
  const places = () => page.evaluate(() => JSON.stringify([...document.querySelectorAll('main *')].map((one) => one.getBoundingClientRect().toJSON())));
  const intro = part(page, 'intro');
  await intro.getByRole('button', { name: 'layer' }).focus();
  const before = await places();
  await page.keyboard.press('Enter');
  assert.deepEqual(await open(), ['define-layer']);
  assert.equal(await places(), before);
  assert.deepEqual(await serious(page), []);
  await picture(page, 'definition');
  // The next one closes it.
  await intro.getByRole('button', { name: 'features' }).focus();
  await page.keyboard.press('Enter');
  assert.deepEqual(await open(), ['define-feature']);
  await page.keyboard.press('Escape');
  assert.deepEqual(await open(), []);
  assert.equal(await intro.getByRole('button', { name: 'features' }).evaluate((one) => one === document.activeElement), true);
  // In the head of a table, in a heading, and to screen readers once: as the description.
  for (const term of [page.locator('th').getByRole('button', { name: 'FVU' }), page.locator('h3').getByRole('button', { name: 'logit effect (direct path)' })]) {
    await term.click();
    const [id] = await open();
    const shown = part(page, 'definition', `[id="${id}"]`);
    const box = await shown.boundingBox();
    const { width, height } = page.viewportSize();
    assert.ok(box.x >= 0 && box.y >= 0 && box.x + box.width <= width && box.y + box.height <= height, JSON.stringify(box));
    const described = await term.getAttribute('aria-describedby');
    assert.equal(await page.locator(`[id="${described}"]`).innerText(), await term.getAttribute('title'));
    await page.keyboard.press('Escape');
  }
  // No two elements of one id, and no button in a button.
  assert.equal(await page.evaluate(() => document.querySelectorAll('button button, a button, label button').length), 0);
  const ids = await page.evaluate(() => [...document.querySelectorAll('[id]')].map(({ id }) => id));
  assert.equal(new Set(ids).size, ids.length);
  await page.context().close();
});

test('keys of a single character can be switched off, and stay off', async () => {
  const page = await openApp(browser, server);
  const keys = part(page, 'keys-dialog');
  await page.keyboard.press('?');
  await keys.waitFor();
  for (const key of ['Ctrl', 'K', '/', 'o', '?', 'Esc', 'Home', 'Tab']) assert.ok((await keys.locator('kbd').allInnerTexts()).includes(key), key);
  await press(page, part(page, 'single-keys'), 'switching the keys off', 'Space');
  await page.keyboard.press('Escape');
  await keys.waitFor({ state: 'hidden' });
  const nothing = async () => {
    for (const key of ['?', '/', 'o']) await page.keyboard.press(key);
    await drawn(page);
    assert.ok(!(await keys.isVisible()) && (await page.locator('dialog[open]').count()) === 0);
    assert.doesNotMatch(await focused(page), /TEXTAREA/);
  };
  await nothing();
  await page.reload();
  await ready(page);
  await nothing();
  // What takes more than one character still works, and so does the button.
  await page.keyboard.press('Control+k');
  await part(page, 'find-field').waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Keys and definitions' }).click();
  assert.ok(!(await part(page, 'single-keys').isChecked()));
  await part(page, 'single-keys').check();
  await page.keyboard.press('Escape');
  await page.keyboard.press('/');
  assert.match(await focused(page), /TEXTAREA/);
  await page.context().close();
});

test('a key that comes right after a dialog closed does its work', async () => {
  const page = await openApp(browser, server);
  /** Closes a dialog and presses a key before the browser has told the page of it. */
  const overtake = (dialog, key) =>
    part(page, dialog).evaluate((element, key) => {
      element.close();
      document.dispatchEvent(new KeyboardEvent('keydown', { bubbles: true, ...key }));
    }, key);
  await page.keyboard.press('?');
  await part(page, 'keys-dialog').waitFor();
  await overtake('keys-dialog', { key: '/' });
  await drawn(page);
  assert.match(await focused(page), /TEXTAREA/);
  await page.keyboard.press('Control+k');
  await part(page, 'find-field').waitFor();
  await page.keyboard.press('Escape');
  await page.keyboard.press('Control+k');
  await part(page, 'find-field').waitFor();
  await drawn(page);
  assert.ok(await part(page, 'find-dialog').isVisible());
  assert.match(await focused(page), /find-field/);
  await page.context().close();
});

test('a browser that blocks storage loses nothing else', async () => {
  const page = await newPage(browser);
  await page.addInitScript(() => {
    Object.defineProperty(window, 'localStorage', { get: () => { throw new DOMException('blocked', 'SecurityError'); } });
  });
  await page.goto(server.url(''));
  await ready(page);
  await page.keyboard.press('?');
  await part(page, 'single-keys').uncheck();
  await page.keyboard.press('Escape');
  await page.keyboard.press('/');
  assert.doesNotMatch(await focused(page), /TEXTAREA/);
  assert.deepEqual(page.seen.errors, []);
  await page.context().close();
});

test('targets of fingers measure at least 24 px, and a tap opens a definition', async () => {
  const page = await openApp(browser, server, { context: { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, ...STILL } });
  const small = () => page.evaluate(() => {
    const all = [...document.querySelectorAll('a[href], button, input, select, textarea, summary')].filter((one) => one.checkVisibility());
    const sizes = all.map((one) => ({ one: one.outerHTML.slice(0, 100), ...one.getBoundingClientRect().toJSON() }));
    return sizes.filter(({ width, height }) => width < 23.9 || height < 23.9).map(({ one, width, height }) => `${width.toFixed(1)} × ${height.toFixed(1)}: ${one}`);
  });
  assert.deepEqual(await small(), []);
  await picture(page, 'touch');
  await part(page, 'intro').getByRole('button', { name: 'features' }).tap();
  const shown = part(page, 'definition', '[id="define-feature"]');
  await shown.waitFor({ state: 'visible' });
  const box = await shown.boundingBox();
  assert.ok(box.x >= 0 && box.x + box.width <= 390, JSON.stringify(box));
  await page.touchscreen.tap(195, 2);
  await shown.waitFor({ state: 'hidden' });
  await part(page, 'find').tap();
  await part(page, 'find-field').waitFor();
  assert.deepEqual(await small(), []);
  await page.context().close();
});
