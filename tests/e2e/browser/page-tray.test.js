// Pinned features and edits in force: on every route, in the address, and off again.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { openApp, part, picture, ready, serious, STILL, trace } from '../support/app.js';
import { demoHash, goToHash, sharedPage } from '../support/shared-page.js';

let server;
let browser;
let page;
const shared = sharedPage((all) => ({ server, browser, page } = all));

const PROMPT = 'Once upon a time there was a king who had three daughters.';
const place = (more) => demoHash({ prompt: PROMPT, sae: 'openai.layer_3', token: 8 }, more);
const goTo = (more) => goToHash(shared, place(more));

const pins = () => part(page, 'pin').evaluateAll((items) => items.map((item) => Number(item.dataset.latent)));
const selected = () => part(page, 'feature-panel').getAttribute('data-latent').then(Number);
const effectShown = () => page.waitForFunction(() => /Δ/.test(document.querySelector('[data-testid="edit-effect"]')?.textContent ?? ''));
const focusIsLost = () => page.evaluate(() => document.activeElement === document.body);

test('a feature is pinned with p or a button, shown on every route, selected with a click, and unpinned', async () => {
  await goTo('&feature=903');
  assert.equal(await part(page, 'tray').count(), 0);
  await page.keyboard.press('p');
  await part(page, 'pin').waitFor();
  assert.match(page.url(), /pin=openai\.layer_3\/903$/);
  assert.equal(await part(page, 'pin-button').getAttribute('aria-pressed'), 'true');
  await part(page, 'feature-row').first().click();
  const strongest = await selected();
  await part(page, 'pin-button').click();
  assert.deepEqual(await pins(), [903, strongest]);
  // Its activation on the selected token, as the list has it.
  const activation = await part(page, 'feature-row').first().locator('td').last().textContent();
  const shown = await part(page, 'pin', `[data-latent="${strongest}"]`).locator('.number').textContent();
  assert.ok(Math.abs(Number(shown) - Number(activation)) < 0.006, `${shown} is shown, ${activation} in the list`);
  await part(page, 'tab', '[data-route="Library"]').click();
  assert.deepEqual(await pins(), [903, strongest]);
  await part(page, 'tab', '[data-route="Prompt"]').click();
  await part(page, 'sae-switch', '[data-sae="openai.layer_5"]').click();
  await part(page, 'pin', '[data-latent="903"]').locator('button').first().click();
  await page.waitForFunction(() => document.querySelector('[data-testid="feature-panel"]')?.dataset.latent === '903');
  assert.equal(await part(page, 'sae-switch', '[data-sae="openai.layer_3"]').getAttribute('aria-pressed'), 'true');
  assert.deepEqual(await serious(page), []);
  await page.getByRole('button', { name: `Unpin feature ${strongest} of layer 3` }).press('Enter');
  assert.deepEqual(await pins(), [903]);
  assert.equal(await focusIsLost(), false);
  await page.getByRole('button', { name: 'Unpin feature 903 of layer 3' }).press('Enter');
  await part(page, 'tray').waitFor({ state: 'detached' });
  assert.equal(await focusIsLost(), false);
  await page.goBack();
  await part(page, 'pin').waitFor();
  assert.deepEqual(await pins(), [903]);
});

test('an edit stays on while one looks elsewhere, with its effect, and is taken off', async () => {
  await goTo('');
  await part(page, 'ablate').click();
  await effectShown();
  const latent = await selected();
  const want = await page.evaluate(
    async ([prompt, one]) => {
      const clean = await window.saeExplorer.trace(prompt);
      const edited = await window.saeExplorer.edited(prompt, { sae: 'openai.layer_3', latent: one, value: 0, positions: [8] });
      return { clean: clean.loss, edited: edited.loss, next: edited.nextByPosition[8][0].prob };
    },
    [PROMPT, latent],
  );
  await ready(page);
  await effectShown();
  const effect = await part(page, 'edit-effect').textContent();
  assert.ok(effect.includes(`loss ${want.clean.toFixed(3)} → ${want.edited.toFixed(3)} nats`), effect);
  assert.match(effect, /KL of the edit \S+ nats/);
  assert.match(await part(page, 'edit-row').textContent(), new RegExp(`feature ${latent} of layer 3 set to 0.00 at .*king.*\\(position 8\\)`));
  // The next tokens say which is which.
  const next = part(page, 'next-tokens');
  await part(page, 'clean-and-edited').waitFor();
  assert.deepEqual((await next.locator('thead th').allTextContents()).slice(1, 3), ['clean', 'edited']);
  const edited = await next.locator('tbody tr td:nth-child(3)').allTextContents();
  assert.ok(edited.includes(`${(want.next * 100).toFixed(1)}%`), edited.join());
  // Another token, another feature, another route: it stays on.
  await part(page, 'token', '[data-index="3"]').click();
  await part(page, 'feature-row', ':not(.on)').last().click();
  assert.notEqual(await selected(), latent);
  await part(page, 'tab', '[data-route="Library"]').click();
  assert.equal(await part(page, 'edit-effect').textContent(), effect);
  assert.deepEqual(await serious(page), []);
  await part(page, 'take-off').press('Enter');
  await part(page, 'edit-banner').waitFor({ state: 'detached' });
  assert.equal(await focusIsLost(), false);
  assert.doesNotMatch(page.url(), /edit=/);
  await page.goBack();
  await effectShown();
  assert.equal(await part(page, 'edit-effect').textContent(), effect);
});

