// Features of another prompt carried into this one: each experiment is the package's edit, shares lie between the two prompts.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { STILL, copiedTable, during, openApp, part, picture, serious } from '../support/app.js';
import { suite } from '../support/suite.js';

const SAE = 'openai.layer_3';
const PROMPT = 'There was once a king, and he said to his';
const SOURCE = 'There was once a queen, and she said to her';

const { server, browser } = await suite({ webgpu: false });

async function open(context = STILL, prompt = PROMPT) {
  const page = await openApp(browser, server, { path: `#/steer/patch?sae=${SAE}&prompt=${encodeURIComponent(prompt)}`, context });
  await part(page, 'patch').waitFor();
  await page.waitForFunction(() => document.querySelector('[data-testid="patch-start"]')?.disabled === false);
  return page;
}

/** Patches, and waits for the end. */
async function patch(page) {
  await part(page, 'patch-start').click();
  await part(page, 'patch-result').waitFor();
  await part(page, 'patch-status', '[data-running="false"]').waitFor({ state: 'attached' });
}

test('each experiment is that of the package, from the prompt’s answer to the source’s', async () => {
  const page = await open();
  await part(page, 'patch-source').fill(SOURCE);
  await part(page, 'patch-target').fill(' wife');
  await part(page, 'patch-distractor').fill(' husband');
  await patch(page);
  const { lines } = await copiedTable(page, 'patch-copy', 'latent');
  assert.equal(lines.length, Number(await part(page, 'patch-status').getAttribute('data-done')));
  const expected = await page.evaluate(async ([prompt, source, sae]) => {
    const engine = window.saeExplorer;
    const idsOf = async (text) => (await engine.tokenize(text)).tokens.map(({ id }) => id);
    const track = [];
    for (const name of [' wife', ' husband']) track.push((await engine.tokenize(name, { bos: 'no' })).tokens[0].id);
    const [here, there] = [await idsOf(prompt), await idsOf(source)];
    const featuresOf = async (ids) => {
      const { saes: [{ latents, activations, k, skipped }] } = await engine.trace(new Uint32Array(ids), { saes: [sae] });
      return ids.map((_, position) => new Map([...skipped].includes(position) ? [] : [...latents.subarray(position * k, (position + 1) * k)].map((latent, slot) => [latent, activations[position * k + slot]]).filter(([latent, value]) => latent >= 0 && value > 0)));
    };
    const [a, b] = [await featuresOf(here), await featuresOf(there)];
    const difference = async (ids, edits) => {
      const { tracked, kl } = await engine.edited(new Uint32Array(ids), edits, { track });
      return { difference: tracked[0].logit - tracked[1].logit, kl };
    };
    const [clean, from] = [(await difference(here, [])).difference, (await difference(there, [])).difference];
    const wanted = [];
    for (const position of here.keys()) {
      for (const latent of new Set([...a[position].keys(), ...b[position].keys()])) {
        const [was, is] = [a[position].get(latent) ?? 0, b[position].get(latent) ?? 0];
        if (was !== is) wanted.push({ latent, position, was, is });
      }
    }
    // Every thirteenth is run again; they are some hundreds.
    const again = [];
    for (const one of wanted.filter((_, at) => at % 13 === 0)) {
      again.push({ ...one, ...(await difference(here, [{ sae, latent: one.latent, value: one.is, positions: [one.position] }])) });
    }
    return { clean, from, count: wanted.length, again };
  }, [PROMPT, SOURCE, SAE]);
  const single = lines.filter(([latent]) => latent !== 'all');
  assert.equal(single.length, expected.count);
  const near = (found, wanted, what) => assert.ok(found !== '' && Math.abs(Number(found) - wanted) <= 1e-3 * Math.abs(wanted) + 1e-4, `${what}: ${found}, expected ${wanted}`);
  assert.ok(expected.again.length > 5);
  for (const one of expected.again) {
    const line = single.find(([latent, position]) => Number(latent) === one.latent && Number(position) === one.position);
    near(line[4], one.was, `activation of ${one.latent}`);
    near(line[5], one.is, `activation of ${one.latent} in the source`);
    near(line[6], one.difference, `logit difference of ${one.latent}`);
    near(line[7], (one.difference - expected.clean) / (expected.from - expected.clean), `share of ${one.latent}`);
    near(line[8], one.kl, `KL of ${one.latent}`);
  }
  // The model tells a king from a queen, and the features of one position carry a part of that.
  assert.ok(Math.abs(expected.from - expected.clean) > 0.2, `${expected.clean}, ${expected.from}`);
  const together = lines.filter(([latent]) => latent === 'all').map((line) => Number(line[7]));
  assert.ok(Math.max(...together) > 0.2, `${together}`);
  assert.equal(await part(page, 'patch-row', '[data-latent="all"]').count(), 1);
  assert.deepEqual(await serious(page), []);
  await picture(page, 'patch');
  assert.deepEqual(page.seen.errors, []);
  await page.context().close();
});

