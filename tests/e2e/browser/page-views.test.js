// The views of a prompt beside its list of features: layers × tokens, logit lens, attention.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { parseSafetensors } from '../page/parity.js';
import { STILL, openApp, part, picture, ready, serious, trace } from '../support/app.js';
import { launch } from '../support/chromium.js';
import { root, serve } from '../support/server.js';

const fixture = (name) => readFile(join(root, 'tests/fixtures', name));

let server;
let browser;
let page;
/** What PyTorch computes for the prompt of these tests: its tokens, features, attention patterns and logit lenses. */
let reference;
before(async () => {
  server = await serve();
  browser = await launch({ webgpu: false });
  page = await openApp(browser, server);
  const { buffer, byteOffset, byteLength } = await fixture('gloss.safetensors');
  const tensors = parseSafetensors(buffer.slice(byteOffset, byteOffset + byteLength));
  reference = { ...JSON.parse(await fixture('gloss.json')), taps: JSON.parse(await fixture('demo-taps.json')), tensors };
  assert.deepEqual(reference.taps.ids, reference.token_ids);
});
after(async () => {
  await browser?.close();
  await server?.close();
});

/** The address of the prompt at a place. */
const address = (place) => `#${new URLSearchParams({ model: 'demo', ...place, prompt: reference.text })}`;

/** Goes there, as somebody who follows a link. */
async function goTo(place, at = page) {
  await at.goto('about:blank');
  await at.goto(server.url(address(place)));
  await ready(at);
  await settled(at);
}

/** Waits until the view has what it waits for. */
const settled = (at) => at.waitForFunction(() => [...document.querySelectorAll('[data-testid="view-state"]')].every(({ dataset }) => dataset.state === 'ready'));

const show = async (view, at = page) => {
  await at.locator(`[data-show="${view}"]`).click();
  await settled(at);
};

/** Moves the pointer to a place of a picture, in shares of its width and height, wherever the page has to be scrolled for that. */
async function pointAt(picture, across, down) {
  await picture.scrollIntoViewIfNeeded();
  const { width, height } = await picture.boundingBox();
  await picture.hover({ position: { x: across * width, y: down * height } });
}

/** The table's cells, row by row: their text, number, step of the tint, and words. */
const cells = (at = page) =>
  at.locator('.grid tbody tr').evaluateAll((rows) =>
    rows.map((row) =>
      [...row.querySelectorAll('[role="gridcell"]')].map((cell) => ({
        text: cell.querySelector('.what').innerText,
        value: cell.querySelector('.value').innerText,
        tint: Number(/\bt(\d+)\b/.exec(cell.className)[1]),
        label: cell.querySelector('.sr').textContent,
      })),
    ),
  );

const cell = (row, token, at = page) => at.locator(`.grid td[data-row="${row}"][data-token="${token}"]`);
const detail = () => part(page, 'view-detail').innerText();
const hash = () => page.evaluate(() => Object.fromEntries(new URLSearchParams(location.hash.slice(1))));

/** The feature of an SAE at each token behind the BOS that has the largest |a| · ln((1 + N) / n) there (docs/metrics.md). */
function specific(sae) {
  const [ids, values] = ['topk_ids', 'topk_values'].map((name) => reference.tensors[`${sae}.${name}`]);
  const [tokens, k] = ids.shape;
  const active = [...Array(tokens).keys()].map((token) => [...Array(k).keys()].map((place) => ({ latent: Number(ids.data[token * k + place]), activation: values.data[token * k + place] })).filter(({ activation }) => activation > 0));
  const count = (latent) => active.slice(1).filter((row) => row.some((one) => one.latent === latent)).length;
  return active.map((row, token) => {
    const measure = ({ latent, activation }) => activation * Math.log(tokens / count(latent));
    const some = token === 0 ? [] : [...row].sort((a, b) => measure(b) - measure(a));
    return some.length === 0 ? null : { ...some[0], count: count(some[0].latent) };
  });
}