test('where a feature is not active, it is said that ablating it changes nothing', async () => {
  const { latent, token } = await page.evaluate(async (prompt) => {
    const { saes: [{ k, latents, activations }] } = await window.saeExplorer.trace(prompt, { saes: ['openai.layer_3'] });
    const at = (position) => [...latents.subarray(position * k, (position + 1) * k)].filter((one, slot) => one >= 0 && activations[position * k + slot] > 0);
    const there = new Set(at(8));
    return { latent: at(3).find((one) => !there.has(one)), token: 3 };
  }, PROMPT);
  await ready(page);
  await goTo(`&feature=${latent}`);
  await part(page, 'edit-inactive').waitFor();
  await part(page, 'token', `[data-index="${token}"]`).click();
  await part(page, 'edit-inactive').waitFor({ state: 'detached' });
});

test('a link restores pins and edits; what it cannot run it says', async () => {
  await goTo('&feature=903&pin=openai.layer_3/903&pin=gone/5&edit=openai.layer_3/903=2.5@5,7-8');
  await effectShown();
  assert.match(await part(page, 'edit-row').textContent(), /feature 903 of layer 3 set to 2.50 at 3 tokens/);
  assert.equal(await part(page, 'pin', '[data-missing="true"]').textContent().then((text) => text.includes('not loaded')), true);
  assert.match(page.url(), /pin=openai\.layer_3\/903&pin=gone\/5&edit=openai\.layer_3:903=2\.5@5,7\.\.9$/);
  await page.reload();
  await ready(page);
  await effectShown();

  await goTo('&edit=gone/5=0@3');
  assert.equal(await part(page, 'edit-row').getAttribute('data-standing'), 'missing');
  assert.match(await part(page, 'edit-row').textContent(), /its SAE is not loaded, so this edit is not on/);
  assert.equal(await part(page, 'clean-and-edited').count(), 0);
  await goTo('&edit=openai.layer_3/903=0@99');
  assert.match(await part(page, 'edit-row').textContent(), /the prompt has only \d+ tokens, so this edit is not on/);
});

test('another prompt switches an edit at its tokens off, says so, and back brings both back', async () => {
  await goTo('&edit=openai.layer_3:903=4@5');
  await effectShown();
  await trace(page, 'A dog and a cat.');
  assert.equal(await part(page, 'edit-row').getAttribute('data-standing'), 'off');
  assert.equal(await part(page, 'edit-banner').locator('.mark-on').textContent(), 'Edit not on');
  assert.match(await part(page, 'note').textContent(), /switched off: those were tokens of the prompt before/);
  await page.goBack();
  await effectShown();
  assert.equal(await part(page, 'prompt').inputValue(), PROMPT);
});

test('several edits run together; a slider moves one, a switch takes one out, the numbers follow', async () => {
  await goTo('&edit=openai.layer_3:903=4@5&edit=openai.layer_5:16=*0@5..');
  await effectShown();
  assert.equal(await part(page, 'edit-banner').locator('.mark-on').textContent(), '2 edits on');
  const shown = async (edits) => {
    const { clean, edited, kl } = await page.evaluate(
      async ([prompt, list]) => {
        const { loss } = await window.saeExplorer.trace(prompt);
        return { clean: loss, ...(await window.saeExplorer.edited(prompt, list)) , edited: (await window.saeExplorer.edited(prompt, list)).loss };
      },
      [PROMPT, edits],
    );
    await ready(page);
    const want = `loss ${clean.toFixed(3)} → ${edited.toFixed(3)} nats`;
    await page.waitForFunction((text) => document.querySelector('[data-testid="edit-effect"]')?.textContent.includes(text), want);
    return kl;
  };
  const both = await shown('openai.layer_3:903=4@5; openai.layer_5:16=*0@5..');
  // The rows with their sliders are in the tray, one after the other for the keyboard.
  await part(page, 'tray-change').press('Enter');
  await part(page, 'edit-line').nth(1).waitFor();
  assert.deepEqual(await serious(page), []);
  await part(page, 'edit-slider').first().fill('9');
  assert.match(page.url(), /903=9@5&/);
  const more = await shown('openai.layer_3:903=9@5; openai.layer_5:16=*0@5..');
  assert.notEqual(more, both);
  await part(page, 'edit-line').first().getByRole('checkbox').press('Space');
  await shown('openai.layer_5:16=*0@5..');
  assert.match(page.url(), /edit=!openai\.layer_3:903=9@5/);
  await picture(page, 'tray-open');
  await part(page, 'edit-remove').first().press('Enter');
  assert.equal(await part(page, 'edit-line').count(), 1);
  assert.equal(await focusIsLost(), false);
  await part(page, 'tray-change').press('Enter');
  assert.equal(await part(page, 'edit-row').count(), 1);
  // The same edits are those of Steer, where the list is on the page; the prompt's own continuation is without them, and says so.
  await part(page, 'generate-clean').getByRole('link', { name: 'Steer' }).click();
  await part(page, 'edit-line').waitFor();
  assert.equal(await part(page, 'edit-line').count(), 1);
  assert.equal(await part(page, 'tray-change').count(), 0);
  await part(page, 'edit-line').getByRole('checkbox').press('Space');
  await page.waitForFunction(() => document.querySelector('.mark-on')?.textContent === 'Edit not on');
});

