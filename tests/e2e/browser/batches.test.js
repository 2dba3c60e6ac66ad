// Lists of edits, batches of them, and taps of a pass, through the package in Chromium.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { launch, openBare } from '../support/chromium.js';
import { openDemo } from '../support/parity.js';
import { serve } from '../support/server.js';

const PROMPT = 'Once upon a time there was a king';
const HOOK = 'blocks.3.hook_resid_post';

let server;
let browser;
let page;
before(async () => {
  server = await serve();
  browser = await launch();
  page = await openBare(browser, server);
  await openDemo(page, { backend: 'gpu' });
});
after(async () => {
  await browser?.close();
  await server?.close();
});

test('a batch of lists of edits gives what each list gives alone', async () => {
  const found = await page.evaluate(async (prompt) => {
    const trace = await engine.trace(prompt);
    const latentAt = (sae, token) => ({ sae: trace.saes[sae].id, latent: trace.saes[sae].latents[token * trace.saes[sae].k] });
    const lists = [
      [],
      [{ ...latentAt(1, 3), value: 0 }],
      [{ ...latentAt(1, 3), value: 1, operation: 'scale' }],
      [{ ...latentAt(0, 4), value: 2, operation: 'add' }, { ...latentAt(2, 5), value: 0, positions: [5] }],
    ];
    const batch = await engine.editBatch(prompt, lists);
    const alone = [];
    for (const list of lists) alone.push(await engine.edited(prompt, list));
    const numbers = ({ loss, kl, tokenLosses, klByPosition }) => [loss, kl, ...tokenLosses, ...klByPosition];
    return { clean: [trace.loss, ...trace.tokenLosses], batch: batch.map(numbers), alone: alone.map(numbers) };
  }, PROMPT);
  assert.equal(found.batch.length, 4);
  for (const [index, numbers] of found.batch.entries()) {
    for (const [at, number] of numbers.entries()) {
      const other = found.alone[index][at];
      assert.ok(Math.abs(number - other) <= 1e-4 * Math.max(1, Math.abs(other)), `list ${index}: ${number}, alone ${other}`);
    }
  }
  const tokens = found.clean.length - 1;
  // Among others a list differs from the clean run by the rounding of its sums, whose order depends on its place.
  for (const unchanged of [0, 2]) {
    const [loss, kl, ...rest] = found.batch[unchanged];
    assert.ok(Math.abs(loss - found.clean[0]) < 1e-5 && kl < 1e-9, `${loss}, clean ${found.clean[0]}, KL ${kl}`);
    for (const [at, tokenLoss] of rest.slice(0, tokens).entries()) assert.ok(Math.abs(tokenLoss - found.clean[1 + at]) < 1e-4);
  }
  assert.ok(found.batch[1][1] > 1e-6 && found.batch[3][1] > 1e-6, 'edits have effects');
});

test('one pass gives activations, attention patterns, LayerNorm scales and logit lenses', async () => {
  const found = await page.evaluate(async ([prompt, hook]) => {
    const names = [hook, 'blocks.2.attn.hook_pattern', 'blocks.2.ln1.hook_scale', 'ln_final.hook_scale'];
    const [trace, taps, resid] = [await engine.trace(prompt), await engine.taps(prompt, { names, logitLens: 3 }), await engine.residual(prompt, 3)];
    const { model } = await engine.info();
    const plain = (values) => [...values];
    return {
      tokens: trace.tokens.length,
      heads: model.nHeads,
      layers: model.nLayers,
      loss: trace.loss,
      next: trace.nextByPosition.map(([first]) => first.id),
      resid: plain(resid.data),
      values: taps.values.map(({ name, shape, data }) => ({ name, shape, data: plain(data) })),
      lens: taps.logitLens.map(({ layer, loss, nextByPosition }) => ({ layer, loss, next: nextByPosition.map(([first]) => first.id), listed: nextByPosition[0].length })),
    };
  }, [PROMPT, HOOK]);
  const { tokens, heads } = found;
  const [stream, pattern, ln1, final] = found.values;
  assert.deepEqual(found.values.map(({ name }) => name), [HOOK, 'blocks.2.attn.hook_pattern', 'blocks.2.ln1.hook_scale', 'ln_final.hook_scale']);
  assert.deepEqual(stream.data, found.resid);
  assert.deepEqual(pattern.shape, [tokens, heads, tokens]);
  for (let row = 0; row < tokens * heads; row += 1) {
    const weights = pattern.data.slice(row * tokens, (row + 1) * tokens);
    assert.ok(Math.abs(weights.reduce((sum, weight) => sum + weight, 0) - 1) < 1e-5, `row ${row} sums to 1`);
    const query = Math.floor(row / heads);
    assert.ok(weights.slice(query + 1).every((weight) => weight === 0), `row ${row} is causal`);
  }
  for (const scale of [ln1, final]) {
    assert.deepEqual(scale.shape, [tokens]);
    assert.ok(scale.data.every((value) => value > 0 && Number.isFinite(value)));
  }
  assert.deepEqual(found.lens.map(({ layer }) => layer), [null, ...Array(found.layers).keys()]);
  assert.equal(found.lens[0].listed, 3);
  const last = found.lens.at(-1);
  assert.ok(Math.abs(last.loss - found.loss) < 1e-5, 'the last lens is the model itself');
  assert.deepEqual(last.next, found.next);
  assert.ok(found.lens[0].loss > last.loss, 'the embedding knows less');
});

test('what cannot be done is refused by name, and the engine goes on', async () => {
  const refused = await page.evaluate(async (prompt) => {
    const { saes: [{ id: sae }] } = await engine.info();
    const edit = { sae, latent: 1, value: 1 };
    const attempts = [
      () => engine.edited(prompt, [edit, edit]),
      () => engine.edited(prompt, [{ ...edit, operation: 'multiply' }]),
      () => engine.edited(prompt, [{ ...edit, latent: 1e6 }]),
      () => engine.edited(prompt, [{ ...edit, positions: [1000] }]),
      () => engine.editBatch(prompt, [edit]),
      () => engine.editBatch(prompt, edit),
      () => engine.taps(prompt, { names: ['blocks.99.hook_resid_post'] }),
      () => engine.taps(prompt, { names: ['hook_nothing'] }),
      () => engine.taps(prompt, {}),
      () => engine.taps(prompt, { logitLens: 100000 }),
    ];
    const errors = [];
    for (const attempt of attempts) errors.push(await attempt().then(() => null, ({ code, message }) => ({ code, message })));
    return { errors, none: (await engine.editBatch(prompt, [])).length, tokens: (await engine.trace(prompt)).tokens.length };
  }, PROMPT);
  for (const [index, error] of refused.errors.entries()) assert.equal(error?.code, 'bad-option', `attempt ${index}: ${JSON.stringify(error)}`);
  assert.match(refused.errors[0].message, /already/);
  assert.match(refused.errors[6].message, /99|layer/);
  assert.match(refused.errors[7].message, /hook_nothing/);
  assert.equal(refused.none, 0);
  assert.ok(refused.tokens > 5);
});