/** Latents of an SAE that are active at a token, as PyTorch has them. */
function activeAt(sae, token) {
  const [ids, values] = ['topk_ids', 'topk_values'].map((name) => reference.tensors[`${sae}.${name}`]);
  const k = ids.shape[1];
  return [...Array(k).keys()].filter((place) => values.data[token * k + place] > 0).map((place) => Number(ids.data[token * k + place]));
}

test('layers × tokens shows the most specific feature of each SAE, as PyTorch has them', async () => {
  await goTo({ show: 'layers' });
  const shown = await cells();
  const saes = [1, 3, 5].map((layer) => `openai.layer_${layer}`);
  assert.deepEqual(await page.locator('.grid th.head').allInnerTexts(), ['layer 1', 'layer 3', 'layer 5']);
  for (const [row, sae] of saes.entries()) {
    const want = specific(sae);
    assert.equal(shown[row].length, want.length);
    const largest = Math.max(...want.map((one) => one?.activation ?? 0));
    for (const [token, one] of want.entries()) {
      const { text, value, tint, label } = shown[row][token];
      const where = `${sae} at ${token}: ${label}`;
      if (one === null) {
        assert.deepEqual([text, value, tint], ['–', '', 0], where);
        continue;
      }
      assert.equal(text, String(one.latent), where);
      assert.ok(Math.abs(Number(value) - one.activation) < 0.006, where);
      assert.ok(Math.abs(tint - (20 * one.activation) / largest) <= 0.51 || tint === 1, where);
      assert.match(label, new RegExp(`active on ${one.count} token`), where);
    }
  }
  // The dock selects by the same measure.
  await cell(1, 9).click();
  await page.waitForFunction((latent) => new URLSearchParams(location.hash.slice(1)).get('feature') === latent, shown[1][9].text);
  await part(page, 'token', '[data-index="12"]').click();
  await page.waitForFunction(() => new URLSearchParams(location.hash.slice(1)).get('token') === '12');
  const kept = shown[1][12].text === shown[1][9].text || activeAt('openai.layer_3', 12).includes(Number(shown[1][9].text));
  assert.equal((await hash()).feature, kept ? shown[1][9].text : shown[1][12].text);
  // The strongest of all, which is often active everywhere.
  await page.locator('[data-by="strongest"]').click();
  assert.equal((await hash()).by, 'strongest');
  const all = await cells();
  const ids = reference.tensors['openai.layer_3.topk_ids'];
  for (let token = 1; token < ids.shape[0]; token += 1) assert.equal(all[1][token].text, String(ids.data[token * ids.shape[1]]));
});

test('the selected feature is followed through the layers by decoder cosine, with the activations of its counterparts', async () => {
  await goTo({ show: 'layers', by: 'matches', sae: 'openai.layer_3', token: 5 });
  const { latent } = specific('openai.layer_3')[5];
  assert.equal((await hash()).feature, String(latent));
  await page.locator('.grid').waitFor();
  const saes = [1, 3, 5].map((layer) => `openai.layer_${layer}`);
  const nearest = await page.evaluate(
    ([from, feature, others]) => Promise.all(others.map(async (other) => (other === from ? { latent: feature, cosine: 1 } : (await window.saeExplorer.matches(from, feature, other))[0]))),
    ['openai.layer_3', latent, saes],
  );
  const shown = await cells();
  assert.deepEqual(await page.locator('.grid th.head').allInnerTexts(), [1, 3, 5].map((layer, at) => `layer ${layer} · ${nearest[at].latent}`));
  assert.deepEqual((await page.locator('.grid td.side').allInnerTexts()).map(Number), nearest.map(({ cosine }) => Number(cosine.toFixed(2))));
  let some = 0;
  for (const [row, sae] of saes.entries()) {
    const [ids, values] = ['topk_ids', 'topk_values'].map((name) => reference.tensors[`${sae}.${name}`]);
    const [tokens, k] = ids.shape;
    for (let token = 1; token < tokens; token += 1) {
      const place = [...Array(k).keys()].find((one) => Number(ids.data[token * k + one]) === nearest[row].latent);
      const want = place === undefined ? 0 : values.data[token * k + place];
      some += want > 0 ? 1 : 0;
      const { text, label, tint } = shown[row][token];
      assert.ok(Math.abs(Number(text) - want) < 0.006, `${label}: PyTorch has ${want}`);
      assert.equal(tint > 0, want > 0, label);
    }
  }
  assert.ok(some > 1);
  await cell(2, 9).hover();
  assert.match(await detail(), new RegExp(`feature ${nearest[2].latent}.*decoder cosine\\s+${nearest[2].cosine.toFixed(3)}`, 's'));
  // A link keeps it, and the focus stays on the buttons.
  await page.reload();
  await ready(page);
  await page.locator('.grid').waitFor();
  assert.deepEqual(await page.locator('[data-by][aria-pressed="true"]').allInnerTexts(), ['Counterparts']);
  assert.deepEqual(await serious(page), []);
  await page.locator('[data-by="specific"]').click();
  assert.equal((await hash()).by, undefined);
});

