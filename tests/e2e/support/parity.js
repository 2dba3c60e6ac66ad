// The tolerances of the reference fixtures, and the checks that every backend must pass.

import assert from 'node:assert/strict';

import { SAES } from './demo.js';

export const DEMO_SAES = Object.fromEntries(SAES.map((id) => [id, id]));

/** Opens an engine in the page as `window.engine`, with the demo loaded. */
export function openDemo(page, options) {
  return page.evaluate(async (given) => {
    window.engine = await SaeExplorer.create(given);
    await engine.loadModel('demo');
    await engine.loadSae('demo');
    return engine.info();
  }, options);
}

/** Asserts that a fixture's numbers are met by `window.engine`; all of them, unless `every` is false. */
export async function assertParity(page, name, { saes = DEMO_SAES, every = true } = {}) {
  assertFound(name, await page.evaluate((given) => parity.compare(engine, ...given), [name, saes, every]), { saes, every });
}

/** Asserts that a comparison with a fixture, `compare()` of `page/parity.js`, found what every backend must give. */
export function assertFound(name, found, { saes = DEMO_SAES, every = true } = {}) {
  // False for NaN, and for anything that is no number.
  const below = (value, limit, what) => assert.ok(typeof value === 'number' && value <= limit, `${name}: ${what} is ${value}, at most ${limit} allowed`);
  assert.ok(found.tokens, `${name}: other tokens than the reference`);
  assert.ok(found.bosPrepended);
  assert.ok(found.logitsShape, `${name}: logits of another shape`);
  below(found.logitsMaxAbs, 2e-3, 'largest difference of the logits');
  below(found.logitsRms, 1e-4, 'relative RMS of the logits');
  found.residuals.forEach((value, layer) => below(value, 1e-4, `relative RMS of resid_post.${layer}`));
  assert.ok(found.residuals.length > 0);
  below(found.loss, 1e-4, 'difference of the loss');
  below(found.meanOfTokenLosses, 1e-4, 'difference of the mean of the token losses');
  assert.equal(found.tokenLosses, 0, `${name}: there must be T - 1 token losses`);
  assert.equal(found.nextRows, 0, `${name}: there must be next tokens for each position`);
  assert.ok(found.next, `${name}: other best next tokens than the reference`);
  assert.deepEqual(Object.keys(found.saes), Object.keys(saes));
  assert.ok(Object.values(found.saes).some(({ reconstruction }) => reconstruction !== null), `${name}: no reconstruction was read`);
  for (const [id, sae] of Object.entries(found.saes)) {
    below(sae.widest, 1e-4, `${id}: gap between exchanged latents (${sae.exchanged} exchanged)`);
    below(sae.activation, 1e-3, `${id}: relative difference of an activation`);
    if (every || sae.reconstruction !== null) below(sae.reconstruction, 1e-3, `${id}: relative RMS of the reconstruction`);
    below(sae.metrics.l0, 0.05, `${id}: difference of L0`);
    below(sae.metrics.fvu, 1e-3, `${id}: relative difference of FVU`);
    below(sae.metrics.relativeError, 1e-4, `${id}: difference of the relative error`);
    below(sae.metrics.splicedLoss, 1e-4, `${id}: difference of the spliced loss`);
    below(sae.metrics.deltaCe, 2e-4, `${id}: difference of the change of the loss`);
  }
}

/** Asserts that one latent set to a value does to the model what it does to the reference's. */
export async function assertEdit(page, name, sae, edit, variant) {
  const found = await page.evaluate((given) => parity.compareEdit(engine, ...given), [name, sae, edit, variant]);
  const below = (value, limit, what) => assert.ok(typeof value === 'number' && value <= limit, `${name}, ${edit}.${variant}: ${what} is ${value}, at most ${limit} allowed`);
  below(found.logits, 2e-3, 'largest difference of the logits');
  below(found.loss, 1e-4, 'difference of the loss');
  below(found.klLast, 1e-4, 'difference of the KL at the last position');
  below(found.kl, 1e-6, "difference of the KL and its positions' mean");
  assert.equal(found.positions, 0, 'a KL for each position');
  below(-found.smallestKl, 1e-5, 'what the smallest KL is below 0');
}
