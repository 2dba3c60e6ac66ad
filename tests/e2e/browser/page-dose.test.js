// One feature at many values: the page's numbers are those of the package at each value, and so are the texts.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { STILL, copiedTable, during, openApp, part, picture, serious } from '../support/app.js';
import { suite } from '../support/suite.js';

const SAE = 'openai.layer_3';
const PROMPT = 'Once upon a time there was a';

const { server, browser } = await suite({ webgpu: false });

async function open(more = '', context = STILL) {
  const page = await openApp(browser, server, { path: `#/steer/dose?sae=${SAE}&prompt=${encodeURIComponent(PROMPT)}${more}`, context });
  await part(page, 'dose').waitFor();
  await page.waitForFunction(() => document.querySelector('[data-testid="dose-start"]')?.disabled === false);
  return page;
}

/** Sweeps, and waits for the end. */
async function sweep(page) {
  await part(page, 'dose-start').click();
  await part(page, 'dose-result').waitFor();
  await part(page, 'dose-status', '[data-running="false"]').waitFor({ state: 'attached' });
}

const copied = (page) => copiedTable(page, 'dose-copy', 'value');

test('each value gives what the package gives for that edit, and the texts are its continuations', async () => {
  const page = await open();
  await part(page, 'dose-feature').fill('3480');
  await part(page, 'dose-from').fill('0');
  await part(page, 'dose-to').fill('24');
  await part(page, 'dose-steps').fill('5');
  await part(page, 'dose-watched').fill(' king| queen');
  await part(page, 'dose-written').fill('6');
  await sweep(page);
  const { header, lines } = await copied(page);
  assert.deepEqual(lines.map(([value]) => value), ['clean', '0', '6', '12', '18', '24']);
  assert.ok(header.includes('" king"') && header.includes('" queen"'), `${header}`);
  const expected = await page.evaluate(async ([prompt, sae, names]) => {
    const engine = window.saeExplorer;
    const { tokens } = await engine.trace(prompt, { saes: [] });
    const ids = tokens.map(({ id }) => id);
    const track = [];
    for (const name of names) track.push((await engine.tokenize(JSON.parse(name), { bos: 'no' })).tokens[0].id);
    const lines = [];
    for (const value of [null, 0, 6, 12, 18, 24]) {
      const edits = value === null ? [] : [{ sae, latent: 3480, value }];
      const { loss, kl, tracked } = await engine.edited(new Uint32Array(ids), edits, { track });
      const written = await engine.generate(new Uint32Array(ids), { maxTokens: 6, temperature: 0.8, seed: 0, ...(value !== null && { edits }) });
      const whole = await engine.edited(new Uint32Array([...ids, ...written.ids]), []);
      const losses = [...whole.tokenLosses].slice(ids.length - 1);
      lines.push([loss, kl, ...tracked.map(({ prob }) => prob), losses.reduce((sum, one) => sum + one, 0) / losses.length, written.text]);
    }
    return lines;
  }, [PROMPT, SAE, header.slice(3, -2)]);
  for (const [at, [, ...cells]] of lines.entries()) {
    const text = cells.pop();
    const wanted = expected[at];
    assert.equal(JSON.parse(text), wanted.pop(), `text of line ${at}`);
    assert.equal(cells.length, wanted.length);
    for (const [column, value] of wanted.entries()) {
      const found = Number(cells[column]);
      assert.ok(cells[column] !== '' && Math.abs(found - value) <= 1e-4 * Math.abs(value) + 1e-7, `line ${at}, ${header[column + 1]}: ${cells[column]}, expected ${value}`);
    }
  }
  // The feature does something here, or nothing of this was tested.
  assert.ok(Number(lines.at(-1)[2]) > 0.01, `${lines.at(-1)}`);
  assert.equal(await part(page, 'dose-chart').count(), 4);
  await part(page, 'dose-usual').getByText(/largest activation over the atlas/).waitFor();
  assert.equal(await page.locator('.chart .usual').count(), 4);
  assert.deepEqual(await serious(page), []);
  await picture(page, 'dose');
  // A value becomes an edit of the continuation.
  await part(page, 'dose-row').nth(1).getByRole('button').click();
  assert.equal(await part(page, 'edit-text').inputValue(), `${SAE}:3480=6`);
  assert.deepEqual(page.seen.errors, []);
  await page.context().close();
});

test('factors and pushes are swept too, of the selected feature', async () => {
  const page = await open('&feature=3480');
  await part(page, 'dose-kind').getByText('times').click();
  await part(page, 'dose-steps').fill('5');
  await sweep(page);
  const { lines } = await copied(page);
  assert.deepEqual(lines.map(([value]) => value), ['clean', '0', '1', '2', '3', '4']);
  // Times 1 is the clean run.
  assert.equal(lines[2][1], lines[0][1]);
  assert.equal(Number(lines[2][2]), 0);
  assert.equal(await page.locator('.chart .usual').count(), 0, 'a factor is no activation');
  await page.context().close();
});

test('a link asks the same, and what is typed stands in the address', async () => {
  const page = await open('&sweep=L3/903&sweep-by=scale&sweep-values=4&sweep-to=3&sweep-tokens=%20king');
  assert.equal(await part(page, 'dose-feature').inputValue(), 'L3/903');
  await sweep(page);
  const { header, lines } = await copied(page);
  assert.deepEqual(lines.map(([value]) => value), ['clean', '0', '1', '2', '3']);
  assert.ok(header.includes('" king"'), `${header}`);
  await part(page, 'dose-steps').fill('5');
  await page.waitForFunction(() => location.hash.includes('sweep-values=5'));
  await part(page, 'steer-page', '[data-route="Effects"]').click();
  await part(page, 'effects-target').fill(' king');
  await page.waitForFunction(() => location.hash.includes('effects-target=+king') && location.hash.includes('sweep-values=5'));
  await page.context().close();
});

test('what cannot be swept says why, and a sweep that writes can be stopped', async () => {
  const page = await open();
  await part(page, 'dose-feature').fill('L9/3');
  await part(page, 'dose-start').click();
  await part(page, 'dose-ended').getByText(/No SAE .*L9/).waitFor();
  assert.equal(await part(page, 'dose-feature').inputValue(), 'L9/3');
  await part(page, 'dose-feature').fill('3480');
  await part(page, 'dose-watched').fill(' kingqueen');
  await part(page, 'dose-start').click();
  await part(page, 'dose-ended').getByText(/not one/).waitFor();
  await part(page, 'dose-watched').fill('');
  await part(page, 'dose-written').fill('100');
  await part(page, 'dose-steps').fill('30');
  await part(page, 'dose-start').click();
  await during(page, '[data-testid="dose-row"]', 1, 'dose-stop');
  await part(page, 'dose-ended').getByText('Stopped.').waitFor();
  assert.equal(await part(page, 'dose-row').count(), 30, 'what came stays');
  await page.context().close();
});

for (const [name, context] of [['narrow', { viewport: { width: 390, height: 844 } }], ['dark', { colorScheme: 'dark' }]]) {
  test(`it fits a ${name} screen, and can be read`, async () => {
    const page = await open('&feature=3480', { ...STILL, ...context });
    await sweep(page);
    const { width, wide } = await page.evaluate(() => ({ width: document.documentElement.scrollWidth, wide: innerWidth }));
    assert.ok(width <= wide, `${width} pixels on ${wide}`);
    assert.deepEqual(await serious(page), []);
    await picture(page, `dose-${name}`);
    await page.context().close();
  });
}