test('from the dock: at a token, at all its tokens, everywhere; the last of them counts', async () => {
  await goTo('&feature=903');
  const at = (name) => part(page, 'feature-panel').getByRole('button', { name, exact: true }).click();
  await at('everywhere');
  await part(page, 'clamp').click();
  await effectShown();
  assert.match(page.url(), /edit=openai\.layer_3:903=[\d.]+$/);
  assert.match(await part(page, 'edit-row').textContent(), /feature 903 of layer 3 set to \S+ at all tokens/);
  // It is no edit of this prompt alone.
  await trace(page, 'A dog and a cat.');
  await effectShown();
  assert.equal(await part(page, 'edit-row').getAttribute('data-standing'), 'on');
  await at('at the selected token');
  await part(page, 'clamp').click();
  assert.equal(await part(page, 'edit-row').count(), 1);
  assert.match(page.url(), /edit=openai\.layer_3:903=[\d.]+@\d+$/);
});

const VIEWS = [
  ['wide', { viewport: { width: 1440, height: 900 } }],
  ['dark', { viewport: { width: 1024, height: 800 }, colorScheme: 'dark' }],
  ['narrow', { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true }],
];

for (const [name, context] of VIEWS) {
  test(`nothing lies over the tray, and nothing is faulty (${name})`, async () => {
    const path = place('&feature=903&pin=openai.layer_3/903&pin=openai.layer_5/16&pin=gone/5&edit=openai.layer_3/903=2.5@5,7-8');
    const own = await openApp(browser, server, { path, context: { ...context, ...STILL } });
    await own.waitForFunction(() => /Δ/.test(document.querySelector('[data-testid="edit-effect"]')?.textContent ?? ''));
    await picture(own, `tray-${name}`);
    assert.deepEqual(await serious(own), []);
    const boxes = Object.fromEntries(
      await Promise.all(['tray', 'edit-banner', 'take-off'].map(async (what) => [what, await part(own, what).boundingBox()])),
    );
    const { height } = own.viewportSize();
    const bottom = ({ y, height: tall }) => y + tall;
    assert.ok(bottom(boxes.tray) <= height + 1);
    if (name === 'narrow') assert.ok(boxes['edit-banner'].height <= 64, `the banner takes ${boxes['edit-banner'].height} px`);
    assert.ok(boxes['take-off'].y >= boxes['edit-banner'].y && bottom(boxes['take-off']) <= bottom(boxes['edit-banner']));
    assert.ok(boxes['take-off'].x + boxes['take-off'].width <= own.viewportSize().width, 'its button is in view');
    assert.ok(boxes['take-off'].height >= 24 && boxes['take-off'].width >= 24);
    if (name === 'narrow') {
      const tabs = await own.locator('.tabs').boundingBox();
      assert.ok(bottom(boxes.tray) <= tabs.y + 1, 'the tabs are below the tray');
      await part(own, 'dock').locator('.handle').tap();
      await picture(own, `tray-${name}-sheet`);
      assert.deepEqual(await serious(own), []);
    }
    await part(own, 'tray-change').click();
    await part(own, 'edit-slider').waitFor();
    await picture(own, `tray-${name}-open`);
    assert.deepEqual(await serious(own), []);
    const line = await part(own, 'edit-line').boundingBox();
    assert.ok(bottom(line) <= bottom(await part(own, 'edit-banner').boundingBox()), 'the row is in view');
    await part(own, 'tray-change').click();
    await part(own, 'edit-row').waitFor();
    // The last thing on the page can be scrolled out from behind it.
    await own.evaluate(() => window.scrollTo(0, document.body.scrollHeight));
    const last = await own.locator('main .route > :last-child').boundingBox();
    assert.ok(bottom(last) <= boxes.tray.y, 'the end of the page is above the tray');
    assert.ok(bottom(await part(own, 'dock').boundingBox()) <= boxes.tray.y + 1, 'the dock ends above the tray');
    await own.context().close();
  });
}
