// Measures figures in an article of another site: bytes before one is visible, time from there to its recorded result and to its live
// one, what a second one costs, the article's layout shift, and how long main threads are blocked; and the page in one file.
//
//   node figure.mjs [--json FILE] [--runs N] [--file SINGLE_FILE]
//
// Needs SAE_EXPLORER_DIST, SAE_EXPLORER_XTASK and CHROMIUM. `cargo xtask bench --figure` sets them.

import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { parseArgs } from 'node:util';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';

import { serveSite } from './serve.mjs';
import { median, mebibytes, milliseconds, print } from './table.mjs';
import { throttle } from './throttle.mjs';

/** The last: instead of Playwright's list, which turns off that browsers divide storage by site; embedded sites may then store nothing. */
const FLAGS = ['--no-sandbox', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--disable-quic', '--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader', '--disable-features=Translate'];
/** As good as none: the line is there to count. */
const LINE = { bitsPerSecond: 1e9, roundTrip: 0 };
const PATIENCE = 5 * 60 * 1000;

const { values: options } = parseArgs({ options: { json: { type: 'string' }, runs: { type: 'string', default: '3' }, file: { type: 'string' } } });

function needed(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: run \`cargo xtask bench --figure\``);
  return value;
}

/** Runs in every document before its own scripts: notes long tasks, shifts of the layout, and events of figures. */
function watch() {
  const seen = { blocked: 0, shift: 0, told: [] };
  globalThis.seenByBench = seen;
  const observe = (type, note) => new PerformanceObserver((list) => list.getEntries().forEach(note)).observe({ type, buffered: true });
  // As Total Blocking Time counts: what a task takes beyond 50 ms.
  observe('longtask', ({ duration }) => (seen.blocked += duration - 50));
  observe('layout-shift', ({ value, hadRecentInput }) => (seen.shift += hadRecentInput ? 0 : value));
  for (const event of ['trace', 'ready', 'error']) {
    addEventListener(event, ({ target, detail }) => target.localName === 'sae-explorer' && seen.told.push({ id: target.id, event, detail, at: performance.now() }), { capture: true });
  }
}

/** An article with two figures far below its beginning, each of which is nearly a screen high. */
const ARTICLE = (script) => `<!doctype html><html lang="en"><title>article</title><link rel="icon" href="data:,"><style>.far { height: 6000px }</style><script type="module" src="${script}"></script>
  <h1>An article</h1><div class="far">Text</div><sae-explorer id="one" height="600"></sae-explorer><div class="far">Text</div><sae-explorer id="two" height="600" view="next-token"></sae-explorer><p>The end</p>`;

async function serveArticle(script) {
  const server = createServer((_, response) => response.setHeader('content-type', 'text/html').end(ARTICLE(script)));
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
  // Another site than 127.0.0.1, so that its main thread is another one, too.
  return { address: `http://localhost:${server.address().port}/`, close: () => server.close() };
}

/** Scrolls to a figure; gives when it heard of its recorded result and of its live one, in milliseconds from then on. */
async function look(page, id) {
  const from = await page.evaluate((one) => {
    document.getElementById(one).scrollIntoView();
    return performance.now();
  }, id);
  const heard = async (test) => {
    const found = await page.waitForFunction(([one, what]) => globalThis.seenByBench.told.find(({ id, event, detail }) => id === one && (what === 'ready' ? event === 'ready' : event === 'trace' && (what === 'any' || !detail.recorded))), [id, test], { timeout: PATIENCE });
    return { ...(await found.jsonValue()) };
  };
  const first = await heard('any');
  const live = await heard('live');
  await heard('ready');
  return { recorded: first.detail.recorded ? first.at - from : null, live: live.at - from };
}

async function figureOf(page, id) {
  return (await page.locator(`#${id} >> iframe`).elementHandle()).contentFrame();
}

/** Waits until nothing is loaded any more, and gives what is on the device. */
async function deviceBytes(figure) {
  return figure.evaluate(async () => {
    let { loaded, deviceBytes } = { loaded: -1 };
    for (;;) {
      const { saes, deviceBytes: bytes } = await globalThis.saeExplorer.info();
      if (saes.length === loaded && bytes === deviceBytes) return bytes;
      [loaded, deviceBytes] = [saes.length, bytes];
      await new Promise((later) => setTimeout(later, 1500));
    }
  });
}

