// The page as it is used: tokens, features, rankings, SAEs, the address, the keyboard, and mistakes.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { latents, openApp, part, ready, trace } from '../support/app.js';
import { launch } from '../support/chromium.js';
import { serve } from '../support/server.js';

let server;
let browser;
let page;
before(async () => {
  server = await serve();
  browser = await launch({ webgpu: false });
  page = await openApp(browser, server);
});
after(async () => {
  await browser?.close();
  await server?.close();
});

/** A test that starts with the page as a visitor finds it. */
const visit = (name, steps) =>
  test(name, async (t) => {
    await page.goto('about:blank');
    await page.goto(server.url(''));
    await ready(page);
    await steps(t);
  });

const tokens = () => part(page, 'token').allTextContents();
const text = (name) => part(page, name).first().innerText();

visit('opens with a worked prompt, traced', async () => {
  assert.ok((await tokens()).length > 10);
  assert.ok((await latents(page)).length > 0);
  assert.match(await text('metrics-table'), /FVU/);
  assert.match(await text('metrics-table'), /L0/);
  assert.match(await text('next-tokens'), /%/);
  assert.match(await text('status'), /\d/);
  const info = await page.evaluate(() => window.saeExplorer.info());
  assert.equal(info.model.id, 'demo');
});

visit('an example prompt is one click away', async () => {
  const before = await tokens();
  await part(page, 'examples').locator('button').last().click();
  await page.waitForFunction(
    (shown) => {
      const now = [...document.querySelectorAll('[data-testid="token"]')].map((chip) => chip.textContent).join();
      return document.body.dataset.state === 'ready' && now !== shown;
    },
    before.join(),
  );
  assert.ok((await latents(page)).length > 0);
});

visit('any text is traced as it is typed, and shows what the engine computes', async () => {
  const prompt = 'A dog and\n a cat 🙂';
  await trace(page, prompt);
  await page.waitForFunction(async (asked) => {
    const { tokens: want } = await window.saeExplorer.tokenize(asked);
    return document.querySelectorAll('[data-testid="token"]').length === want.length;
  }, prompt);
  const shown = (await tokens()).join('');
  assert.match(shown, /dog/);
  assert.match(shown, /0xF0/);
  const newline = await part(page, 'token').evaluateAll((chips) => chips.some((chip) => /↵|⏎|\\n/.test(chip.textContent)));
  assert.ok(newline, 'a newline is visible');
});

visit('a token shows its features, a feature its panel', async () => {
  await part(page, 'token', '[data-index="5"]').click();
  const five = await latents(page);
  await part(page, 'token', '[data-index="9"]').click();
  assert.notDeepEqual(await latents(page), five);
  const expected = await page.evaluate(async () => {
    const { saes } = await window.saeExplorer.trace(document.querySelector('[data-testid="prompt"]').value);
    return saes.map(({ k, latents: all }) => [...all.slice(9 * k, 10 * k)].filter((latent) => latent >= 0));
  });
  const shown = await latents(page);
  assert.ok(expected.some((row) => row.slice(0, shown.length).join() === shown.join()), `${shown} is no SAE's row: ${JSON.stringify(expected)}`);
  await part(page, 'feature-row').first().click();
  await part(page, 'feature-panel').waitFor();
  assert.ok((await text('feature-panel')).includes(String(shown[0])));
});

visit('the whole prompt ranks features in three ways', async () => {
  const orders = new Set();
  for (const control of await part(page, 'ranking').locator('button, input, option').all()) {
    if ((await control.evaluate((element) => element.tagName)) === 'OPTION') await part(page, 'ranking').locator('select').selectOption(await control.getAttribute('value'));
    else await control.click();
    await part(page, 'feature-row').first().waitFor();
    orders.add((await latents(page)).slice(0, 8).join());
  }
  assert.ok(orders.size >= 3, `only ${orders.size} different orders`);
});

visit('another SAE shows other features', async () => {
  const rows = new Set();
  const count = await part(page, 'sae-switch').count();
  assert.equal(count, 3);
  for (let at = 0; at < count; at += 1) {
    await part(page, 'sae-switch').nth(at).click();
    await ready(page);
    rows.add((await latents(page)).join());
  }
  assert.equal(rows.size, 3);
});