test('a cell of layers × tokens selects SAE, token and feature', async () => {
  await goTo({ show: 'layers', sae: 'openai.layer_1', token: 3 });
  const want = specific('openai.layer_5')[7];
  await cell(2, 7).click();
  await page.waitForFunction((latent) => new URLSearchParams(location.hash.slice(1)).get('feature') === latent, String(want.latent));
  const { sae, token, show: shown } = await hash();
  assert.deepEqual([sae, token, shown], ['openai.layer_5', '7', 'layers']);
  assert.match(await part(page, 'feature-panel').innerText(), new RegExp(`\\b${want.latent}\\b`));
  assert.equal(await cell(2, 7).getAttribute('aria-selected'), 'true');
  assert.equal(await page.locator('.grid [aria-selected="true"]').count(), 1);
  await page.goBack();
  await page.waitForFunction(() => new URLSearchParams(location.hash.slice(1)).get('sae') === 'openai.layer_1');
});

test('the logit lens shows what the engine and PyTorch have', async () => {
  await goTo({ show: 'lens', token: 5 });
  const shown = await cells();
  const lenses = await page.evaluate(async (ids) => {
    const { logitLens } = await window.saeExplorer.taps(ids, { logitLens: 5 });
    return logitLens.map(({ layer, loss, tokenLosses, nextByPosition }) => ({ layer, loss, tokenLosses: [...tokenLosses], next: nextByPosition }));
  }, reference.token_ids);
  assert.equal(lenses.length, reference.taps.lens.length);
  const losses = await page.locator('.grid td.side').allInnerTexts();
  // The embedding, and then the layers.
  assert.deepEqual(lenses.map(({ layer }) => layer), [null, 0, 1, 2, 3, 4, 5]);
  assert.match(shown[0][3].label, /^embedding after /);
  for (const [layer, lens] of reference.taps.lens.entries()) {
    const mean = lens.token_losses.reduce((sum, loss) => sum + loss, 0) / lens.token_losses.length;
    assert.ok(Math.abs(Number(losses[layer]) - mean) < 0.002, `row ${layer}: a loss of ${losses[layer]} nats is shown, PyTorch has ${mean}`);
    for (const [token, listed] of lenses[layer].next.entries()) {
      const [{ id, text, prob }] = listed;
      const { value, label } = shown[layer][token];
      // Where two tokens are equally likely, rounding decides.
      const [first, second] = lens.logits[token];
      if (first - second > 1e-3) assert.equal(id, lens.ids[token][0], label);
      assert.equal(Number.parseFloat(value.replace('<', '')), Math.max(0.1, Number((100 * prob).toFixed(1))), label);
      if (/^[\w ]+$/.test(text)) assert.equal(shown[layer][token].text, text.replaceAll(' ', '␣'), label);
    }
  }
  await cell(2, 8).hover();
  const lines = await detail();
  const want = reference.taps.lens[2];
  const loss = Number(/([\d.]+)\s*nats/.exec(lines)[1]);
  assert.ok(Math.abs(loss - want.token_losses[8]) < 0.002, lines);
  assert.equal(await page.locator('.best li').count(), 5);
  const probabilities = (await page.locator('.best li b').allInnerTexts()).map(Number.parseFloat);
  for (const [place, { prob }] of lenses[2].next[8].entries()) assert.ok(Math.abs(probabilities[place] - 100 * prob) < 0.051);
  // The last layer is the model itself: beside it stands what the page lists as the next tokens.
  await cell(6, 8).click();
  await page.waitForFunction(() => new URLSearchParams(location.hash.slice(1)).get('token') === '8');
  const next = await part(page, 'next-tokens').locator('.bar .number').first().innerText();
  assert.equal(next, shown[6][8].value);
});

