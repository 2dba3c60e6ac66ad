// Finding a feature, an SAE, a command or an example prompt with Ctrl K.

import assert from 'node:assert/strict';
import { before, beforeEach, test } from 'node:test';

import { STILL, openApp, part, picture, ready, serious } from '../support/app.js';
import { demoHash, goToHash, sharedPage } from '../support/shared-page.js';

let server;
let browser;
let page;
const shared = sharedPage((all) => ({ server, browser, page } = all));
beforeEach(() => goToHash(shared, demoHash({ sae: 'openai.layer_3', token: 3 })));

const dialog = () => part(page, 'find-dialog');
const field = () => part(page, 'find-field');
const hits = () => part(page, 'find-hit');
const outcome = () => part(page, 'find-outcome').innerText();
const closed = () => dialog().waitFor({ state: 'hidden' });
const place = async () => {
  const [route, parts] = await page.evaluate(() => [location.hash.split('?')[0], [...new URLSearchParams(location.hash.split('?')[1])]]);
  return { route, ...Object.fromEntries(parts) };
};

/** Opens the dialog by its keys and types. */
async function type(text) {
  await page.keyboard.press('Control+k');
  await field().waitFor();
  await page.keyboard.type(text);
  // What is typed is drawn before the next frame but one.
  await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
}

/** Types, and chooses the first hit. */
async function choose(text) {
  await type(text);
  await page.keyboard.press('Enter');
  await closed();
  await ready(page);
}

test('Ctrl K opens it, Escape closes it, and the focus goes back to where it was', async () => {
  await part(page, 'token', '[data-index="5"]').click();
  await type('');
  assert.equal(await page.evaluate(() => document.activeElement.dataset.testid), 'find-field');
  assert.deepEqual(await serious(page), []);
  await page.keyboard.press('Escape');
  await closed();
  assert.equal(await page.evaluate(() => document.activeElement.dataset.index), '5');
  // The same keys close it.
  await type('x');
  await page.keyboard.press('Control+k');
  await closed();
  assert.equal(await page.evaluate(() => document.activeElement.dataset.index), '5');
  // Also from the prompt, whose text stays as it is.
  await page.keyboard.press('/');
  const prompt = await part(page, 'prompt').inputValue();
  await page.keyboard.press('Meta+k');
  await field().waitFor();
  await page.keyboard.type('zebra');
  await page.keyboard.press('Escape');
  await closed();
  assert.equal(await page.evaluate(() => document.activeElement.dataset.testid), 'prompt');
  assert.equal(await part(page, 'prompt').inputValue(), prompt);
});

test('a number selects that feature of the selected SAE, L1/7 one of another layer, in one step of the history', async () => {
  await choose('903');
  assert.equal(await part(page, 'feature-panel').getAttribute('data-latent'), '903');
  const first = await place();
  assert.deepEqual([first.sae, first.feature], ['openai.layer_3', '903']);
  await choose('L1/7');
  await part(page, 'feature-panel', '[data-latent="7"]').waitFor();
  const second = await place();
  assert.deepEqual([second.sae, second.feature], ['openai.layer_1', '7']);
  await page.goBack();
  await part(page, 'feature-panel', '[data-latent="903"]').waitFor();
  assert.equal((await place()).sae, 'openai.layer_3');
  for (const [typed, sae] of [['openai.layer_5/12', 'openai.layer_5'], ['layer 1 f12', 'openai.layer_1']]) {
    await choose(typed);
    await part(page, 'feature-panel', '[data-latent="12"]').waitFor();
    assert.equal((await place()).sae, sae);
  }
});

test('a feature that is active in the prompt is shown where it is strongest', async () => {
  const { latent, token } = await page.evaluate(async () => {
    const prompt = document.querySelector('[data-testid="prompt"]').value;
    const { saes } = await window.saeExplorer.trace(prompt);
    const { latents, activations, k } = saes.find(({ id }) => id === 'openai.layer_3');
    const found = latents[12 * k];
    const places = [...latents.keys()].filter((at) => latents[at] === found);
    const best = places.reduce((one, other) => (activations[other] > activations[one] ? other : one));
    return { latent: found, token: Math.floor(best / k) };
  });
  await choose(String(latent));
  const { feature, token: shown } = await place();
  assert.deepEqual([feature, shown], [String(latent), String(token)]);
});

test('what is not there is said, and Enter does nothing', async () => {
  for (const [typed, said] of [
    ['99999', 'There is no feature 99999: this SAE has 4096, counted from 0.'],
    ['L7/3', 'No SAE of layer 7 is loaded: there are those of layers 1, 3 and 5.'],
    ['zebra/3', 'No SAE with “zebra” in its name is loaded.'],
  ]) {
    const before = await place();
    await type(typed);
    assert.equal(await outcome(), said);
    assert.equal(await hits().count(), 0);
    assert.equal(await field().getAttribute('aria-expanded'), 'false');
    await page.keyboard.press('Enter');
    assert.ok(await field().isVisible());
    assert.deepEqual(await serious(page), []);
    await page.keyboard.press('Escape');
    await closed();
    assert.deepEqual(await place(), before);
  }
});

