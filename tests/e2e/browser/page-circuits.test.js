// The live concept graph: a recorded run at first sight, then what the model writes now; its views, controls and files.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { STILL, openApp, part, picture, ready, serious } from '../support/app.js';
import { launch, newPage } from '../support/chromium.js';
import { dist, serve } from '../support/server.js';

const WEBGL = ['--use-angle=swiftshader', '--enable-unsafe-swiftshader', '--ignore-gpu-blocklist'];
const ROUTE = '#/circuits/live';
const PROMPT = 'Once upon a time there was';
const LIVE = `${ROUTE}?prompt=${encodeURIComponent(PROMPT)}`;

let server;
let browser;
let recorded;
before(async () => {
  server = await serve();
  browser = await launch({ webgpu: false, args: WEBGL });
  recorded = JSON.parse(await readFile(join(dist, 'demo/run/run.json'), 'utf8'));
});
after(async () => {
  await browser?.close();
  await server?.close();
});

/** Waits until the picture is open, the atlas's records are there, and the layout of what is shown is final. */
async function settled(page) {
  await page.waitForFunction(() => {
    const frame = document.querySelector('[data-testid="graph"]');
    const waiting = document.querySelector('[data-testid="circuits"]')?.dataset.waiting;
    return frame?.dataset.open === 'true' && waiting === '0' && document.querySelector('[data-testid="graph-canvas"]').dataset.settled === 'true';
  });
}

/** The route with the recorded run, before or after the model has come. */
async function opened(context = STILL, own = browser, path = ROUTE) {
  const page = await newPage(own, context);
  await page.goto(server.url(path));
  await part(page, 'timeline').waitFor();
  return page;
}

/** The controls choose everything, so that what is shown is what is active. */
async function everything(page) {
  await part(page, 'specificity').selectOption('0');
  await part(page, 'nodes').selectOption('500');
  await part(page, 'threshold').fill('0');
}

/** The features on screen as `layer/latent`, with now and strength. */
const shown = (page) => part(page, 'concept-row').evaluateAll((rows) => rows.map((row) => ({
  name: row.cells[0].innerText.trim(), now: Number(row.cells[2].innerText.replace('−', '-')), strength: Number(row.dataset.strength),
})));

async function openTable(page) {
  await page.locator('.circuits-route summary').click();
  await part(page, 'concept-table').waitFor();
}

const cursor = async (page) => Number(await part(page, 'timeline').getAttribute('data-cursor'));

/** Active features of a recorded token, as the table names them. */
function active(at) {
  return recorded.sets.flatMap(({ hook, counts, latents, activations }) => {
    const first = counts.slice(0, at).reduce((sum, count) => sum + count, 0);
    const layer = /\d+/.exec(hook)[0];
    return Array.from({ length: counts[at] }, (_, index) => ({ name: `L${layer}/${latents[first + index]}`, now: activations[first + index] }));
  });
}

test('it opens with the recorded run, marked, whose features are those of the file', async () => {
  const page = await opened();
  assert.equal(await part(page, 'circuits').getAttribute('data-recorded'), 'true');
  assert.match(await part(page, 'liveness').innerText(), /^recorded/);
  const last = recorded.tokens.length - 1;
  assert.equal(await cursor(page), last, 'where nothing shall move, it is shown whole');
  const words = await part(page, 'written').allInnerTexts();
  assert.equal(words.length, recorded.tokens.length);
  await settled(page);
  await openTable(page);
  await everything(page);
  for (const at of [last, last - 20]) {
    await part(page, 'scrub').fill(String(at));
    await page.waitForFunction((at) => document.querySelector('[data-testid="timeline"]').dataset.cursor === String(at), at);
    const now = (await shown(page)).filter((concept) => concept.now > 0);
    const expected = active(at);
    assert.deepEqual(now.map(({ name }) => name).toSorted(), expected.map(({ name }) => name).toSorted(), `token ${at}`);
    const by = new Map(expected.map(({ name, now }) => [name, now]));
    for (const { name, now: seen } of now) assert.ok(Math.abs(seen - by.get(name)) <= 0.0051, `${name}: ${seen} instead of ${by.get(name)}`);
    const strengths = (await shown(page)).map(({ strength }) => strength);
    assert.deepEqual(strengths, strengths.toSorted((a, b) => b - a));
  }
  await page.context().close();
});