visit('the address restores everything: reload, back, and in another window', async () => {
  const start = page.url();
  await part(page, 'sae-switch').nth(2).click();
  await part(page, 'token', '[data-index="7"]').click();
  await part(page, 'feature-row').nth(1).click();
  await part(page, 'feature-panel').waitFor();
  const state = async (of) => ({ rows: await latents(of), panel: await part(of, 'feature-panel').locator('h2').first().innerText(), tokens: await part(of, 'token').count() });
  const chosen = await state(page);
  const address = page.url();
  assert.notEqual(address, start);
  await page.reload();
  await ready(page);
  assert.deepEqual(await state(page), chosen);
  const other = await openApp(browser, server, { path: address.slice(server.url('').length) });
  assert.deepEqual(await state(other), chosen);
  await other.context().close();
  await part(page, 'token', '[data-index="3"]').click();
  assert.notEqual(page.url(), address);
  await page.goBack();
  await page.waitForFunction((url) => location.href === url, address);
  await page.waitForFunction((want) => [...document.querySelectorAll('[data-testid="feature-row"]')].map((row) => Number(row.dataset.latent)).join() === want, chosen.rows.join());
});

visit('the keyboard: arrows over tokens and features, / and ?', async () => {
  await part(page, 'token', '[data-index="4"]').click();
  const four = await latents(page);
  await page.keyboard.press('ArrowRight');
  const five = await latents(page);
  assert.notDeepEqual(five, four);
  await page.keyboard.press('ArrowLeft');
  assert.deepEqual(await latents(page), four);
  const before = page.url();
  await page.keyboard.press('ArrowDown');
  assert.notEqual(page.url(), before);
  await page.keyboard.press('/');
  assert.equal(await page.evaluate(() => document.activeElement.closest('[data-testid="prompt"]') !== null), true);
  await page.keyboard.press('Escape');
  await page.evaluate(() => document.activeElement.blur());
  await page.keyboard.press('?');
  await part(page, 'keys-dialog').waitFor();
  await page.keyboard.press('Escape');
  await part(page, 'keys-dialog').waitFor({ state: 'hidden' });
});

visit('an edit of a feature shows what it changes', async () => {
  await part(page, 'token').nth(8).click();
  await part(page, 'feature-row').first().click();
  await part(page, 'ablate').click();
  await page.waitForFunction(() => /\d/.test(document.querySelector('[data-testid="edited"]')?.textContent ?? ''));
  assert.match(await text('edited'), /KL/);
  assert.equal(await part(page, 'error').count(), 0);
});

visit('generates', async () => {
  const before = await part(page, 'prompt').inputValue();
  const box = part(page, 'generate');
  const button = (await box.evaluate((element) => element.tagName)) === 'BUTTON' ? box : box.locator('button').first();
  await button.click();
  await page.waitForFunction(
    (prompt) => document.body.innerText.length > 0 && document.body.dataset.state === 'ready' && (document.querySelector('[data-testid="prompt"]').value !== prompt || document.querySelector('[data-testid="generated"]')?.textContent.length > 0),
    before,
  );
});

visit('mistakes are told, and nothing is lost', async (t) => {
  await t.test('an empty prompt', async () => {
    await part(page, 'prompt').fill('');
    await part(page, 'error').waitFor();
    assert.match(await text('error'), /\S/);
  });
  await t.test('a prompt that is too long: how many tokens, and an offer to cut', async () => {
    const long = 'one two '.repeat(200);
    await part(page, 'prompt').fill(long);
    await page.waitForFunction(() => /256/.test(document.querySelector('[data-testid="error"]')?.textContent ?? ''));
    assert.equal(await part(page, 'prompt').inputValue(), long, 'the prompt is never cut silently');
    await part(page, 'error').getByRole('button', { name: /cut/i }).click();
    await part(page, 'error').waitFor({ state: 'hidden' });
    await ready(page);
    assert.ok((await part(page, 'token').count()) <= 256);
  });
  await t.test('and a good prompt works again', async () => {
    await trace(page, 'Once upon a time');
    await part(page, 'error').waitFor({ state: 'hidden' });
    assert.ok((await part(page, 'token').count()) < 10);
  });
  await t.test('a dead worker', async () => {
    await page.evaluate(() => window.saeExplorer._worker.terminate());
    await trace(page, 'Once upon a time there was');
    await page.waitForFunction(() => document.querySelectorAll('[data-testid="token"]').length > 5);
  });
});

test('all of this without an error in the console', () => {
  assert.deepEqual(page.seen.errors, []);
});
