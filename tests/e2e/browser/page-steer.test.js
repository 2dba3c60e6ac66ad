// Steering: continuations without edits and with them, side by side; rows of edits; examples that move the text as they say.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { STILL, during, openApp, part, picture, ready, serious } from '../support/app.js';
import { suite } from '../support/suite.js';

const { server, browser } = await suite({ webgpu: false });

const PROMPT = 'Once upon a time there was';
const EDIT = 'openai.layer_3:3480=+7x';
const address = (edit, prompt = PROMPT) => `#/steer?sae=openai.layer_3&prompt=${encodeURIComponent(prompt)}&edit=${encodeURIComponent(edit)}`;

const open = async (path, context) => {
  const page = await openApp(browser, server, { path, ...(context && { context }) });
  await part(page, 'steer').waitFor();
  await page.waitForFunction(() => !document.querySelector('[data-testid="steer-start"]')?.disabled);
  return page;
};

/** Sets a setting by its label. */
const setting = (page, name, value) => part(page, 'steer').getByLabel(name, { exact: true }).fill(String(value));

/** Runs, and waits for the end. */
async function run(page) {
  await part(page, 'steer-start').click();
  await part(page, 'steer-kl').waitFor();
}

const texts = async (page) => ({
  clean: await page.evaluate(() => [...document.querySelectorAll('[data-testid="steer-clean"] .new')].map((token) => token.textContent)),
  steered: await page.evaluate(() => [...document.querySelectorAll('[data-testid="steer-steered"] .new')].map((token) => token.textContent)),
});

test('both continuations are those of the package, token by token, and so is KL', async () => {
  const page = await open(address(EDIT));
  await setting(page, 'tokens at most', 12);
  await setting(page, 'seed', 3);
  await run(page);
  const { clean, steered } = await texts(page);
  const expected = await page.evaluate(
    async ({ prompt, edits }) => {
      const engine = window.saeExplorer;
      const options = { maxTokens: 12, temperature: 0.8, seed: 3 };
      const one = async (more) => {
        const tokens = [];
        const { text } = await engine.generate(prompt, { ...options, ...more, onToken: (token) => tokens.push(token) });
        return { text, ids: tokens.map(({ id }) => id) };
      };
      const clean = await one({});
      const steered = await one({ edits });
      const { tokens } = await engine.trace(prompt, { saes: [] });
      const ids = [...tokens.map(({ id }) => id), ...steered.ids];
      const { klByPosition } = await engine.edited(ids, edits);
      const kl = [...klByPosition].slice(tokens.length - 1, ids.length - 1);
      return { clean, steered, mean: kl.reduce((sum, value) => sum + value, 0) / kl.length };
    },
    { prompt: PROMPT, edits: EDIT },
  );
  assert.equal(clean.length, expected.clean.ids.length);
  assert.equal(steered.length, expected.steered.ids.length);
  assert.equal(clean.join(''), expected.clean.text);
  assert.equal(steered.join(''), expected.steered.text);
  assert.notEqual(expected.clean.text, expected.steered.text);
  assert.ok(expected.mean > 0.01, `${expected.mean}`);
  const shown = Number(await part(page, 'steer-kl').innerText());
  assert.ok(Math.abs(shown - expected.mean) < 0.01 * expected.mean + 1e-3, `${shown}, ${expected.mean}`);
  const first = clean.findIndex((token, index) => token !== steered[index]);
  assert.match(await part(page, 'steer-status').innerText(), new RegExp(`new token ${first + 1} on`));
  assert.equal(await part(page, 'steer-steered').locator('.differs').count(), steered.length - first);
  await page.context().close();
});

test('an edit that is switched off changes nothing, bit for bit', async () => {
  const page = await open(address(`!${EDIT}`));
  await setting(page, 'tokens at most', 10);
  await run(page);
  const { clean, steered } = await texts(page);
  assert.deepEqual(steered, clean);
  assert.match(await part(page, 'steer-status').innerText(), /No difference/);
  assert.equal(Number(await part(page, 'steer-kl').innerText()), 0);
  await page.context().close();
});

test('a slider, a switch and a text change an edit, the address follows, back undoes', async () => {
  const page = await open(address(EDIT));
  const row = part(page, 'edit-line');
  await row.getByRole('checkbox').uncheck();
  assert.equal(await row.getAttribute('data-on'), 'false');
  await row.getByRole('checkbox').check();
  await part(page, 'edit-slider').fill('-2.5');
  assert.equal(await part(page, 'edit-text').inputValue(), 'openai.layer_3:3480=+-2.5x');
  assert.match(decodeURIComponent(page.url()), /edit=openai\.layer_3:3480=\+-2\.5x/);
  const text = part(page, 'edit-text');
  await text.fill('openai.layer_3:3480=zz');
  await text.press('Enter');
  await row.locator('.error').waitFor();
  assert.match(await row.locator('.error').innerText(), /character/);
  assert.equal(await text.inputValue(), 'openai.layer_3:3480=zz', 'nothing typed is lost');
  await text.fill('openai.layer_3:3480=*3@2..');
  await text.press('Enter');
  await row.locator('.error').waitFor({ state: 'hidden' });
  assert.match(decodeURIComponent(page.url()), /3480=\*3@2\.\./);
  await part(page, 'steer-add').fill('L5/1350');
  await part(page, 'steer-add').press('Enter');
  await page.waitForFunction(() => document.querySelectorAll('[data-testid="edit-line"]').length === 2);
  await page.goBack();
  await page.waitForFunction(() => document.querySelectorAll('[data-testid="edit-line"]').length === 1);
  await part(page, 'steer-add').fill('L3/999999');
  await part(page, 'steer-add').press('Enter');
  assert.match(await part(page, 'steer-refused').innerText(), /4096 features|4,096 features/);
  await part(page, 'edit-remove').click();
  await page.waitForFunction(() => document.querySelectorAll('[data-testid="edit-line"]').length === 0);
  await page.context().close();
});