test('attention weights are those of PyTorch, in the table and in the pictures', async () => {
  const [layer, query] = [4, 12];
  await goTo({ show: 'attention', layer, head: 2, token: query });
  const pattern = reference.taps.patterns[`blocks.${layer}.attn.hook_pattern`];
  const shown = await cells();
  assert.equal(shown.length, 5);
  const tokens = reference.token_ids.length;
  for (let head = 0; head < 4; head += 1) {
    const want = pattern[query * 4 + head];
    for (let key = 0; key < tokens; key += 1) {
      const { value, label } = shown[head][key];
      if (key > query) assert.equal(value, '', label);
      else assert.ok(Math.abs(Number(value) - want[key]) < 0.0051, `${label}: PyTorch has ${want[key]}`);
    }
    // A dot's opacity is the square root of its weight.
    const dots = await part(page, 'head', `[data-head="${head}"]`).locator('canvas').evaluate((canvas) => {
      const { width, height } = canvas;
      const { data } = canvas.getContext('2d').getImageData(0, 0, width, height);
      return { width, height, opacities: [...data].filter((_, at) => at % 4 === 3) };
    });
    assert.deepEqual([dots.width, dots.height], [tokens, tokens]);
    for (let at = 0; at < tokens * tokens; at += 1) {
      const weight = pattern[Math.floor(at / tokens) * 4 + head][at % tokens];
      assert.ok(Math.abs(dots.opacities[at] - 255 * Math.sqrt(weight)) < 1.01, `head ${head}, dot ${at}: ${dots.opacities[at]}, the weight is ${weight}`);
    }
  }
  const mean = [0, 1, 2, 3].reduce((sum, head) => sum + pattern[query * 4 + head][3] / 4, 0);
  assert.ok(Math.abs(Number(shown[4][3].value) - mean) < 0.0051);
  // The enlarged head, by keyboard: the address says which, and the arrows lead to its weights.
  const matrix = part(page, 'matrix');
  await matrix.focus();
  for (const key of ['ArrowUp', 'Home', 'ArrowRight', 'ArrowRight']) await page.keyboard.press(key);
  const read = await part(page, 'matrix-read').innerText();
  const weight = Number(/weight\s*([\d.]+)/.exec(read)[1]);
  assert.ok(Math.abs(weight - pattern[(query - 1) * 4 + 2][2]) < 1e-4, read);
  await page.keyboard.press('Enter');
  await page.waitForFunction((token) => new URLSearchParams(location.hash.slice(1)).get('token') === token, String(query - 1));
  // By mouse: the middle of a dot.
  await pointAt(matrix, 1.5 / tokens, 9.5 / tokens);
  const pointed = Number(/weight\s*([\d.]+)/.exec(await part(page, 'matrix-read').innerText())[1]);
  assert.ok(Math.abs(pointed - pattern[9 * 4 + 2][1]) < 1e-4);
});

