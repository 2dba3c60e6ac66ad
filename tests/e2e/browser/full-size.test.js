// GPT-2 small and a 32k autoencoder in full size, as they are published: a person loads them from the catalogue, and what
// the page computes is what the reference does. The weights are random.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { openApp, openLibrary, openPrompt, part, ready, trace } from '../support/app.js';
import { launch } from '../support/chromium.js';
import { expected, randomFiles } from '../support/full-size.js';
import { serveHub } from '../support/hub.js';
import { serve } from '../support/server.js';

const MIB = 1 << 20;
const MODEL = { id: 'gpt2', name: 'GPT-2 small', repo: 'openai-community/gpt2', licence: 'MIT', parameters: 124439808, layers: 12, dModel: 768, heads: 12, vocab: 50257, context: 1024, bytes: 497774208 };
const SAE = { id: 'oai', name: 'OpenAI v5 32k', model: 'gpt2', repo: 'jbloom/oai', path: 'v5_32k_layer_{L}.pt', layers: [8], hook: 'blocks.{L}.hook_resid_post', architecture: 'topk', dIn: 768, dSae: 32768, k: 32, context: 64, bos: false, centre: false, licence: 'MIT', bytes: 201461056 };

let server;
let hub;
let browser;
const folders = [];
before(async () => {
  [server, hub] = await Promise.all([serve(), serveHub()]);
  const files = (name) => {
    const folder = randomFiles(name);
    folders.push(folder);
    return folder.files;
  };
  hub.repo(MODEL.repo, files('gpt2-small'));
  // A folder whose name ends in .pt, as it is published.
  const saelens = Object.entries(files('oai-v5-32k-folder')).map(([name, file]) => [`v5_32k_layer_8.pt/${name}`, file]);
  hub.repo(SAE.repo, Object.fromEntries(saelens));
  hub.repo('openai/own', files('oai-v5-32k'));
  server.files.set('catalogue.json', Buffer.from(JSON.stringify({ mirror: hub.origin, models: [MODEL], saes: [SAE] })));
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await Promise.all([server?.close(), hub?.close()]);
  for (const folder of folders) folder.close();
});

const info = (page) => page.evaluate(() => window.saeExplorer.info());

/** Answers the question about what was chosen in the catalogue, and waits until the page is done with it. */
async function loadChosen(page) {
  await part(page, 'load-chosen').click();
  await part(page, 'progress').waitFor();
  await part(page, 'progress').waitFor({ state: 'hidden' });
}

test('GPT-2 small and a 32k autoencoder from the catalogue, on WebGPU', async (t) => {
  const page = await openApp(browser, server);
  page.setDefaultTimeout(300_000);
  const before = await info(page);
  assert.equal(before.backend, 'gpu');
  await openLibrary(page);
  // The SAE brings its model.
  await part(page, 'release', `[data-release="${SAE.id}"]`).locator('[data-testid="layer"]').click();
  await loadChosen(page);
  await openPrompt(page);
  await ready(page);
  await t.test('the page traces a prompt', async () => {
    await trace(page, expected.model.text);
    await ready(page);
    assert.equal(await part(page, 'token').count(), expected.model.token_ids.length);
    assert.ok((await part(page, 'feature-row').count()) > 0, 'no features are listed');
  });

  // OpenAI's own file beside it, which holds the same numbers.
  await page.evaluate((hook) => window.saeExplorer.loadSae({ repo: 'openai/own', path: '8.pt' }, { hook, id: 'own' }).then(() => null), expected.sae.hook);

  await t.test('the wasm heap holds a few pieces of the files, never a file', async () => {
    const now = await info(page);
    assert.equal(now.model.nLayers, 12);
    assert.deepEqual(now.saes.map(({ hook }) => hook), [expected.sae.hook, expected.sae.hook]);
    assert.ok(now.deviceBytes > 400 * MIB, `only ${now.deviceBytes} bytes on the device`);
    const grown = now.wasmBytes - before.wasmBytes;
    t.diagnostic(`the heap grew from ${before.wasmBytes / MIB} by ${grown / MIB} MiB, the device holds ${now.deviceBytes / MIB} MiB`);
    assert.ok(grown <= 64 * MIB, `the wasm heap grew by ${grown} bytes`);
  });

  const traced = await page.evaluate(
    (text) => window.saeExplorer.trace(text, { topLogits: 20, bos: 'no' }).then(({ tokens, nextByPosition, saes }) => ({
      ids: tokens.map(({ id }) => id),
      next: nextByPosition.map((row) => row.map(({ id, logit }) => [id, logit])),
      saes: saes.map(({ latents, activations }) => ({ latents: [...latents], activations: [...activations] })),
    })),
    expected.model.text,
  );

  await t.test('the likeliest tokens and their logits are those of transformers', () => {
    assert.deepEqual(traced.ids, expected.model.token_ids);
    let worst = 0;
    for (const [place, position] of expected.model.positions.entries()) {
      const [ids, logits] = expected.model.top[place];
      assert.deepEqual(traced.next[position].map(([id]) => id), ids, `position ${position}`);
      assert.equal(logits.length, ids.length);
      traced.next[position].forEach(([, logit], rank) => (worst = Math.max(worst, Math.abs(logit - logits[rank]))));
    }
    t.diagnostic(`logits are off by ${worst}`);
    assert.ok(worst < 1e-3, `logits are off by ${worst}`);
  });

  await t.test('latents and activations are those of the formulas, from either file', () => {
    const { k, latents, activations } = expected.sae;
    assert.equal(traced.saes.length, 2);
    let worst = 0;
    for (const sae of traced.saes) {
      latents.forEach((row, position) => {
        const found = new Map(sae.latents.slice(position * k, (position + 1) * k).map((latent, place) => [latent, sae.activations[position * k + place]]));
        assert.deepEqual([...found.keys()].sort((a, b) => a - b), [...row].sort((a, b) => a - b), `position ${position}`);
        row.forEach((latent, place) => (worst = Math.max(worst, Math.abs(found.get(latent) / activations[position][place] - 1))));
      });
    }
    t.diagnostic(`activations are off by ${worst}`);
    assert.ok(worst < 1e-4, `activations are off by ${worst}`);
  });

  await t.test('what does not fit whole stays in its file, and gives the same', async () => {
    const found = await page.evaluate(
      async ([text, hook]) => {
        const { saeExplorer: engine } = window;
        // Too little for both matrices, enough for one.
        await engine.setMemoryBudget((await engine.info()).loadedBytes + 225e6);
        const { saes } = await engine.fromLink('openai/own');
        const { weights } = await engine.loadSae(saes[0].source, { hook, id: 'kept', stream: 'auto' });
        const trace = await engine.trace(text, { saes: ['own', 'kept'], bos: 'no' });
        return { weights, latents: trace.saes.map(({ latents }) => Array.from(latents)) };
      },
      [expected.model.text, expected.sae.hook],
    );
    assert.equal(found.weights, 'streamed');
    assert.deepEqual(found.latents[0], found.latents[1]);
  });
  assert.deepEqual(page.seen.errors, []);
  await page.context().close();
});