test('the arrows move the marked line, around its ends; the mouse chooses one as well', async () => {
  await type('layer');
  const marked = async () => {
    const id = await field().getAttribute('aria-activedescendant');
    const selected = await hits().evaluateAll((all) => all.filter((one) => one.getAttribute('aria-selected') === 'true').map(({ id: own }) => own));
    assert.deepEqual(selected, [id]);
    return id;
  };
  const last = (await hits().count()) - 1;
  assert.ok(last >= 2);
  assert.equal(await marked(), 'find-0');
  await page.keyboard.press('ArrowDown');
  await page.waitForFunction(() => document.activeElement.getAttribute('aria-activedescendant') === 'find-1');
  await page.keyboard.press('ArrowUp');
  await page.keyboard.press('ArrowUp');
  await page.waitForFunction((id) => document.activeElement.getAttribute('aria-activedescendant') === id, `find-${last}`);
  assert.equal(await marked(), `find-${last}`);
  await page.keyboard.press('Escape');
  await closed();
  await part(page, 'find').click();
  await field().fill('openai.layer_5');
  await hits().first().click();
  await closed();
  await page.waitForFunction(() => location.hash.includes('sae=openai.layer_5'));
});

test('commands do what their buttons do', async () => {
  await choose('underline by loss');
  assert.ok(await page.getByRole('checkbox', { name: 'underline by loss' }).isChecked());
  await choose('stop underlining');
  assert.ok(!(await page.getByRole('checkbox', { name: 'underline by loss' }).isChecked()));
  await choose('rank by mean');
  assert.deepEqual([(await place()).view, (await place()).rank], ['prompt', 'mean']);
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await choose('copy link');
  await part(page, 'note').getByText('Copied').waitFor();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), page.url());
  await choose('copy json');
  await page.waitForFunction(async () => (await navigator.clipboard.readText()).startsWith('{'));
  await choose('go to the library');
  await part(page, 'library').waitFor();
  assert.equal((await place()).route, '#/library');
  // A feature is shown where features are.
  await choose('L3/11');
  await part(page, 'feature-panel', '[data-latent="11"]').waitFor();
  assert.equal((await place()).route, '#/prompt');
});

test('the list of keys opens from it and it opens from the list of keys; the focus comes back', async () => {
  await part(page, 'token', '[data-index="4"]').click();
  await choose('keys and definitions');
  await part(page, 'keys-dialog').waitFor();
  assert.ok(await page.evaluate(() => document.activeElement.closest('[data-testid="keys-dialog"]') !== null));
  await page.keyboard.press('Control+k');
  await field().waitFor();
  await part(page, 'keys-dialog').waitFor({ state: 'hidden' });
  await page.keyboard.type('trace');
  assert.ok((await hits().count()) > 0);
  await page.keyboard.press('Escape');
  await closed();
  assert.notEqual(await page.evaluate(() => document.activeElement.tagName), 'BODY');
});

test('examples are traced; SAEs of the catalogue lead to the library', async () => {
  const name = await part(page, 'examples').locator('button').last().innerText();
  await choose(name);
  assert.equal(await part(page, 'examples').locator('button[aria-pressed="true"]').innerText(), name);
  await type('res-jb');
  await part(page, 'find-hit', '[data-kind="library"]').first().waitFor();
  assert.match(await hits().first().innerText(), /GPT-2 small, not loaded/);
  await page.keyboard.press('Enter');
  await closed();
  await part(page, 'library').waitFor();
});

test('without a query it offers the last choices and the commands', async () => {
  await choose('903');
  await choose('layer 1');
  await type('');
  const names = await hits().locator('b').allInnerTexts();
  assert.deepEqual(names.slice(0, 2), ['openai.layer_1', 'Feature 903']);
  assert.ok(names.includes('Copy link'));
  await page.keyboard.press('Escape');
  await closed();
});

for (const [name, viewport, colorScheme] of [['wide', { width: 1440, height: 900 }, 'light'], ['narrow', { width: 360, height: 740 }, 'dark']]) {
  test(`it fits a ${name} screen`, async () => {
    const own = await openApp(browser, server, { context: { viewport, colorScheme, ...STILL } });
    await part(own, 'find').click();
    await part(own, 'find-field').fill('l');
    await part(own, 'find-hit').first().waitFor();
    await picture(own, `find-${name}`);
    const box = await part(own, 'find-dialog').boundingBox();
    assert.ok(box.x >= 0 && box.x + box.width <= viewport.width && box.y >= 0 && box.y + box.height <= viewport.height, JSON.stringify(box));
    const overflow = await part(own, 'find-dialog').evaluate((element) => element.scrollWidth - element.clientWidth);
    assert.ok(overflow <= 0, `${overflow} px too wide`);
    assert.deepEqual(await serious(own), []);
    assert.deepEqual(own.seen.errors, []);
    await own.context().close();
  });
}
