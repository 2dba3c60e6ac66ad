// Measures a first visit over slow lines: when something is on screen, when the demo's first prompt is traced, what came
// until then, and how much the layout jumped; and in how many waves the first weights come.
//
//   node site.mjs [--json FILE] [--runs N]
//
// Needs SAE_EXPLORER_DIST, SAE_EXPLORER_XTASK and CHROMIUM. `cargo xtask bench --site` sets them.

import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { chromium } from 'playwright-core';

import { serveInWaves } from '../e2e/support/waves.js';
import { serveSite } from './serve.mjs';
import { median, mebibytes, milliseconds, print } from './table.mjs';
import { throttle } from './throttle.mjs';

/** `live`: at most so many runs wait for the live trace, which takes minutes on the slow line. */
const LINES = [
  { name: '10 Mbit/s, 80 ms', bitsPerSecond: 10e6, roundTrip: 80, live: Infinity },
  { name: '1.5 Mbit/s, 100 ms', bitsPerSecond: 1.5e6, roundTrip: 100, live: 1 },
];
const WIDTHS = [1440, 1024, 390];
const FLAGS = ['--no-sandbox', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--disable-quic', '--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader'];
const WEIGHTS = 'demo/model/model.safetensors';
const PATIENCE = 15 * 60 * 1000;

const { values: options } = parseArgs({ options: { json: { type: 'string' }, runs: { type: 'string', default: '3' } } });

function needed(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: run \`cargo xtask bench --site\``);
  return value;
}

/** Runs in the page before its own scripts: notes when what appears. */
function watch() {
  const seen = { shift: 0, painted: null, token: null, live: null };
  globalThis.seenByBench = seen;
  const observe = (type, note) => new PerformanceObserver((list) => list.getEntries().forEach(note)).observe({ type, buffered: true });
  observe('paint', ({ name, startTime }) => {
    if (name === 'first-contentful-paint') seen.painted = startTime;
  });
  observe('layout-shift', ({ value, hadRecentInput }) => {
    if (!hadRecentInput) seen.shift += value;
  });
  const look = () => {
    const token = document.querySelector('[data-testid="token"]') !== null;
    if (token) seen.token ??= performance.now();
    if (token && document.body.dataset.state === 'ready') seen.live ??= performance.now();
    requestAnimationFrame(look);
  };
  look();
}

/** One visit in a fresh profile, until the first token or the live trace. */
async function visit(browser, address, { width = 1440, until, line = null }) {
  const context = await browser.newContext({ viewport: { width, height: 900 } });
  const page = await context.newPage();
  await page.addInitScript(watch);
  const before = line?.bytes() ?? 0;
  const bytesUntil = async (what) => {
    await page.waitForFunction((name) => globalThis.seenByBench?.[name] != null, what, { timeout: PATIENCE });
    return (line?.bytes() ?? 0) - before;
  };
  try {
    await page.goto(address, { waitUntil: 'commit', timeout: PATIENCE });
    const bytes = { token: await bytesUntil('token') };
    if (until === 'live') bytes.live = await bytesUntil('live');
    return { ...(await page.evaluate(() => globalThis.seenByBench)), bytes };
  } finally {
    await context.close();
  }
}

async function overLine(browser, site, { name, live, ...line }) {
  const visits = [];
  const runs = Number(options.runs);
  for (let run = 0; run < runs; run += 1) {
    console.error(`measuring ${name}, ${run + 1} of ${runs}`);
    // A line of its own for each: what a closed page left on it would be in the way.
    const slow = await throttle(site, line);
    visits.push(await visit(browser, slow.address, { until: run < live ? 'live' : 'token', line: slow }));
    slow.close();
  }
  return { name, visits };
}

async function waves(browser, site) {
  const line = await serveInWaves(site.replace(/\/$/, ''));
  try {
    await visit(browser, line.url(''), { until: 'live' });
    return { weights: line.waves.findIndex((paths) => paths.includes(WEIGHTS)) + 1, waves: line.waves };
  } finally {
    await line.close();
  }
}

function report({ lines, shifts, waves: { weights, waves: all } }) {
  const middle = (visits, value) => {
    const values = visits.map(value).filter((one) => one != null);
    return values.length === 0 ? undefined : median(values);
  };
  const sizes = (bytes) => (bytes === undefined ? '–' : mebibytes(bytes));
  print('A first visit over a slow line, medians', [
    ['', ...lines.map(({ name }) => name)],
    ['first content painted', ...lines.map(({ visits }) => milliseconds(middle(visits, ({ painted }) => painted)))],
    ['first token on screen', ...lines.map(({ visits }) => milliseconds(middle(visits, ({ token }) => token)))],
    ['live trace of the demo', ...lines.map(({ visits }) => milliseconds(middle(visits, ({ live }) => live)))],
    ['came until the first token', ...lines.map(({ visits }) => sizes(middle(visits, ({ bytes }) => bytes.token)))],
    ['came until the live trace', ...lines.map(({ visits }) => sizes(middle(visits, ({ bytes }) => bytes.live)))],
  ]);
  print('Layout shift until the live trace', [['width', 'shift'], ...shifts.map(({ width, shift }) => [`${width} px`, shift.toFixed(3)])]);
  print(`The first weights come in wave ${weights} of requests`, [
    ['wave', 'requests'],
    ...all.slice(0, weights).map((paths, at) => [String(at + 1), paths.join('  ')]),
  ]);
}

const site = await serveSite(needed('SAE_EXPLORER_XTASK'), needed('SAE_EXPLORER_DIST'));
const args = process.env.SAE_EXPLORER_ADAPTER === 'hardware' ? FLAGS.filter((flag) => !flag.includes('adapter')) : FLAGS;
const browser = await chromium.launch({ executablePath: needed('CHROMIUM'), headless: true, args });
try {
  const result = { browser: browser.version(), lines: [], shifts: [] };
  for (const line of LINES) result.lines.push(await overLine(browser, site.address, line));
  for (const width of WIDTHS) {
    const { shift } = await visit(browser, site.address, { width, until: 'live' });
    result.shifts.push({ width, shift });
  }
  result.waves = await waves(browser, site.address);
  report(result);
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(result, null, 1)}\n`);
} finally {
  await browser.close();
  site.close();
}