async function visit(browser, site) {
  const line = await throttle(site, LINE);
  const article = await serveArticle(`${line.address}sae-explorer.js`);
  const context = await browser.newContext({ viewport: { width: 1024, height: 800 } });
  try {
    const page = await context.newPage();
    await page.addInitScript(watch);
    await page.goto(article.address);
    await page.waitForFunction(() => customElements.get('sae-explorer') !== undefined);
    await page.waitForTimeout(500);
    const before = line.bytes();
    const one = await look(page, 'one');
    const first = await figureOf(page, 'one');
    const blocked = await first.evaluate(() => globalThis.seenByBench.blocked);
    const alone = await deviceBytes(first);
    const came = line.bytes();
    const two = await look(page, 'two');
    const second = await figureOf(page, 'two');
    const both = await deviceBytes(second);
    const frames = { one: blocked, two: await second.evaluate(() => globalThis.seenByBench.blocked) };
    const { blocked: articleBlocked, shift, told } = await page.evaluate(() => globalThis.seenByBench);
    const failed = told.find(({ event }) => event === 'error');
    if (failed !== undefined) throw new Error(failed.detail.message);
    return { before, one: { ...one, bytes: came - before }, two: { ...two, bytes: line.bytes() - came }, device: { alone, both }, blocked: { article: articleBlocked, ...frames }, shift };
  } finally {
    await context.close();
    article.close();
    line.close();
  }
}

/** The page in one file: from the opening to its first token and to the live trace. */
async function open(browser, file) {
  const context = await browser.newContext();
  try {
    const page = await context.newPage();
    await page.goto(pathToFileURL(file).href, { waitUntil: 'commit' });
    const when = async (test) => (await page.waitForFunction(test, undefined, { timeout: PATIENCE, polling: 'raf' })).jsonValue();
    const token = await when(() => document.querySelector('[data-testid="token"]') !== null && performance.now());
    const live = await when(() => document.body.dataset.state === 'ready' && performance.now());
    return { token, live };
  } finally {
    await context.close();
  }
}

function table(title, visits) {
  const middle = (value) => {
    const values = visits.map(value).filter((one) => one !== null);
    return values.length === 0 ? undefined : median(values);
  };
  print(title, [
    ['', 'first', 'second'],
    ['came before it is visible', `${(middle(({ before }) => before) / 1024).toFixed(1)} KiB`, ''],
    ['visible to recorded result', ...['one', 'two'].map((id) => milliseconds(middle((visit) => visit[id].recorded)))],
    ['visible to live result', ...['one', 'two'].map((id) => milliseconds(middle((visit) => visit[id].live)))],
    ['came for it', ...['one', 'two'].map((id) => mebibytes(middle((visit) => visit[id].bytes)))],
    ['device memory with it', mebibytes(middle(({ device }) => device.alone)), mebibytes(middle(({ device }) => device.both))],
    ['main thread blocked, frame', ...['one', 'two'].map((id) => milliseconds(middle(({ blocked }) => blocked[id])))],
    ['main thread blocked, article', milliseconds(middle(({ blocked }) => blocked.article)), ''],
    ['layout shift of the article', middle(({ shift }) => shift).toFixed(3), ''],
  ]);
}

function report({ visits, opened }) {
  table('Figures in an article, medians', visits);
  if (opened.length > 0) {
    print('The page in one file, medians', [
      ['', ''],
      ['opened to first token', milliseconds(median(opened.map(({ token }) => token)))],
      ['opened to live trace', milliseconds(median(opened.map(({ live }) => live)))],
    ]);
  }
}

const site = await serveSite(needed('SAE_EXPLORER_XTASK'), needed('SAE_EXPLORER_DIST'));
const args = process.env.SAE_EXPLORER_ADAPTER === 'hardware' ? FLAGS.filter((flag) => !flag.includes('adapter')) : FLAGS;
const browser = await chromium.launch({ executablePath: needed('CHROMIUM'), headless: true, args });
try {
  const result = { browser: browser.version(), visits: [], opened: [] };
  for (let run = 0; run < Number(options.runs); run += 1) {
    console.error(`measuring ${run + 1} of ${options.runs}`);
    result.visits.push(await visit(browser, site.address));
    if (options.file !== undefined) result.opened.push(await open(browser, options.file));
  }
  report(result);
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(result, null, 1)}\n`);
} finally {
  await browser.close();
  site.close();
}
