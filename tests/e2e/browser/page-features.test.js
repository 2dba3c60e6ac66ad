// All features of an atlas: table, searches, filters, map, one's own notes. The atlas is a stand-in with made-up statistics.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, beforeEach, test } from 'node:test';

import { STILL, openApp, part, picture, ready, serious, still } from '../support/app.js';
import { launch, newPage } from '../support/chromium.js';
import { serve } from '../support/server.js';
import { atlas, publish, statistics, vocabulary } from '../support/statistics.js';

const LATENTS = 4096;
const WORDS = [' king', ' Lord', ' the', ' God', ' said', ' wood', ' and', ' girl'];
const SOURCES = ['fiction', 'bible', 'code'];
const WEBGL = ['--use-angle=swiftshader', '--enable-unsafe-swiftshader', '--ignore-gpu-blocklist'];
const LIST = '#/features/layer-3';

let server;
let browser;
let page;
let rows;
let tokens;
before(async () => {
  server = await serve();
  tokens = vocabulary();
  const layer3 = statistics({ latents: LATENTS, tokens, words: WORDS });
  const layer1 = statistics({ latents: LATENTS, tokens, words: WORDS, seed: 8 });
  rows = layer3.rows;
  publish(server, atlas({
    tokens,
    sources: SOURCES,
    sets: [
      { id: 'layer-1', hook: 'blocks.1.hook_resid_post', ...layer1 },
      { id: 'layer-3', hook: 'blocks.3.hook_resid_post', ...layer3 },
      // A name that is wider than a phone.
      { id: 'neurons.blocks.1.mlp.hook_post.of-a-model-with-a-name', hook: 'blocks.1.mlp.hook_post', ...statistics({ latents: 64, tokens, words: WORDS, seed: 9 }) },
    ],
  }));
  browser = await launch({ webgpu: false, args: WEBGL });
  page = await openApp(browser, server, { path: LIST, context: STILL });
});
beforeEach(async () => {
  await open(LIST);
});
after(async () => {
  await browser?.close();
  await server?.close();
});

/** Goes to an address of the list and waits until its rows are drawn. */
async function open(hash, at = page) {
  await at.evaluate((to) => { location.hash = to; }, hash);
  await listed(at);
}

/** Waits until the list is there, and what is drawn is what was asked for. */
async function listed(at = page) {
  await part(at, 'listed-count', '[data-count]').waitFor();
  await at.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
}

const shown = (at = page) => part(at, 'browse-row').evaluateAll((lines) => lines.map((line) => Number(line.dataset.latent)));
const count = async (at = page) => Number(await part(at, 'listed-count').getAttribute('data-count'));
const place = () => page.evaluate(() => ({ path: location.hash.split('?')[0], ...Object.fromEntries(new URLSearchParams(location.hash.split('?')[1])) }));
const density = (row) => row.fired / 1e6;
const seldom = () => rows.filter((row) => density(row) < 0.1);

/** Waits until as many features are listed. */
async function counted(expected, at = page) {
  await at.waitForFunction((wanted) => document.querySelector('[data-testid="listed-count"]')?.dataset.count === String(wanted), expected);
  await listed(at);
}

async function search(kind, text) {
  await part(page, 'feature-search').locator(`[data-kind="${kind}"]`).click();
  await part(page, 'search-field').fill(text);
  await part(page, 'search-button').click();
  await listed();
}

test('the table lists all features but those that are almost always on, and draws only those in view', async () => {
  assert.equal(await count(), LATENTS - 1);
  const first = await shown();
  assert.deepEqual(first.slice(0, 8), [0, 1, 2, 3, 4, 5, 6, 8]);
  assert.ok(first.length < 60, `${first.length} rows are in the document`);
  const grid = part(page, 'feature-grid');
  assert.equal(await grid.getAttribute('aria-rowcount'), String(LATENTS));
  await grid.evaluate((element) => { element.scrollTop = element.scrollHeight; });
  await page.waitForFunction((last) => document.querySelector(`[data-testid="browse-row"][data-latent="${last}"]`) !== null, LATENTS - 1);
  assert.equal(await page.locator(`[data-latent="${LATENTS - 1}"]`).getAttribute('aria-rowindex'), String(LATENTS));
  await part(page, 'unfold').click();
  await counted(LATENTS);
  assert.equal((await place()).always, 'with');
});

