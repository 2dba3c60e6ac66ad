// GPU memory in a browser: what a question needed is destroyed with it, and the engine's own count is the true one.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { launch, openBare } from '../support/chromium.js';
import { counting } from '../support/gpu-memory.js';
import { serve } from '../support/server.js';

const PROMPT = 'Once upon a time there was a king who had three daughters';

// In an empty page every worker counts before its script runs.
const countingWorkers = `
  const module = (text) => URL.createObjectURL(new Blob([text], { type: 'text/javascript' }));
  const Real = window.Worker;
  window.Worker = function Worker(url, options) {
    const before = module(${JSON.stringify(`(${counting})();`)});
    return new Real(module("import '" + before + "'; import '" + url + "';"), options);
  };
  window.gpuBytes = () => new Promise((resolve) => {
    const channel = new BroadcastChannel('gpu-memory');
    channel.onmessage = ({ data }) => {
      if (typeof data !== 'number') return;
      channel.close();
      resolve(data);
    };
    channel.postMessage('ask');
  });`;

test('fifty traces hold no more GPU memory than the first, all of it counted', async (t) => {
  const server = await serve();
  const browser = await launch();
  t.after(async () => {
    await browser.close();
    await server.close();
  });
  const page = await openBare(browser, server, { init: { content: countingWorkers } });
  const found = await page.evaluate(async (prompt) => {
    const engine = await SaeExplorer.create({ backend: 'gpu' });
    await engine.loadModel('demo');
    const hook = 'blocks.3.hook_resid_post';
    const { id } = await engine.loadSae(new URL('fixtures/openai/layer_3.pt', document.baseURI).href, { hook });
    const held = [];
    const note = async () => held.push([await window.gpuBytes(), (await engine.info()).deviceBytes]);
    await note();
    for (let i = 0; i < 50; i += 1) {
      const trace = await engine.trace(prompt, { saes: [id] });
      if (i % 10 === 0) await engine.edited(prompt, { sae: id, latent: trace.saes[0].latents[0], value: 0 });
      if (i === 0 || i === 49) await note();
    }
    await engine.dispose();
    return held;
  }, PROMPT);
  const [loaded, first, last] = found;
  assert.ok(loaded[0] > 10e6, String(loaded));
  assert.deepEqual(last, first);
  for (const [live, counted] of found) assert.equal(live, counted, 'bytes of live GPU buffers, and the engine\'s count');
  t.diagnostic(`${loaded[0]} bytes with the demo's model and one SAE loaded, ${last[0]} after 50 traces`);
});
