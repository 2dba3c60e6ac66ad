// Measures the built site in headless Chromium and, where an ONNX export of the demo model is given, ONNX Runtime Web on
// the same weights in the same browser.
//
//   node browser.mjs [--json FILE] [--peer MODEL.onnx]
//
// Needs SAE_EXPLORER_DIST (the built site), SAE_EXPLORER_XTASK (the program that serves it) and CHROMIUM.
// `cargo xtask bench` sets them. Absolute times belong to one machine; the ratios are what to compare.

import { readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { chromium } from 'playwright-core';

import { engine, peer } from './measure.mjs';
import { servePeer, serveSite } from './serve.mjs';
import { median, milliseconds, print, ratio } from './table.mjs';

const FLAGS = [
  '--enable-unsafe-webgpu',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-quic',
];
// A machine without a GPU has only the software adapter, and only when asked for it.
const SOFTWARE = '--use-webgpu-adapter=swiftshader';
const WORK = { prefill: [64, 256], position: 64 };
// The peer's WebGPU provider takes seconds a token on a software adapter.
const EFFORT = { gpu: { tokens: 8, repetitions: 5 }, cpu: { tokens: 32, repetitions: 9 } };
const PEER_EFFORT = { webgpu: { tokens: 4, repetitions: 2 }, wasm: { tokens: 32, repetitions: 9 } };
const NAVIGATIONS = 3;
const PATIENCE = 10 * 60 * 1000;

const { values: options } = parseArgs({ options: { json: { type: 'string' }, peer: { type: 'string' } } });

function needed(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: run \`cargo xtask bench\``);
  return value;
}

async function launch() {
  const args = process.env.SAE_EXPLORER_ADAPTER === 'hardware' ? FLAGS : [...FLAGS, SOFTWARE];
  if (process.getuid?.() === 0) args.push('--no-sandbox');
  return chromium.launch({ executablePath: needed('CHROMIUM'), headless: true, args });
}

/** Runs one measurement on a fresh page that holds nothing else. */
async function onEmptyPage(browser, address, work, argument) {
  const context = await browser.newContext();
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE);
  await page.route(`${address}empty.html`, (route) => route.fulfill({ contentType: 'text/html', body: '<!doctype html><title>empty</title>' }));
  await page.goto(`${address}empty.html`);
  try {
    return await page.evaluate(work, argument);
  } finally {
    await context.close();
  }
}

/** From navigation to the first trace: once with nothing cached, then again in the same profile. In milliseconds. */
async function navigation(browser, address) {
  const times = { cold: [], warm: [] };
  for (let i = 0; i < NAVIGATIONS; i += 1) {
    const context = await browser.newContext();
    for (const kind of ['cold', 'warm']) {
      const page = await context.newPage();
      await page.goto(address);
      // What a person waits for: the example's tokens are there, and nothing is under way any more.
      const traced = await page.waitForFunction(
        () => document.body.dataset.state === 'ready' && document.querySelector('[data-testid="token"]') !== null && performance.now(),
        undefined,
        { timeout: PATIENCE },
      );
      times[kind].push(await traced.jsonValue());
      await page.close();
    }
    await context.close();
  }
  return times;
}

function modelShape(dist) {
  const config = JSON.parse(readFileSync(path.join(dist, 'demo/model/config.json'), 'utf8'));
  return { layers: config.n_layer, heads: config.n_head, headWidth: config.n_embd / config.n_head, vocab: config.vocab_size };
}

function report({ engines, peers, navigations }) {
  const middle = (values) => (values === undefined ? undefined : median(values));
  const pairs = [
    ['gpu', 'webgpu', 'WebGPU'],
    ['cpu', 'wasm', 'WASM'],
  ];
  for (const [backend, provider, name] of pairs) {
    const ours = engines[backend];
    const theirs = peers[provider];
    const row = (title, own, other) => [title, milliseconds(own), milliseconds(other), ratio(own, other)];
    print(`Engine on ${backend} (${ours.adapter}), medians`, [
      ['', 'sae-explorer', `ONNX Runtime Web, ${name}`, 'as fast'],
      ...WORK.prefill.map((count) => row(`prefill of ${count} tokens`, middle(ours.prefill[count]), middle(theirs?.prefill[count]))),
      row(`one token at position ${WORK.position}`, middle(ours.decode.gaps), middle(theirs?.decode.gaps)),
    ]);
    print(`Traces of 64 tokens on ${backend}, medians`, [
      ['', 'time'],
      ...Object.entries(ours.trace).map(([title, times]) => [title, milliseconds(middle(times))]),
    ]);
  }
  const { dispatches, submits, readBacks, ...made } = engines.gpu.perToken;
  print('One decoded token on the GPU', [
    ['', 'count'],
    ['dispatches', String(dispatches)],
    ['submits', String(submits)],
    ['read-backs', String(readBacks)],
    ...Object.entries(made).map(([name, count]) => [`${name} made`, String(count)]),
  ]);
  print('From navigation to the first trace, medians', [
    ['cache', 'time'],
    ...Object.entries(navigations).map(([kind, times]) => [kind, milliseconds(middle(times))]),
  ]);
}

const dist = needed('SAE_EXPLORER_DIST');
const site = await serveSite(needed('SAE_EXPLORER_XTASK'), dist);
const peerSite = options.peer === undefined ? null : await servePeer(options.peer);
const browser = await launch();
try {
  const result = { browser: browser.version(), cpus: os.cpus().length, engines: {}, peers: {}, navigations: {} };
  // One after the other, each beside its peer, so that a busy moment of the machine meets both.
  for (const [backend, provider] of [['gpu', 'webgpu'], ['cpu', 'wasm']]) {
    console.error(`measuring ${backend}`);
    result.engines[backend] = await onEmptyPage(browser, site.address, engine, { backend, ...WORK, ...EFFORT[backend] });
    if (peerSite === null) continue;
    console.error(`measuring ONNX Runtime Web, ${provider}`);
    const argument = { provider, shape: modelShape(dist), ...WORK, ...PEER_EFFORT[provider] };
    result.peers[provider] = await onEmptyPage(browser, peerSite.address, peer, argument);
  }
  console.error('measuring navigation');
  result.navigations = await navigation(browser, site.address);
  report(result);
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(result, null, 1)}\n`);
} finally {
  await browser.close();
  site.close();
  peerSite?.close();
}