test('the recorded run plays token by token, pauses, and steps back', async () => {
  const page = await opened({});
  await page.waitForFunction((first) => Number(document.querySelector('[data-testid="timeline"]').dataset.cursor) > first, recorded.promptTokens);
  await part(page, 'play').click();
  const here = await cursor(page);
  assert.ok(here < recorded.tokens.length - 1, 'it has not come to its end yet');
  assert.equal(await part(page, 'play').innerText(), 'Play');
  await part(page, 'step-back').click();
  assert.equal(await cursor(page), here - 1);
  await part(page, 'step-on').click();
  await part(page, 'written').nth(4).click();
  assert.equal(await cursor(page), 4);
  await page.context().close();
});

test('edges are the pairs that the atlas has counted, tested against chance; other modes say what they are', async () => {
  const page = await opened();
  await settled(page);
  await openTable(page);
  const edges = async () => Number(await part(page, 'graph').getAttribute('data-edges'));
  const significant = await edges();
  assert.ok(significant > 0);
  assert.match(await part(page, 'meaning').innerText(), /across layers it holds none/);
  const partners = await part(page, 'concept-row').evaluateAll((rows) => rows.flatMap((row) => [...row.querySelectorAll('.partner')].map((one) => ({ from: row.cells[0].innerText.trim(), text: one.innerText, title: one.title }))));
  assert.ok(partners.length >= significant);
  for (const { from, text, title } of partners) {
    assert.equal(from.split('/')[0], text.split('/')[0], 'of one layer');
    assert.match(title, /^PMI \d+\.\d\d, together on [\d,]+ tokens, chance/);
  }
  // The strongest feature's strongest partner has the number that the feature's own page shows, from the atlas's record.
  const look = await newPage(browser, STILL);
  const [first] = partners;
  await look.goto(new URL(await part(page, 'concept-row').getByRole('link', { name: first.from, exact: true }).getAttribute('href'), page.url()).href);
  await part(look, 'atlas-coactive').waitFor();
  const [, other, pmi] = /\/(\d+) \((.*)\)/.exec(first.text);
  const listed = await part(look, 'atlas-coactive').innerText();
  assert.match(listed.replace(/\s+/g, ' '), new RegExp(`${other}\\b.*\\+?${pmi.replace('.', '\\.')}`));
  await look.context().close();
  await part(page, 'all-edges').check();
  await page.waitForFunction((before) => Number(document.querySelector('[data-testid="graph"]').dataset.edges) >= before, significant);
  await part(page, 'edges').selectOption('decoder');
  await settled(page);
  assert.match(await part(page, 'meaning').innerText(), /nothing is tested/);
  const across = await part(page, 'concept-row').evaluateAll((rows) => rows.some((row) => [...row.querySelectorAll('.partner')].some((one) => one.innerText.split('/')[0] !== row.cells[0].innerText.trim().split('/')[0])));
  assert.ok(across, 'nearest directions are in other layers, too');
  await part(page, 'edges').selectOption('text');
  assert.match(await part(page, 'meaning').innerText(), /this very text/);
  // A link shows the same; a choice is a step of the history, once the demo is there.
  await ready(page);
  await part(page, 'edges').selectOption('decoder');
  await page.waitForFunction(() => location.hash.includes('graph-edges=decoder'));
  await part(page, 'edges').selectOption('text');
  await part(page, 'threshold').fill('0.25');
  await page.waitForFunction(() => /graph-threshold=0\.25&graph-edges=text&graph-chance=shown/.test(location.hash));
  const link = await newPage(browser, STILL);
  await link.goto(page.url());
  await part(link, 'timeline').waitFor();
  assert.equal(await part(link, 'edges').inputValue(), 'text');
  assert.equal(await part(link, 'threshold').inputValue(), '0.25');
  await link.context().close();
  await page.goBack();
  await page.waitForFunction(() => document.querySelector('[data-testid="edges"]').value === 'decoder');
  await part(page, 'meaning').getByText(/nothing is tested/).waitFor();
  await page.context().close();
});