test('pictures of attention have the tokens on both axes, and what is pointed at is marked in all of them', async () => {
  const [layer, tokens] = [4, reference.token_ids.length];
  await goTo({ show: 'attention', layer, head: 1, token: 12 });
  const large = page.locator('.axes.large');
  const labels = (of, axis) => of.locator(`.${axis} text`).allTextContents();
  // All tokens have room beside the large picture.
  for (const axis of ['keys', 'queries']) assert.equal((await labels(large, axis)).length, tokens, axis);
  assert.ok((await labels(large, 'queries')).includes('BOS'));
  const sizes = await page.locator('.axes text').evaluateAll((texts) => texts.map((text) => Number.parseFloat(getComputedStyle(text).fontSize)));
  assert.ok(Math.min(...sizes) >= 10, `the smallest label has ${Math.min(...sizes)} px`);
  for (const axis of ['keys', 'queries']) {
    const boxes = await large.locator(`.${axis} text`).evaluateAll((texts, across) => texts.map((text) => text.getBoundingClientRect()).map(({ x, y, width, height }) => (across ? x + width / 2 : y + height / 2)), axis === 'keys');
    const sorted = [...boxes].sort((a, b) => a - b);
    for (const [at, here] of sorted.slice(1).entries()) assert.ok(here - sorted[at] >= 9, `${axis}: labels lie on one another`);
  }
  const small = part(page, 'head', '[data-head="0"]');
  const [query, key] = [9, 3];
  await pointAt(small.locator('.area'), (key + 0.5) / tokens, (query + 0.5) / tokens);
  await page.locator('.weight-read').first().waitFor();
  const texts = (await part(page, 'token').evaluateAll((list) => list.map((token) => token.innerText))).map((text) => text.replaceAll('\u00a0', ' ').trim());
  for (let head = 0; head < 4; head += 1) {
    const picture = part(page, 'head', `[data-head="${head}"]`);
    const want = reference.taps.patterns[`blocks.${layer}.attn.hook_pattern`][query * 4 + head][key];
    assert.ok(Math.abs(Number(await picture.locator('.weight-read').innerText()) - want) < 6e-4, `head ${head}: PyTorch has ${want}`);
    assert.equal(await picture.locator('text.on').count(), 2);
  }
  assert.match(await part(page, 'heads-read').innerText(), new RegExp(`\\(${query}\\) to .*\\(${key}\\)`, 's'));
  assert.ok(texts.length >= tokens - 1);
  await page.mouse.move(0, 0);
  await page.locator('.weight-read').first().waitFor({ state: 'detached' });
});

test('a link, reload, back and forward restore the view, its layer and its head', async () => {
  await goTo({ show: 'attention', layer: 5, head: 3, token: 6 });
  const at = async () => {
    await settled(page);
    return [await page.locator('[data-show][aria-pressed="true"]').getAttribute('data-show'), (await part(page, 'attention-layer').count()) ? await part(page, 'attention-layer').inputValue() : null, await page.locator('[data-head][aria-pressed="true"]').getAttribute('data-head').catch(() => null)];
  };
  assert.deepEqual(await at(), ['attention', '5', '3']);
  await page.reload();
  await ready(page);
  assert.deepEqual(await at(), ['attention', '5', '3']);
  await part(page, 'attention-layer').selectOption('1');
  await part(page, 'head', '[data-head="0"]').click();
  assert.deepEqual(await at(), ['attention', '1', '0']);
  await page.goBack();
  await page.waitForFunction(() => location.hash.includes('head=3'));
  assert.deepEqual(await at(), ['attention', '1', '3']);
  await page.goForward();
  await page.waitForFunction(() => location.hash.includes('head=0'));
  assert.deepEqual(await at(), ['attention', '1', '0']);
  await show('features');
  assert.ok((await part(page, 'feature-row').count()) > 0);
  assert.equal((await hash()).show, undefined);
});