test('nothing is counted before the table is there', async () => {
  let release;
  const rule = { match: /layer-3\/table/, hold: new Promise((resolve) => (release = resolve)) };
  server.rules.unshift(rule);
  const early = await openApp(browser, server, { path: LIST, context: STILL });
  await part(early, 'browse').waitFor();
  await part(early, 'browse').getByText('The table of features').waitFor();
  assert.equal(await part(early, 'listed-count').count(), 0);
  assert.doesNotMatch(await part(early, 'browse').innerText(), /0 features/u);
  release();
  await listed(early);
  assert.equal(await count(early), LATENTS - 1);
  server.rules.splice(server.rules.indexOf(rule), 1);
  await early.context().close();
});

test('a header sorts, and back restores the order before', async () => {
  const sorted = (key, direction) => seldom().filter((row) => row[key] !== null).sort((a, b) => direction * (a[key] - b[key]) || a.latent - b.latent).map((row) => row.latent);
  const header = (name) => page.locator(`[data-sort="${name}"]`);
  const order = (name) => page.locator('[role="columnheader"]', { has: header(name) }).getAttribute('aria-sort');
  assert.equal(await order('density'), 'none');
  await header('density').click();
  await listed();
  assert.deepEqual((await shown()).slice(0, 10), sorted('fired', -1).slice(0, 10));
  assert.equal(await order('density'), 'descending');
  await header('density').click();
  await listed();
  assert.equal(await order('density'), 'ascending');
  assert.deepEqual((await shown()).slice(0, 10), sorted('fired', 1).slice(0, 10));
  await part(page, 'sort').selectOption('-kurtosis');
  await listed();
  assert.deepEqual((await shown()).slice(0, 10), sorted('kurtosis', -1).slice(0, 10));
  assert.equal((await place()).sort, '-kurtosis');
  await page.goBack();
  await listed();
  assert.equal((await place()).sort, 'density');
  assert.deepEqual((await shown()).slice(0, 10), sorted('fired', 1).slice(0, 10));
});

test('filters leave out what they say, and stand in the address', async () => {
  await part(page, 'filter-label').fill('KING tales');
  const labelled = seldom().filter((row) => row.label === 'king in tales');
  await counted(labelled.length);
  await part(page, 'filter-source').selectOption('bible');
  await counted(labelled.filter((row) => row.source === 1).length);
  await part(page, 'filter-reset').click();
  await counted(LATENTS - 1);
  await part(page, 'filter-dead').selectOption('only');
  await counted(1);
  assert.deepEqual(await shown(), [11]);
  await open(`${LIST}?density=0.001..0.01&largest=10..`);
  const within = rows.filter((row) => density(row) >= 0.001 && density(row) <= 0.01 && row.max >= 10);
  await counted(within.length);
  await part(page, 'max-low').fill('15');
  await counted(within.filter((row) => row.max >= 15).length);
});

test('features are found by the token that they fire on, and by those that they push', async () => {
  await search('on', 'king');
  await counted(50);
  const firing = rows.filter((row) => row.token === rows[0].token && row.fired > 0).slice(0, 50).map((row) => row.latent);
  assert.deepEqual((await shown()).slice(0, 5), firing.slice(0, 5));
  assert.match(await part(page, 'listed-count').innerText(), /50 features of 4,096 that fire on/u);
  assert.equal((await place()).on, 'king');
  await search('up', '` Lord`');
  const lord = tokens.findIndex((bytes) => bytes.toString() === ' Lord');
  await counted(seldom().filter((row) => row.up.includes(lord)).length);
  const first = (await shown())[0];
  assert.equal(rows[first].up[0], lord);
  await search('down', ' Lord');
  await counted(seldom().filter((row) => row.down.includes(lord)).length);
  await search('on', 'zzzzqq');
  assert.match(await part(page, 'listed-count').innerText(), /no token of the vocabulary/u);
  await part(page, 'search-clear').click();
  await counted(LATENTS - 1);
});

test('features that fire on a text come by how characteristic they are', async () => {
  await ready(page);
  const text = 'And the Lord said unto the king';
  await search('text', text);
  await page.waitForFunction(() => Number(document.querySelector('[data-testid="listed-count"]')?.dataset.count) > 0 && document.querySelector('[data-testid="feature-grid"] .found') !== null);
  const trace = await page.evaluate((prompt) => window.saeExplorer.trace(prompt, { saes: ['openai.layer_3'] }), text);
  const sae = trace.saes[0];
  const first = trace.bosPrepended ? 1 : 0;
  const largest = new Map();
  for (let token = first; token < trace.tokens.length; token += 1) {
    for (let at = token * sae.k; at < (token + 1) * sae.k; at += 1) {
      if (sae.activations[at] > 0) largest.set(sae.latents[at], Math.max(largest.get(sae.latents[at]) ?? 0, sae.activations[at]));
    }
  }
  const measure = ([latent, activation]) => activation * Math.log((1 + 1e6) / Math.max(rows[latent].fired, 1));
  const expected = [...largest].filter(([latent]) => density(rows[latent]) < 0.1).sort((a, b) => measure(b) - measure(a)).map(([latent]) => latent);
  assert.ok(expected.length > 5);
  await counted(expected.length);
  assert.deepEqual((await shown()).slice(0, 10), expected.slice(0, 10));
});