test('the residual stream is carried layer by layer, and the last one is the source’s answer', async () => {
  const page = await open();
  await part(page, 'patch-what', '[data-what="stream"]').click();
  await page.waitForFunction(() => location.hash.includes('patch-what=stream'));
  assert.equal(await part(page, 'patch-sae').count(), 0);
  await part(page, 'patch-source').fill(SOURCE);
  await part(page, 'patch-target').fill(' wife');
  await part(page, 'patch-distractor').fill(' husband');
  await patch(page);
  const expected = await page.evaluate(async ([prompt, source]) => {
    const engine = window.saeExplorer;
    const ids = [];
    for (const name of [' wife', ' husband']) ids.push((await engine.tokenize(name, { bos: 'no' })).tokens[0].id);
    const { hooks, logitDifferences, clean, source: from, tokens, kl } = await engine.patchStream(prompt, source, { target: ids[0], distractor: ids[1] });
    return { hooks, tokens: tokens.length, clean, from, differences: logitDifferences.map((row) => [...row]), kl: kl.map((row) => [...row]) };
  }, [PROMPT, SOURCE]);
  assert.equal(expected.hooks.length, 7);
  const { lines } = await copiedTable(page, 'patch-copy', 'hook');
  const first = Math.min(...lines.map(([, position]) => Number(position)));
  assert.ok(first > 3 && lines.length === 7 * (expected.tokens - first), `${first}, ${lines.length}`);
  for (const [hook, position, , , , , difference, share, kl] of lines) {
    const row = expected.hooks.indexOf(hook);
    const want = expected.differences[row][Number(position)];
    const near = (found, wanted, what) => assert.ok(found !== '' && Math.abs(Number(found) - wanted) <= 1e-4 * Math.abs(wanted) + 1e-5, `${what} of ${hook} at ${position}: ${found}, not ${wanted}`);
    near(difference, want, 'difference');
    near(share, (want - expected.clean) / (expected.from - expected.clean), 'share');
    near(kl, expected.kl[row][Number(position)], 'KL');
  }
  // Rows are in the order of the layers; the last stream at the last position is the whole answer.
  const rows = await part(page, 'patch-row').evaluateAll((all) => all.map((row) => row.dataset.latent));
  assert.deepEqual(rows, expected.hooks);
  assert.match(await part(page, 'patch-row').last().locator('td').last().textContent(), /100%/);
  assert.deepEqual(await serious(page), []);
  await picture(page, 'patch-stream');
  await page.context().close();
});

test('prompts of unequal length, the same prompt, and texts that are no token say why', async () => {
  const page = await open();
  await part(page, 'patch-start').click();
  await part(page, 'patch-ended').getByText(/Type the prompt/).waitFor();
  await part(page, 'patch-source').fill('There was once a queen');
  await part(page, 'patch-start').click();
  await part(page, 'patch-ended').getByText(/The prompt has \d+ tokens and the source has \d+/).waitFor();
  assert.equal(await part(page, 'patch-source').inputValue(), 'There was once a queen');
  await part(page, 'patch-source').fill(PROMPT);
  await part(page, 'patch-start').click();
  await part(page, 'patch-ended').getByText(/likeliest token after both prompts/).waitFor();
  await part(page, 'patch-target').fill(' wife');
  await part(page, 'patch-distractor').fill(' husband');
  await part(page, 'patch-start').click();
  await part(page, 'patch').getByText('Nothing is different in the two prompts').waitFor();
  await page.context().close();
});

test('experiments are stopped, and those that ran stay', async () => {
  // Long enough that it is not over before it can be stopped.
  const long = (text) => `${`${text}. `.repeat(8)}${text}`;
  const page = await open(STILL, long(PROMPT));
  await part(page, 'patch-source').fill(long(SOURCE));
  await part(page, 'patch-target').fill(' wife');
  await part(page, 'patch-distractor').fill(' husband');
  await part(page, 'patch-start').click();
  await during(page, '[data-testid="patch-row"]', 1, 'patch-stop');
  await part(page, 'patch-ended').getByText('Stopped.').waitFor();
  assert.ok(Number(await part(page, 'patch-status').getAttribute('data-done')) > 0);
  assert.ok(await part(page, 'patch-row').count() > 0);
  await page.context().close();
});

for (const [name, context] of [['narrow', { viewport: { width: 390, height: 844 } }], ['dark', { colorScheme: 'dark' }]]) {
  test(`it fits a ${name} screen, and can be read`, async () => {
    const page = await open({ ...STILL, ...context });
    await part(page, 'patch-source').fill(SOURCE);
    await part(page, 'patch-target').fill(' wife');
    await part(page, 'patch-distractor').fill(' husband');
    await patch(page);
    const { width, wide } = await page.evaluate(() => ({ width: document.documentElement.scrollWidth, wide: innerWidth }));
    assert.ok(width <= wide, `${width} pixels on ${wide}`);
    assert.deepEqual(await serious(page), []);
    await picture(page, `patch-${name}`);
    await page.context().close();
  });
}