test('tables are used by keyboard, and the focus is never lost', async () => {
  await goTo({ show: 'lens', token: 2 });
  const focused = () => page.evaluate(() => [document.activeElement.dataset.row, document.activeElement.dataset.token].map(Number));
  await page.locator('[data-show="attention"]').focus();
  assert.equal(await page.locator('.grid td[tabindex="0"]').count(), 1);
  // Past the words with a definition, to the one cell that Tab reaches.
  do await page.keyboard.press('Tab');
  while (await page.evaluate(() => document.activeElement.matches('.term')));
  assert.deepEqual(await focused(), [0, 2]);
  for (const [key, want] of [['ArrowRight', [0, 3]], ['ArrowDown', [1, 3]], ['End', [1, 20]], ['PageDown', [6, 20]], ['ArrowRight', [6, 20]], ['Control+Home', [0, 0]], ['ArrowUp', [0, 0]]]) {
    await page.keyboard.press(key);
    assert.deepEqual(await focused(), want, key);
  }
  assert.match(await detail(), /embedding, after\s+the BOS/);
  assert.equal((await hash()).token, '2', 'moving selects nothing');
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => new URLSearchParams(location.hash.slice(1)).get('token') === '1');
  assert.deepEqual(await focused(), [0, 1]);
  assert.equal(await page.locator('.grid td[tabindex="0"]').count(), 1);
  await page.goBack();
  await page.waitForFunction(() => new URLSearchParams(location.hash.slice(1)).get('token') === '2');
  assert.deepEqual(await focused(), [0, 2], 'the focus follows the selection');
});

test('nothing is requested before a view is open; what is no longer wanted is stopped; what failed is said', async () => {
  await goTo({});
  await page.evaluate(() => {
    const { taps } = window.SaeExplorer.prototype;
    window.asked = [];
    window.fails = false;
    window.SaeExplorer.prototype.taps = function (prompt, options) {
      if (window.fails) return Promise.reject(Object.assign(new Error('the device is full'), { code: 'out-of-memory' }));
      window.asked.push({ tokens: prompt.length, ...options });
      return window.lets ? taps.call(this, prompt, options) : new Promise(() => {});
    };
  });
  const asked = () => page.evaluate(() => window.asked.map(({ tokens, names = null, logitLens = 0, signal }) => ({ tokens, names, logitLens, stopped: signal.aborted })));
  await page.locator('[data-show="layers"]').click();
  assert.deepEqual(await asked(), []);
  const tokens = reference.token_ids.length;
  await page.locator('[data-show="lens"]').click();
  await page.locator('.view-state .wait').waitFor({ state: 'visible' });
  assert.deepEqual(await asked(), [{ tokens, names: null, logitLens: 5, stopped: false }]);
  assert.equal(await page.locator('.grid [role="gridcell"]').count(), 7 * tokens, 'the table is there before its values');
  await page.locator('[data-show="attention"]').click();
  await page.waitForFunction(() => window.asked.length === 2);
  assert.deepEqual((await asked()).map(({ stopped }) => stopped), [true, false]);
  await part(page, 'prompt').fill('Once upon');
  await page.waitForFunction(() => window.asked[1].signal.aborted);
  await ready(page);
  await page.waitForFunction(() => window.asked.length === 3);
  assert.equal((await asked())[2].tokens, 3);
  assert.equal((await asked())[2].stopped, false);
  await page.evaluate(() => (window.fails = true));
  await page.locator('[data-show="lens"]').click();
  await part(page, 'view-error').waitFor();
  assert.match(await part(page, 'view-error').innerText(), /device is full/);
  assert.equal(await page.evaluate(() => document.body.dataset.state), 'ready');
  await page.evaluate(() => Object.assign(window, { fails: false, lets: true }));
  await part(page, 'view-error').getByRole('button', { name: 'Try again' }).click();
  await settled(page);
  assert.match((await cells())[6][2].value, /%/);
});