test('the table is used with the keyboard, and a row opens the page of its feature', async () => {
  await part(page, 'feature-grid').evaluate((element) => { element.scrollTop = 0; });
  await page.locator('[data-row="0"] a').first().focus();
  const focused = () => page.evaluate(() => {
    const row = document.activeElement.closest('[data-row]');
    return row && [Number(row.dataset.row), Number(document.activeElement.closest('[data-col]').dataset.col)];
  });
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowRight');
  assert.deepEqual(await focused(), [1, 2]);
  await page.keyboard.press('Control+End');
  await page.waitForFunction((last) => document.activeElement.closest('[data-row]')?.dataset.row === String(last), LATENTS - 2);
  await page.keyboard.press('PageUp');
  await page.waitForFunction((last) => Number(document.activeElement.closest('[data-row]')?.dataset.row) < last, LATENTS - 2);
  await page.keyboard.press('Control+Home');
  await page.waitForFunction(() => document.activeElement.closest('[data-row]')?.dataset.row === '0');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await part(page, 'own-note').waitFor();
  assert.equal((await place()).path, '#/features/layer-3/1');
  await page.goBack();
  await listed();
  // A focus in a row that scrolls out of view stays in the table.
  await page.locator('[data-testid="browse-row"] a').first().focus();
  await part(page, 'feature-grid').evaluate((element) => { element.scrollTop = 30_000; });
  await page.waitForFunction(() => Number(document.activeElement.closest('[data-row]')?.dataset.row) > 800);
});

test('favourites, labels and notes survive a reload, are exported, deleted and imported', async () => {
  const own = await openApp(browser, server, { path: '#/features/layer-3/5', context: { acceptDownloads: true } });
  await part(own, 'own-label').fill('my king');
  await part(own, 'note-text').fill('looks like <script>alert(1)</script>');
  await part(own, 'own-favourite').click();
  await own.reload();
  await ready(own);
  assert.equal(await part(own, 'own-label').inputValue(), 'my king');
  assert.equal(await part(own, 'note-text').inputValue(), 'looks like <script>alert(1)</script>');
  await open(LIST, own);
  const line = own.locator('[data-testid="browse-row"][data-latent="5"]');
  assert.match(await line.innerText(), /my king/u);
  await own.locator('[data-testid="browse-row"][data-latent="8"] [data-testid="star"]').click();
  await part(own, 'filter-favourites').check();
  await counted(2, own);
  assert.deepEqual(await shown(own), [5, 8]);
  await part(own, 'filter-favourites').uncheck();
  // What one wrote is found by Ctrl K, before the labels of the statistics.
  await own.keyboard.press('Control+k');
  await part(own, 'find-field').waitFor();
  await own.keyboard.type('my king');
  await own.waitForFunction(() => document.querySelector('[data-testid="find-hit"]')?.dataset.kind === 'label');
  assert.match(await part(own, 'find-hit').first().innerText(), /my king/u);
  await own.keyboard.press('Escape');
  const download = own.waitForEvent('download');
  await part(own, 'notes-export').click();
  const path = await (await download).path();
  const exported = JSON.parse(await readFile(path, 'utf8'));
  assert.equal(exported.sets[0].features.length, 2);
  assert.equal(exported.sets[0].features[0].label, 'my king');
  await part(own, 'notes-delete').click();
  await part(own, 'notes-delete-yes').click();
  await own.waitForFunction(() => document.querySelector('[data-testid="notes-export"]') === null);
  assert.equal(await own.evaluate(() => Object.keys(localStorage).filter((key) => key.includes('notes')).length), 0);
  await part(own, 'notes-import').setInputFiles(path);
  await part(own, 'import-keep').click();
  assert.match(await part(own, 'notes-outcome').innerText(), /Took 2 notes/u);
  assert.match(await line.innerText(), /my king/u);
  await part(own, 'notes-import').setInputFiles({ name: 'other.json', mimeType: 'application/json', buffer: Buffer.from('{"a":1}') });
  await own.waitForFunction(() => document.querySelector('[data-testid="notes-outcome"]').innerText.includes('no file of notes'));
  assert.deepEqual(own.seen.errors, []);
  await own.context().close();
});

