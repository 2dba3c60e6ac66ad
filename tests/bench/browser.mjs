// Measures the built site in headless Chromium and, where an ONNX export of the same model is given, ONNX Runtime Web on
// the same weights in the same browser.
//
//   node browser.mjs [--json FILE] [--model FOLDER [--sae FOLDER]…] [--peer MODEL.onnx]
//
// Without a folder it measures the demo; with one, a model in full size from a server of this machine, and how it gets
// here beside a plain fetch. SAEs are for the residual stream after block 8, where their file does not say.
//
// Needs SAE_EXPLORER_DIST (the built site), SAE_EXPLORER_XTASK (the program that serves it) and CHROMIUM.
// `cargo xtask bench` sets them. Absolute times belong to one machine; the ratios are what to compare.

import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { chromium } from 'playwright-core';

import { engine, loading, peer } from './measure.mjs';
import { serveFolders, servePeer, serveSite } from './serve.mjs';
import { median, mebibytes, milliseconds, print, ratio } from './table.mjs';

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
const DEMO = {
  work: { prefill: [64, 256], position: 64 },
  effort: { gpu: { tokens: 8, repetitions: 5 }, cpu: { tokens: 32, repetitions: 9 } },
  // The peer's WebGPU provider takes seconds a token on a software adapter.
  peer: { webgpu: { tokens: 4, repetitions: 2 }, wasm: { tokens: 32, repetitions: 9 } },
};
// The peer takes minutes for a prompt there.
const FULL = {
  work: { prefill: [64, 512], position: 64 },
  effort: { gpu: { tokens: 4, repetitions: 2 }, cpu: { tokens: 8, repetitions: 3 } },
  peer: { webgpu: { tokens: 2, repetitions: 1 }, wasm: { tokens: 8, repetitions: 3 } },
  loads: 3,
};
const HOOK = 'blocks.8.hook_resid_post';
const NAVIGATIONS = 3;
const PATIENCE = 60 * 60 * 1000;

const { values: options } = parseArgs({
  options: { json: { type: 'string' }, peer: { type: 'string' }, model: { type: 'string' }, sae: { type: 'string', multiple: true, default: [] } },
});
const PLAN = options.model === undefined ? DEMO : FULL;

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

/** Runs one measurement on a fresh page that holds nothing else: `address` is a small file of the server's. */
async function onEmptyPage(browser, address, work, argument) {
  const context = await browser.newContext();
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE);
  await page.goto(address);
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

/** What the engine loads: addresses on the server of folders, or nothing for the demo. */
function sources(address) {
  if (options.model === undefined) return {};
  const saes = options.sae.map((folder, i) => {
    const id = path.basename(folder);
    const at = `${address}${i + 1}/`;
    if (existsSync(path.join(folder, 'cfg.json'))) return { id, url: at };
    const file = readdirSync(folder).find((name) => name.endsWith('.pt'));
    if (file === undefined) throw new Error(`${folder} has neither cfg.json nor a .pt file`);
    return { id, url: at + file, hook: HOOK };
  });
  return { model: `${address}0/`, saes };
}

function modelShape(folder) {
  const config = JSON.parse(readFileSync(path.join(folder, 'config.json'), 'utf8'));
  return { layers: config.n_layer, heads: config.n_head, headWidth: config.n_embd / config.n_head, vocab: config.vocab_size };
}

function report({ engines, peers, navigations, loads }) {
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
      ...PLAN.work.prefill.map((count) => row(`prefill of ${count} tokens`, middle(ours.prefill[count]), middle(theirs?.prefill[count]))),
      row(`one token at position ${PLAN.work.position}`, middle(ours.decode.gaps), middle(theirs?.decode.gaps)),
    ]);
    print(`Traces of 64 tokens on ${backend}, medians`, [
      ['', 'time'],
      ...Object.entries(ours.trace).map(([title, times]) => [title, milliseconds(middle(times))]),
    ]);
    print(`Memory on ${backend}, after loading each`, [
      ['', 'device', 'wasm heap'],
      ...ours.memory.map(({ what, deviceBytes, wasmBytes }) => [what, mebibytes(deviceBytes), mebibytes(wasmBytes)]),
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
  if (loads !== undefined) {
    const row = (title, times) => [title, milliseconds(middle(times)), ratio(middle(loads.fetch), middle(times))];
    print('The model from a server of this machine to the GPU, medians', [
      ['', 'time', 'times a fetch'],
      row('a plain fetch of the weights', loads.fetch),
      row('loaded', loads.load),
      row('then stored for the next time, in the background', loads.storing),
      row('loaded from what is stored', loads.stored),
    ]);
  }
  if (navigations !== undefined) {
    print('From navigation to the first trace, medians', [
      ['cache', 'time'],
      ...Object.entries(navigations).map(([kind, times]) => [kind, milliseconds(middle(times))]),
    ]);
  }
}

const dist = needed('SAE_EXPLORER_DIST');
const site = await serveSite(needed('SAE_EXPLORER_XTASK'), dist);
const peerSite = options.peer === undefined ? null : await servePeer(options.peer);
const host = options.model === undefined ? null : await serveFolders([options.model, ...options.sae]);
const browser = await launch();
try {
  const result = { browser: browser.version(), cpus: os.cpus().length, engines: {}, peers: {} };
  const shape = modelShape(options.model ?? path.join(dist, 'demo/model'));
  const loaded = sources(host?.address);
  // A page made up by the browser's driver might not fetch from servers of this machine.
  const empty = `${site.address}demo/demo.json`;
  // One after the other, each beside its peer, so that a busy moment of the machine meets both.
  for (const [backend, provider] of [['gpu', 'webgpu'], ['cpu', 'wasm']]) {
    console.error(`measuring ${backend}`);
    const work = { backend, ...loaded, ...PLAN.work, ...PLAN.effort[backend] };
    result.engines[backend] = await onEmptyPage(browser, empty, engine, work);
    if (peerSite === null) continue;
    console.error(`measuring ONNX Runtime Web, ${provider}`);
    const argument = { provider, shape, ...PLAN.work, ...PLAN.peer[provider] };
    result.peers[provider] = await onEmptyPage(browser, peerSite.address, peer, argument);
  }
  if (host === null) {
    console.error('measuring navigation');
    result.navigations = await navigation(browser, site.address);
  } else {
    console.error('measuring loading');
    const argument = { backend: 'gpu', model: loaded.model, weights: `${loaded.model}model.safetensors`, repetitions: PLAN.loads };
    result.loads = await onEmptyPage(browser, empty, loading, argument);
  }
  report(result);
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(result, null, 1)}\n`);
} finally {
  await browser.close();
  site.close();
  peerSite?.close();
  host?.close();
}
