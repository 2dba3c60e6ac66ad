// The first seconds of a visit: something to see before the model is there, nothing that moves, and a way into the page.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { STILL, latents, openApp, part, picture, ready, serious } from '../support/app.js';
import { newPage } from '../support/chromium.js';
import { suite } from '../support/suite.js';

const { server, browser } = await suite({ webgpu: false });

/** A page whose model does not come before `release` is called. */
async function held(context = {}, path = '') {
  let release;
  server.rules = [{ match: /model\.safetensors$/, hold: new Promise((resolve) => (release = resolve)) }];
  const page = await newPage(browser, context);
  // How far what is on screen was moved by the page itself, as Chromium scores it.
  await page.addInitScript(() => {
    window.shifts = [];
    const note = (list) => window.shifts.push(...list.getEntries().filter(({ hadRecentInput }) => !hadRecentInput).map(({ value, sources }) => ({ value, moved: sources.map(({ node }) => node?.outerHTML?.slice(0, 80)) })));
    new PerformanceObserver(note).observe({ type: 'layout-shift', buffered: true });
  });
  await page.goto(server.url(path));
  return { page, release };
}

const liveness = (page) => part(page, 'liveness').getAttribute('data-liveness');
const shown = async (page) => ({
  tokens: await part(page, 'token').allInnerTexts(),
  latents: await latents(page),
  panel: await part(page, 'feature-panel').getAttribute('data-latent'),
  effects: await part(page, 'feature-panel').locator('.bar').allInnerTexts(),
});

test('a recorded trace is there before the model, says so, and turns live without a change', async () => {
  const { page, release } = await held();
  await part(page, 'liveness').waitFor();
  assert.equal(await page.evaluate(() => document.body.dataset.state), 'loading');
  assert.equal(await liveness(page), 'recorded');
  const recorded = await shown(page);
  assert.ok(recorded.tokens.length > 5 && recorded.latents.length > 0 && recorded.effects.length === 20);
  assert.ok(await part(page, 'ablate').isDisabled(), 'there is no model yet to run with an edit');
  assert.deepEqual(await serious(page), []);
  release();
  await ready(page);
  assert.equal(await liveness(page), 'live');
  const live = await shown(page);
  assert.deepEqual(live.tokens, recorded.tokens);
  assert.deepEqual(live.latents, recorded.latents);
  assert.equal(live.panel, recorded.panel);
  assert.deepEqual(live.effects.map((effect) => effect.split('\n')[0]), recorded.effects.map((effect) => effect.split('\n')[0]));
  assert.deepEqual(page.seen.errors, []);
  await page.context().close();
});

test('what is chosen in the recorded trace stays chosen in the live one', async () => {
  const { page, release } = await held();
  await part(page, 'token').nth(5).click();
  await part(page, 'feature-row').nth(1).click();
  const chosen = await part(page, 'feature-panel').getAttribute('data-latent');
  release();
  await ready(page);
  assert.equal(await part(page, 'token', '[aria-selected="true"]').getAttribute('data-index'), '5');
  assert.equal(await part(page, 'feature-panel').getAttribute('data-latent'), chosen);
  await page.context().close();
});

test('a link about another prompt or SAE shows nothing that was recorded for something else', async () => {
  const { page, release } = await held({}, '#/prompt?prompt=Something+else');
  await part(page, 'prompt').waitFor();
  assert.equal(await part(page, 'prompt').inputValue(), 'Something else');
  assert.equal(await part(page, 'token').count(), 0);
  assert.equal(await part(page, 'intro').count(), 0, 'links lead past the introduction');
  release();
  await ready(page);
  assert.equal(await liveness(page), 'live');
  await page.context().close();
});

for (const width of [1440, 1024, 390]) {
  test(`nothing moves while the page loads, at a width of ${width}`, async () => {
    const { page, release } = await held({ viewport: { width, height: 900 } });
    await part(page, 'liveness').waitFor();
    release();
    await ready(page);
    // The demo's other SAEs come after the first trace.
    await page.waitForFunction(() => document.querySelectorAll('[data-testid=sae-switch]').length === 3);
    await part(page, 'progress').waitFor({ state: 'hidden' });
    await ready(page);
    const shifts = await page.evaluate(() => window.shifts);
    const sum = shifts.reduce((total, { value }) => total + value, 0);
    assert.ok(sum <= 0.05, `${sum} of the screen moved: ${JSON.stringify(shifts)}`);
    await page.context().close();
  });
}

test('three doors lead into the page', async () => {
  server.rules = [];
  const page = await openApp(browser, server);
  const focused = (selector) => page.waitForFunction((chosen) => document.activeElement?.matches(chosen), selector);
  const door = (name) => page.getByRole('link', { name });
  await door('Find a feature').click();
  await focused('[data-testid=feature-row] button');
  await door('Change its mind').click();
  await focused('[data-testid=ablate]');
  await door('Bring your own SAE').click();
  await part(page, 'library').waitFor();
  assert.match(page.url(), /#\/library\?/);
  assert.equal(await page.title(), 'Library · sae-explorer');
  await page.goBack();
  await part(page, 'intro').waitFor();
  assert.equal(await page.title(), 'sae-explorer');
  assert.deepEqual(page.seen.errors, []);
  await page.context().close();
});

test('the tour points at parts of the page, by keyboard alone, and can be left at any step', async () => {
  const page = await openApp(browser, server, { context: { ...STILL } });
  const tour = part(page, 'tour');
  await part(page, 'begin-tour').focus();
  await page.keyboard.press('Enter');
  const titles = new Set();
  for (let step = 0; ; step += 1) {
    await page.waitForFunction(() => document.activeElement?.id === 'tour-title');
    titles.add(await tour.locator('h2').innerText());
    assert.equal(await page.locator('.toured').count(), 1, `step ${step} points at one part`);
    if (step === 1) {
      assert.deepEqual(await serious(page), []);
      await picture(page, 'tour');
    }
    const next = tour.getByRole('button', { name: 'Next' });
    if ((await next.count()) === 0) break;
    await next.focus();
    await page.keyboard.press('Enter');
    await page.waitForFunction((before) => !before.includes(document.querySelector('#tour-title').innerText), [...titles]);
  }
  assert.equal(titles.size, 6);
  await page.keyboard.press('Escape');
  await tour.waitFor({ state: 'detached' });
  assert.equal(await page.locator('.toured').count(), 0);
  assert.equal(await page.evaluate(() => document.activeElement.dataset.testid), 'begin-tour');
  // Left in the middle.
  await page.keyboard.press('Enter');
  await tour.getByRole('button', { name: 'Leave the tour' }).click();
  await tour.waitFor({ state: 'detached' });
  await page.context().close();
});

test('on a phone the tabs stand below, and the feature is a sheet that opens', async () => {
  const page = await openApp(browser, server, { context: { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, ...STILL } });
  const [tabs, dock] = [page.locator('nav.tabs'), part(page, 'dock')];
  const bottom = async (locator) => { const box = await locator.boundingBox(); return box.y + box.height; };
  assert.ok(Math.abs((await bottom(tabs)) - 844) < 2);
  assert.equal(await part(page, 'feature-panel').isVisible(), false);
  await dock.locator('.handle').tap();
  await part(page, 'feature-panel').waitFor();
  assert.deepEqual(await serious(page), []);
  await page.locator('nav.tabs a', { hasText: 'Library' }).tap();
  await part(page, 'library').waitFor();
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), true, 'nothing sticks out at the side');
  assert.deepEqual(page.seen.errors, []);
  await page.context().close();
});