test('a store that is full says so, and what was typed stays', async () => {
  const own = await newPage(browser);
  await own.addInitScript(() => {
    Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError'); };
  });
  await own.goto(server.url('#/features/layer-3/5'));
  await part(own, 'own-label').fill('kept here');
  assert.match(await part(own, 'own-status').innerText(), /does not keep your notes/u);
  assert.equal(await part(own, 'own-label').inputValue(), 'kept here');
  await own.context().close();
});

test('the map is moved, shows what is below the pointer, and an area of it is listed', async () => {
  await open(`${LIST}?map=yes`);
  const canvas = part(page, 'map-canvas');
  await page.waitForFunction(() => Number(document.querySelector('[data-testid="map-canvas"]')?.dataset.drawn) > 0);
  assert.equal(await canvas.getAttribute('data-painter'), 'webgl2');
  await canvas.scrollIntoViewIfNeeded();
  const box = await canvas.boundingBox();
  const middle = [box.x + box.width / 2, box.y + box.height / 2];
  await page.mouse.move(...middle);
  await page.mouse.wheel(0, -600);
  await page.waitForFunction(() => Number(document.querySelector('[data-testid="map-canvas"]').dataset.zoom) > 2);
  await part(page, 'zoom-whole').click();
  await page.waitForFunction(() => Number(document.querySelector('[data-testid="map-canvas"]').dataset.zoom) === 1);
  // 4,096 points in the picture: there is one within a few pixels.
  await page.mouse.move(middle[0] + 3, middle[1] + 3);
  await page.waitForFunction(() => document.querySelector('[data-testid="map-below"] a') !== null);
  assert.match(await part(page, 'map-below').innerText(), /density/u);
  // A square of a third of the map's height around the middle.
  const half = box.height / 6;
  await part(page, 'lasso').click();
  await page.mouse.move(middle[0] - half, middle[1] - half);
  await page.mouse.down();
  for (const [x, y] of [[1, -1], [1, 1], [-1, 1], [-1, -1]]) await page.mouse.move(middle[0] + x * half, middle[1] + y * half, { steps: 8 });
  await page.mouse.up();
  await page.waitForFunction((all) => Number(document.querySelector('[data-testid="listed-count"]').dataset.count) < all, LATENTS - 1);
  const unit = (box.height / 2) * 0.94;
  const { points } = statistics({ latents: LATENTS, tokens, words: WORDS });
  const inside = rows.filter((row) => density(row) < 0.1 && points[row.latent].every((at) => Math.abs(at) < half / unit)).length;
  assert.ok(Math.abs((await count()) - inside) < 0.05 * inside, `${await count()} listed, ${inside} inside`);
  assert.match((await place()).area, /^-?\d+\.-?\d+~/u);
  await picture(page, 'features-map');
  await part(page, 'leave-area').click();
  await counted(LATENTS - 1);
});

test('nothing is seriously wrong for those who cannot see the page, light and dark, wide and narrow', async () => {
  const looks = [
    { name: 'features', viewport: { width: 1440, height: 900 }, colorScheme: 'light' },
    { name: 'features-dark', viewport: { width: 1440, height: 900 }, colorScheme: 'dark' },
    { name: 'features-narrow', viewport: { width: 390, height: 844 }, colorScheme: 'light' },
    { name: 'features-narrow-dark', viewport: { width: 390, height: 844 }, colorScheme: 'dark' },
  ];
  for (const { name, ...context } of looks) {
    const look = await openApp(browser, server, { path: `${LIST}?sort=-density&on=king&map=yes`, context: { ...STILL, ...context } });
    await counted(50, look);
    await look.waitForFunction(() => Number(document.querySelector('[data-testid="map-canvas"]')?.dataset.drawn) > 0);
    await still(look);
    assert.deepEqual(await serious(look), [], name);
    const over = await look.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    assert.ok(over <= 0, `${name}: the page is ${over} pixels wider than the window`);
    await picture(look, `${name}-map`);
    await open(LIST, look);
    assert.deepEqual(await serious(look), [], name);
    await picture(look, name);
    await look.context().close();
  }
});