test('what the model writes now comes token by token with the package\'s own features', async () => {
  const page = await openApp(browser, server, { path: LIVE, context: STILL });
  await part(page, 'timeline').waitFor();
  await part(page, 'circuits').getByLabel('tokens at most', { exact: true }).fill('6');
  await part(page, 'circuits').getByLabel('seed', { exact: true }).fill('3');
  await part(page, 'watch-start').click();
  await page.waitForFunction(() => {
    const { recorded, running } = document.querySelector('[data-testid="circuits"]').dataset;
    return recorded === 'false' && running === 'false';
  });
  assert.match(await part(page, 'liveness').innerText(), /^live/);
  // Relations of these features come from the atlas's records.
  await settled(page);
  assert.ok(Number(await part(page, 'graph').getAttribute('data-edges')) > 0);
  await openTable(page);
  await everything(page);
  const expected = await page.evaluate(async (prompt) => {
    const told = [];
    const engine = window.saeExplorer;
    const features = engine.loaded.saes.map(({ id }) => id);
    const { text } = await engine.generate(prompt, { maxTokens: 6, temperature: 0.8, seed: 3, features, onFeatures: (one) => told.push(one) });
    const last = told.at(-1).sets.map(({ sae, latents }) => [sae, [...latents]]);
    return { text, tokens: told.length, last };
  }, PROMPT);
  const words = await part(page, 'written').evaluateAll((all) => all.map((one) => one.textContent));
  assert.equal(words.length, expected.tokens);
  assert.equal(words.slice(-6).join(''), expected.text);
  const names = expected.last.flatMap(([sae, latents]) => latents.map((latent) => `L${/\d+$/.exec(sae)[0]}/${latent}`));
  const now = (await shown(page)).filter((concept) => concept.now > 0).map(({ name }) => name);
  assert.deepEqual(now.toSorted(), names.toSorted());
  await page.context().close();
});

test('edges by measured effect: what is gone of a later feature when an earlier one is set to 0', async () => {
  const page = await openApp(browser, server, { path: LIVE, context: STILL });
  await part(page, 'timeline').waitFor();
  await part(page, 'circuits').getByLabel('tokens at most', { exact: true }).fill('4');
  await part(page, 'watch-start').click();
  await page.waitForFunction(() => {
    const { recorded, running } = document.querySelector('[data-testid="circuits"]').dataset;
    return recorded === 'false' && running === 'false';
  });
  await openTable(page);
  await part(page, 'edges').selectOption('effect');
  await part(page, 'links-start').click();
  await page.waitForFunction(() => document.querySelector('[data-testid="meaning"]').dataset.running === 'false' && Number(document.querySelector('[data-testid="meaning"]').dataset.measured) > 3);
  const edges = Number(await part(page, 'graph').getAttribute('data-edges'));
  assert.ok(edges > 3, `${edges}`);
  const partners = await part(page, 'concept-row').evaluateAll((rows) => rows.flatMap((row) => [...row.querySelectorAll('.partner')].map((one) => ({ from: row.cells[0].innerText.trim(), to: one.innerText.split(' ')[0], title: one.title }))));
  const strongest = partners.filter(({ from, to }) => Number(from[1]) < Number(to[1])).slice(0, 3);
  assert.equal(strongest.length, 3);
  for (const { from, to, title } of strongest) {
    const share = await page.evaluate(async ([prompt, from, to]) => {
      const engine = window.saeExplorer;
      const sets = engine.loaded.saes.map(({ id }) => id);
      const place = (name) => ({ sae: `openai.layer_${name.split('/')[0].slice(1)}`, latent: Number(name.split('/')[1]) });
      const text = [...document.querySelectorAll('[data-testid="written"]')];
      const told = [];
      await engine.generate(prompt, { maxTokens: text.length - (await engine.tokenize(prompt)).tokens.length, temperature: 0.8, seed: 0, features: sets, onFeatures: (one) => told.push(one) });
      const ids = told.map(({ token }) => token.id);
      const activation = (frame, { sae, latent }) => {
        const set = frame.sets.find((one) => one.sae === sae);
        const at = [...set.latents].indexOf(latent);
        return at < 0 ? 0 : set.activations[at];
      };
      const ablated = [];
      const { sae, latent } = place(from);
      await engine.generate(new Uint32Array(ids), { maxTokens: 1, edits: `${sae}:${latent}=0`, features: sets, onFeatures: (one) => ablated.push(one) });
      const [clean, now] = [told[ids.length - 1], ablated[ids.length - 1]].map((frame) => activation(frame, place(to)));
      return (clean - now) / clean;
    }, [PROMPT, from, to]);
    assert.ok(Math.abs(share) >= 0.1);
    assert.equal(title.replace('−', '-'), `share ${share.toFixed(2)}`, `${from} → ${to}`);
  }
  assert.deepEqual(await serious(page), []);
  await picture(page, 'circuits-effects');
  // They are of one token: at another they are measured again.
  await part(page, 'step-back').click();
  await part(page, 'links-start').waitFor();
  assert.equal(await part(page, 'graph').getAttribute('data-edges'), '0');
  await page.context().close();
});