test('a run is stopped, keeps its text, and another prompt stops it as well', async () => {
  const page = await open(address(EDIT));
  await setting(page, 'tokens at most', 5000);
  await part(page, 'steer-start').click();
  const written = '[data-testid="steer-clean"] .new';
  await during(page, written, 3, 'steer-stop');
  await part(page, 'steer-start').waitFor();
  assert.match(await part(page, 'steer-status').innerText(), /Stopped/);
  assert.ok((await texts(page)).clean.length > 2);
  await part(page, 'steer-start').click();
  await during(page, written, 3, 'prompt-line', 'Another text');
  await part(page, 'steer-start').waitFor();
  const said = await part(page, 'steer-status').innerText();
  assert.match(said, /Stopped, because the prompt was changed\./);
  assert.doesNotMatch(said, /No difference\./, 'it is not known');
  assert.ok((await texts(page)).clean.length > 2, 'what was written stays');
  await setting(page, 'tokens at most', 0);
  assert.match(await part(page, 'steer').locator('.error').innerText(), /whole number from 1/);
  assert.ok(await part(page, 'steer-start').isDisabled());
  await page.context().close();
});

test('an SAE that is not loaded is named, and the text of a steered run becomes the prompt', async () => {
  const page = await open(address(EDIT));
  await setting(page, 'tokens at most', 5);
  await run(page);
  const { steered } = await texts(page);
  await part(page, 'steer-result').getByRole('button', { name: 'Use as prompt' }).nth(1).click();
  await ready(page);
  assert.equal(await part(page, 'prompt-line').inputValue(), `${PROMPT}${steered.join('')}`);
  await part(page, 'steer-add').fill('gone:3=0');
  await part(page, 'steer-add').press('Enter');
  await page.getByText('Not loaded: gone.').waitFor();
  assert.ok(await part(page, 'steer-start').isDisabled());
  await page.context().close();
});

test('the end of the context is said, and the text goes on behind its second half', async () => {
  const page = await open(address(EDIT));
  await setting(page, 'tokens at most', 1000);
  await run(page);
  const { tokens, context } = await page.evaluate(async () => ({ tokens: document.querySelectorAll('[data-testid="steer-clean"] .new').length, context: (await window.saeExplorer.info()).model.nCtx }));
  assert.ok(tokens > context / 2, `${tokens} of ${context}`);
  assert.equal(await part(page, 'steer-full').count(), 2);
  const whole = (await part(page, 'steer-steered').textContent()).trim();
  await part(page, 'steer-slide').last().click();
  const prompt = await part(page, 'prompt-line').inputValue();
  assert.ok(whole.endsWith(prompt.trim()) && prompt.length < 0.55 * whole.length && prompt.length > 0.3 * whole.length, `${prompt.length} of ${whole.length}`);
  await page.waitForFunction(() => !document.querySelector('[data-testid="steer-start"]')?.disabled);
  await setting(page, 'tokens at most', 5);
  await run(page);
  assert.equal(await part(page, 'steer-full').count(), 0);
  await page.context().close();
});

test('each example of the page moves the text as it says', async () => {
  const page = await open(address(EDIT));
  const examples = await part(page, 'steer-example').evaluateAll((all) => all.map(({ dataset: { prompt, edit, words }, innerText }) => ({ name: innerText, prompt, edit, words })));
  assert.ok(examples.length >= 4);
  for (const { name, prompt, edit, words } of examples) {
    const counts = await page.evaluate(
      async ({ prompt, edit, words }) => {
        const wanted = new Set(words.split(' '));
        const count = (text) => text.split(/[^\p{L}]+/u).filter((word) => wanted.has(word)).length;
        const sums = { clean: 0, steered: 0 };
        for (const seed of [0, 1, 2]) {
          const options = { maxTokens: 40, temperature: 0.8, seed };
          sums.clean += count((await window.saeExplorer.generate(prompt, options)).text);
          sums.steered += count((await window.saeExplorer.generate(prompt, { ...options, edits: edit })).text);
        }
        return sums;
      },
      { prompt, edit, words },
    );
    console.log(`${name}: ${counts.clean} clean, ${counts.steered} steered`);
    assert.ok(counts.steered >= counts.clean + 6 && counts.steered >= 2 * counts.clean, `${name}: ${JSON.stringify(counts)}`);
  }
  // A click takes prompt and edit.
  await part(page, 'steer-example').nth(3).click();
  await ready(page);
  assert.equal(await part(page, 'edit-text').inputValue(), examples[3].edit);
  assert.equal(await part(page, 'prompt-line').inputValue(), examples[3].prompt);
  await page.context().close();
});

for (const [name, context] of [
  ['wide', { ...STILL, viewport: { width: 1280, height: 900 } }],
  ['narrow', { ...STILL, viewport: { width: 390, height: 844 } }],
  ['dark', { ...STILL, viewport: { width: 1280, height: 900 }, colorScheme: 'dark' }],
]) {
  test(`it fits a ${name} screen, and can be read`, async () => {
    const page = await open(address(EDIT), context);
    await setting(page, 'tokens at most', 30);
    await run(page);
    const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.equal(over, 0);
    assert.deepEqual(await serious(page), []);
    await picture(page, `steer-${name}`);
    await page.context().close();
  });
}