test('lists of a prompt rank by the atlas, show labels, and fold what is almost always on', async () => {
  await page.evaluate(() => { location.hash = '#/prompt?sae=openai.layer_3&token=5'; });
  await ready(page);
  await page.waitForFunction(() => document.querySelector('[data-testid="ranked-by"]')?.innerText.includes('by the atlas'));
  const { got, measures } = await page.evaluate(async () => {
    const lines = [...document.querySelectorAll('[data-testid="feature-row"]')].map((row) => Number(row.dataset.latent));
    const trace = await window.saeExplorer.trace(document.querySelector('[data-testid="prompt"]').value);
    const sae = trace.saes.find(({ id }) => id === 'openai.layer_3');
    const at = 5 * sae.k;
    return { got: lines, measures: [...sae.latents.slice(at, at + sae.k)].map((latent, index) => [latent, sae.activations[at + index]]) };
  });
  const value = ([latent, activation]) => activation * Math.log((1 + 1e6) / Math.max(rows[latent].fired, 1));
  const expected = measures.filter(([latent]) => latent >= 0 && density(rows[latent]) < 0.1).sort((a, b) => value(b) - value(a)).map(([latent]) => latent);
  assert.deepEqual(got, expected);
  assert.ok((await part(page, 'list-label').count()) > 0);
  await picture(page, 'features-prompt');
});

test('131,072 points take the page less than 8 ms per frame', async () => {
  const many = 131_072;
  const big = await serve();
  const set = statistics({ latents: many, tokens, words: WORDS, seed: 3 });
  publish(big, atlas({ tokens, sources: SOURCES, shards: false, sets: [{ id: 'big', hook: 'blocks.3.hook_resid_post', ...set }] }));
  for (const [name, args] of [['webgl2', WEBGL], ['2d', ['--disable-3d-apis']]]) {
    const own = name === 'webgl2' ? browser : await launch({ webgpu: false, args });
    const look = await newPage(own);
    await look.goto(big.url('#/features/big?map=yes'));
    await look.waitForFunction(() => Number(document.querySelector('[data-testid="map-canvas"]')?.dataset.drawn) > 0);
    const canvas = part(look, 'map-canvas');
    assert.equal(await canvas.getAttribute('data-painter'), name);
    const measured = await look.evaluate(async () => {
      const element = document.querySelector('[data-testid="map-canvas"]');
      const own = [];
      const frames = [];
      let last = performance.now();
      for (let frame = 0; frame < 60; frame += 1) {
        element.dispatchEvent(new WheelEvent('wheel', { deltaY: frame % 2 === 0 ? -40 : 40, bubbles: true, cancelable: true }));
        await new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)));
        own.push(Number(element.dataset.milliseconds));
        frames.push((performance.now() - last) / 2);
        last = performance.now();
      }
      const middle = (values) => values.sort((a, b) => a - b)[values.length >> 1];
      return { own: middle(own), frame: middle(frames), drawn: Number(element.dataset.drawn) };
    });
    console.log(`# map of ${many} points, ${name}: ${measured.own.toFixed(2)} ms of the page's own work per frame, ${measured.frame.toFixed(1)} ms per frame on this machine`);
    assert.ok(measured.own < 8 || name === '2d', `${measured.own} ms`);
    if (name === 'webgl2') {
      // Sorting and filtering as many rows is quick, too.
      const sorting = await look.evaluate(async () => {
        const before = performance.now();
        document.querySelector('[data-sort="density"]').click();
        await new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)));
        return performance.now() - before;
      });
      console.log(`# sorting ${many} rows and drawing them: ${sorting.toFixed(0)} ms`);
      assert.equal(await count(look), set.rows.filter((row) => density(row) < 0.1).length);
    }
    await look.context().close();
    if (own !== browser) await own.close();
  }
  await big.close();
});

test('an atlas without a map or an index of tokens says so, and the table works', async () => {
  const bare = await serve();
  const { rows: few } = statistics({ latents: 200, tokens, words: WORDS });
  publish(bare, atlas({ tokens, sources: SOURCES, sets: [{ id: 'bare', hook: 'blocks.3.hook_resid_post', rows: few, index: null, points: null }] }));
  const look = await newPage(browser);
  await look.goto(bare.url('#/features/bare?map=yes&on=king'));
  await look.getByText('The map of features is not in this atlas.').waitFor();
  await look.getByText('The index of tokens is not in this atlas.').waitFor();
  await part(look, 'search-clear').click();
  await counted(199, look);
  await look.goto(bare.url('#/features/nowhere'));
  await look.getByText('The atlas has no set nowhere').waitFor();
  await look.context().close();
  await bare.close();
});