test('a run is stopped, and what came stays', async () => {
  const page = await openApp(browser, server, { path: LIVE, context: STILL });
  await part(page, 'timeline').waitFor();
  await part(page, 'circuits').getByLabel('tokens at most', { exact: true }).fill('0');
  assert.ok(await part(page, 'watch-start').isDisabled());
  await part(page, 'circuits').getByLabel('tokens at most', { exact: true }).fill('5000');
  await part(page, 'watch-start').click();
  // From within the page: the driver's click might come after the end.
  await page.waitForFunction(() => {
    const enough = Number(document.querySelector('[data-testid="timeline"]')?.dataset.tokens) > 12;
    if (enough) document.querySelector('[data-testid="watch-stop"]').click();
    return enough;
  });
  await part(page, 'circuits-ended').waitFor();
  assert.match(await part(page, 'circuits-ended').innerText(), /Stopped/);
  assert.ok(Number(await part(page, 'timeline').getAttribute('data-tokens')) > 12);
  await page.context().close();
});

test('a concept is chosen, pinned into the graph, and leads to its page; layers are hidden', async () => {
  const page = await opened();
  await settled(page);
  await openTable(page);
  const row = part(page, 'concept-row').first();
  const latent = await row.getAttribute('data-latent');
  await row.getByRole('button').click();
  await part(page, 'inspector', `[data-feature="${latent}"]`).waitFor();
  await part(page, 'concept-pin').click();
  await part(page, 'concept-pin', '[aria-pressed="true"]').waitFor();
  await part(page, 'scrub').fill('0');
  await page.waitForFunction(() => document.querySelector('[data-testid="timeline"]').dataset.cursor === '0');
  assert.deepEqual(await part(page, 'concept-row').evaluateAll((rows) => rows.map((one) => one.dataset.latent)), [latent], 'at the BOS nothing else is shown');
  await part(page, 'layer').first().click();
  await part(page, 'scrub').fill(String(recorded.tokens.length - 1));
  await page.waitForFunction(() => document.querySelectorAll('[data-testid="concept-row"]').length > 1);
  const layer = await part(page, 'layer').first().innerText();
  const others = (await shown(page)).filter(({ name }) => name.startsWith(`${layer}/`) && !name.endsWith(`/${latent}`));
  assert.deepEqual(others, []);
  await row.getByRole('link').click();
  await page.waitForFunction(() => location.hash.startsWith('#/features/'));
  await page.context().close();
});

test('the graph is saved as JSON, PNG and SVG', async () => {
  const page = await opened();
  await settled(page);
  const saved = async (name) => {
    const coming = page.waitForEvent('download');
    await part(page, name).click();
    const download = await coming;
    return { name: download.suggestedFilename(), bytes: await readFile(await download.path()) };
  };
  const json = await saved('save-json');
  assert.equal(json.name, 'concepts.json');
  const { nodes, edges, tokens, recorded: marked } = JSON.parse(json.bytes.toString());
  assert.equal(String(nodes.length), await part(page, 'graph').getAttribute('data-nodes'));
  assert.equal(String(edges.length), await part(page, 'graph').getAttribute('data-edges'));
  assert.deepEqual(tokens.map(({ id }) => id), recorded.tokens.map(({ id }) => id));
  assert.equal(marked, true);
  const png = await saved('save-png');
  assert.deepEqual([...png.bytes.subarray(0, 4)], [0x89, 0x50, 0x4e, 0x47]);
  const svg = (await saved('save-svg')).bytes.toString();
  assert.equal(svg.match(/<circle/g).length, nodes.length);
  assert.equal((svg.match(/<line/g) ?? []).length, edges.length);
  await page.context().close();
});

test('without WebGL2 the table has everything, open', async () => {
  const own = await launch({ webgpu: false, args: ['--disable-3d-apis'] });
  const page = await opened(STILL, own);
  await part(page, 'no-picture').waitFor();
  await part(page, 'concept-table').waitFor();
  assert.equal(String(await part(page, 'concept-row').count()), await part(page, 'graph').getAttribute('data-nodes'));
  await own.close();
});

for (const [name, context] of [
  ['wide', { ...STILL, viewport: { width: 1440, height: 1000 } }],
  ['narrow', { ...STILL, viewport: { width: 390, height: 844 } }],
  ['dark', { ...STILL, viewport: { width: 1440, height: 1000 }, colorScheme: 'dark' }],
]) {
  test(`it fits a ${name} screen, and can be read`, async () => {
    const page = await opened(context);
    await ready(page);
    await settled(page);
    await part(page, 'timeline-row').first().click();
    await settled(page);
    const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.equal(over, 0);
    assert.deepEqual(await serious(page), []);
    await picture(page, `circuits-${name}`);
    await page.context().close();
  });
}