test('a long prompt is shown in stretches, and its pictures say what a dot is', async () => {
  await goTo({ show: 'lens' });
  await trace(page, 'The king and the queen went to the forest, and there was a wolf. '.repeat(12));
  await settled(page);
  const tokens = await part(page, 'token').count();
  assert.ok(tokens > 150);
  const stretch = () => page.locator('.stretch').innerText();
  await part(page, 'token').nth(0).click();
  assert.match(await stretch(), new RegExp(`tokens 0 to 47 of ${tokens} tokens`));
  assert.equal((await cells())[0].length, 48);
  await page.getByRole('button', { name: 'Later' }).click();
  assert.match(await stretch(), /tokens 48 to 95/);
  const later = await cells();
  assert.match(later[0][0].label, /embedding after/);
  assert.match(later[1][0].label, /layer 0 after/);
  assert.match(later[0][0].value, /%/);
  await cell(3, 95).focus();
  await page.keyboard.press('ArrowRight');
  assert.deepEqual(await page.evaluate(() => document.activeElement.dataset.token), '96');
  await page.getByRole('button', { name: 'Earlier' }).click();
  await page.getByRole('button', { name: 'Earlier' }).click();
  assert.match(await stretch(), /tokens 0 to 47/);
  assert.equal(await page.evaluate(() => document.activeElement.innerText), 'Earlier');
  await show('attention');
  assert.match(await part(page, 'view').innerText(), /A dot is the largest of \d × \d weights/);
  const side = await part(page, 'head').first().locator('canvas').evaluate(({ width }) => width);
  assert.ok(side <= 96 && side > 48, `${side} dots`);
});

const LOOKS = [
  { name: 'wide', viewport: { width: 1440, height: 1000 }, colorScheme: 'light' },
  { name: 'dark', viewport: { width: 1440, height: 1000 }, colorScheme: 'dark' },
  { name: 'narrow', viewport: { width: 360, height: 800 }, colorScheme: 'light', hasTouch: true },
  { name: 'forced', viewport: { width: 1024, height: 900 }, colorScheme: 'dark', forcedColors: 'active' },
];
for (const { name, ...context } of LOOKS) {
  test(`${name}: every view fits, and axe-core finds nothing serious`, async () => {
    const looked = await openApp(browser, server, { context: { ...context, ...STILL } });
    await goTo({ token: 9, sae: 'openai.layer_3' }, looked);
    for (const view of ['layers', 'lens', 'attention']) {
      await show(view, looked);
      if (view === 'attention') await part(looked, 'head', '[data-head="1"]').click();
      await (context.hasTouch ? cell(1, 9, looked).tap() : cell(1, 9, looked).hover());
      const said = await part(looked, 'view-detail').innerText();
      assert.match(said, /layer 3, |layer 0, after|from .+ to /, `${view}: ${said}`);
      await picture(looked, `view-${view}-${name}`);
      const widths = await looked.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
      assert.ok(widths[0] <= widths[1], `${view}: ${widths[0]} px of content on a page of ${widths[1]} px`);
      assert.deepEqual(await serious(looked), [], view);
      // Of two cells the one with the larger value is the darker one, whatever colours are forced.
      const colours = await looked.locator('.grid td[role="gridcell"]').evaluateAll((all) => new Set(all.map((one) => getComputedStyle(one).backgroundColor)).size);
      assert.ok(colours > 3, `${view}: ${colours} colours`);
      // Words in a sentence that open their definition are as high as the line, as links in a text are.
      const small = await looked.locator('.view :is(button:not(.term), select, td[role="gridcell"])').evaluateAll((all) => all.map((one) => one.getBoundingClientRect()).filter(({ width, height }) => width < 24 || height < 24).length);
      assert.equal(small, 0, `${view}: targets below 24 px`);
    }
    assert.deepEqual(looked.seen.errors, []);
    await looked.context().close();
  });
}

test('the page has logged no error', () => {
  assert.deepEqual(page.seen.errors, []);
});
