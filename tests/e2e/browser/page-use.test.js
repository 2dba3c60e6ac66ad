// The page as it is used: tokens, features, rankings, SAEs, the address, the keyboard, and mistakes.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';

import { parseSafetensors } from '../page/parity.js';
import { latents, openApp, part, ready, trace } from '../support/app.js';
import { SAES } from '../support/demo.js';
import { root } from '../support/server.js';
import { goToHash, sharedPage } from '../support/shared-page.js';

let server;
let browser;
let page;
const shared = sharedPage((all) => ({ server, browser, page } = all));

/** What PyTorch computes for one of the example prompts. */
const fairy = (async () => {
  const file = (ending) => readFile(join(root, `tests/fixtures/fairy.${ending}`));
  const { buffer, byteOffset, byteLength } = await file('safetensors');
  return { ...JSON.parse(await file('json')), tensors: parseSafetensors(buffer.slice(byteOffset, byteOffset + byteLength)) };
})();

/** The latents of a token of that prompt and their activations, strongest first. */
async function reference(sae, token) {
  const { tensors } = await fairy;
  const [ids, values] = ['topk_ids', 'topk_values'].map((name) => tensors[`${sae}.${name}`]);
  const [, k] = ids.shape;
  const row = ({ data }) => [...data.slice(token * k, (token + 1) * k)];
  return row(ids).map((latent, place) => ({ latent, activation: row(values)[place] })).filter(({ activation }) => activation > 0);
}

/** Goes to a place of that prompt. */
async function goTo(place) {
  const { text: prompt } = await fairy;
  await goToHash(shared, `#${new URLSearchParams({ model: 'demo', ...place, prompt })}`);
}

/** A number as the page writes it, as a number. */
const number = (shown) => Number(shown.replaceAll('−', '-').replace('+', ''));

/** Asserts that a number is shown that is one from the reference, rounded. */
function assertNear(shown, want, tolerance, what) {
  assert.ok(Math.abs(number(shown) - want) <= tolerance, `${what}: ${shown} is shown, the reference is ${want}`);
}

/** A test that starts with the page as a visitor finds it. */
const visit = (name, steps) =>
  test(name, async (t) => {
    await goToHash(shared, '');
    await steps(t);
  });

const tokens = () => part(page, 'token').allTextContents();
const text = (name) => part(page, name).first().innerText();

visit('opens with a worked prompt, traced', async () => {
  assert.ok((await tokens()).length > 10);
  assert.ok((await latents(page)).length > 0);
  const prompt = await part(page, 'prompt').inputValue();
  const { saes, loss, tokenLosses } = await page.evaluate(async ([asked, shown]) => {
    const { saes: all, loss: mean, tokenLosses: each } = await window.saeExplorer.trace(asked);
    const metricsOf = (id) => all.find((sae) => sae.id === id).metrics;
    return { saes: shown.map(metricsOf), loss: mean, tokenLosses: [...each] };
  }, [prompt, SAES]);
  assert.match(await text('metrics-table'), /FVU/);
  const cells = (name) => part(page, 'metrics-table').locator('tr').filter({ has: page.getByText(name, { exact: true }) }).locator('td').allInnerTexts();
  const written = (name, decimals) => saes.map((metrics) => metrics[name].toFixed(decimals));
  assert.deepEqual(await cells('FVU'), written('fvu', 4));
  assert.deepEqual(await cells('cosine'), written('cosine', 3));
  assert.deepEqual(await cells('relative error'), written('relativeError', 4));
  assert.deepEqual(await cells('L0'), written('l0', 2));
  assert.deepEqual(await cells('KL'), written('kl', 4));
  assert.deepEqual(await cells('N'), saes.map(({ positions }) => String(positions)));
  assert.ok(Math.abs(tokenLosses.reduce((sum, one) => sum + one, 0) / tokenLosses.length - loss) < 1e-6);
  assert.match(await page.locator('.prompt .line').last().innerText(), new RegExp(`loss\\s+${loss.toFixed(3)}\\s+nats, N = ${tokenLosses.length}`));
  const info = await page.evaluate(() => window.saeExplorer.info());
  assert.equal(info.model.id, 'demo');
  assert.match(await text('status'), new RegExp(`${Math.round(info.deviceBytes / 1e6)} MB on device`));
});

visit('an example prompt is one click away', async () => {
  const before = await tokens();
  await part(page, 'examples').locator('button').last().click();
  await page.waitForFunction(
    (shown) => {
      const now = [...document.querySelectorAll('[data-testid="token"]')].map((chip) => chip.textContent).join();
      return document.body.dataset.state === 'ready' && now !== shown;
    },
    before.join(),
  );
  assert.ok((await latents(page)).length > 0);
});

visit('any text is traced as it is typed, and shows what the engine computes', async () => {
  const prompt = 'A dog and\n a cat 🙂';
  await trace(page, prompt);
  await page.waitForFunction(async (asked) => {
    const { tokens: want } = await window.saeExplorer.tokenize(asked);
    return document.querySelectorAll('[data-testid="token"]').length === want.length;
  }, prompt);
  const shown = (await tokens()).join('');
  assert.match(shown, /dog/);
  assert.match(shown, /0xF0/);
  const newline = await part(page, 'token').evaluateAll((chips) => chips.some((chip) => /↵|⏎|\\n/.test(chip.textContent)));
  assert.ok(newline, 'a newline is visible');
});

visit('a token shows its features as the reference has them, a feature its panel', async () => {
  await goTo({ sae: 'openai.layer_5', token: 5 });
  const five = await latents(page);
  await part(page, 'token', '[data-index="9"]').click();
  const expected = await reference('openai.layer_5', 9);
  const shown = await part(page, 'feature-row').evaluateAll((rows) => rows.map((row) => [Number(row.dataset.latent), row.lastElementChild.textContent]));
  assert.deepEqual(shown.map(([latent]) => latent), expected.map(({ latent }) => latent));
  assert.notDeepEqual(five, await latents(page));
  for (const [place, [latent, activation]] of shown.entries()) assertNear(activation, expected[place].activation, 0.002, `activation of ${latent}`);
  await part(page, 'feature-row').first().click();
  await part(page, 'feature-panel').waitFor();
  assert.equal(await part(page, 'feature-panel').getAttribute('data-latent'), String(shown[0][0]));
});

visit('the whole prompt ranks features in three ways', async () => {
  await goTo({ sae: 'openai.layer_3', view: 'prompt' });
  const { n_tokens: tokens } = await fairy;
  const over = new Map();
  for (let token = 1; token < tokens; token += 1) {
    for (const { latent, activation } of await reference('openai.layer_3', token)) {
      const { max = 0, sum = 0, count = 0 } = over.get(latent) ?? {};
      over.set(latent, { max: Math.max(max, activation), sum: sum + activation, count: count + 1 });
    }
  }
  const orders = { max: (one) => one.max, mean: (one) => one.sum / (tokens - 1), count: (one) => one.count };
  const firsts = new Set();
  for (const [name, value] of Object.entries(orders)) {
    await part(page, 'ranking').locator(`[data-ranking="${name}"]`).click();
    await page.waitForFunction((one) => document.querySelector(`[data-ranking="${one}"]`).ariaPressed === 'true', name);
    const rows = await part(page, 'feature-row').evaluateAll((all) => all.map((row) => [Number(row.dataset.latent), ...[...row.querySelectorAll('td.number')].map((cell) => cell.textContent)]));
    const best = [...over.values()].map(value).sort((a, b) => b - a);
    for (const [place, [latent, max, mean, count]] of rows.entries()) {
      const want = over.get(latent);
      assertNear(max, want.max, 0.002, `${name}: maximum of ${latent}`);
      assertNear(mean, want.sum / (tokens - 1), 0.002, `${name}: mean of ${latent}`);
      assert.equal(Number(count), want.count, `${name}: tokens of ${latent}`);
      assert.ok(Math.abs(value(want) - best[place]) < 1e-4, `${name}: ${latent} is no. ${place + 1}`);
    }
    firsts.add(rows.slice(0, 8).map(([latent]) => latent).join());
  }
  assert.equal(firsts.size, 3);
});

visit('each SAE shows its own features and what it loses', async () => {
  await goTo({ token: 9 });
  const { saes, ce_loss: loss } = await fairy;
  assert.equal(await part(page, 'sae-switch').count(), 3);
  for (const [at, id] of SAES.entries()) {
    await part(page, 'sae-switch', `[data-sae="${id}"]`).click();
    await page.waitForFunction((sae) => document.querySelector(`[data-sae="${sae}"]`).ariaPressed === 'true', id);
    assert.deepEqual(await latents(page), (await reference(id, 9)).map(({ latent }) => latent), id);
    const spliced = part(page, 'metrics-table').locator('tr').filter({ hasText: 'spliced loss' }).locator('td').nth(at);
    assertNear(await spliced.innerText(), saes[id].ce_spliced_positions_ge_1, 0.0006, `${id}: spliced loss`);
    const change = part(page, 'metrics-table').locator('tr').filter({ hasText: 'ΔCE' }).locator('td').nth(at);
    assertNear(await change.innerText(), saes[id].ce_spliced_positions_ge_1 - loss, 0.0006, `${id}: ΔCE`);
  }
});

visit('the next tokens are those of the reference', async () => {
  await goTo({ token: 5 });
  const { top5_per_position: top5 } = await fairy;
  const words = await part(page, 'next-tokens').locator('.bars .token-text').allTextContents();
  assert.deepEqual(words.slice(0, 5), top5[5].map(([, word]) => word.replace('Ġ', '␣')));
});

visit('the address restores everything: reload, back, and in another window', async () => {
  const start = page.url();
  await part(page, 'sae-switch').nth(2).click();
  await part(page, 'token', '[data-index="7"]').click();
  await part(page, 'feature-row').nth(1).click();
  await part(page, 'feature-panel').waitFor();
  const state = async (of) => ({ rows: await latents(of), panel: await part(of, 'feature-panel').locator('h2').first().innerText(), tokens: await part(of, 'token').count() });
  const chosen = await state(page);
  const address = page.url();
  assert.notEqual(address, start);
  await page.reload();
  await ready(page);
  assert.deepEqual(await state(page), chosen);
  const other = await openApp(browser, server, { path: address.slice(server.url('').length) });
  assert.deepEqual(await state(other), chosen);
  await other.context().close();
  await part(page, 'token', '[data-index="3"]').click();
  assert.notEqual(page.url(), address);
  await page.goBack();
  await page.waitForFunction((url) => location.href === url, address);
  await page.waitForFunction((want) => [...document.querySelectorAll('[data-testid="feature-row"]')].map((row) => Number(row.dataset.latent)).join() === want, chosen.rows.join());
});

visit('the keyboard: arrows over tokens and features, / and ?', async () => {
  await part(page, 'token', '[data-index="4"]').click();
  const four = await latents(page);
  await page.keyboard.press('ArrowRight');
  const five = await latents(page);
  assert.notDeepEqual(five, four);
  await page.keyboard.press('ArrowLeft');
  assert.deepEqual(await latents(page), four);
  const before = page.url();
  await page.keyboard.press('ArrowDown');
  assert.notEqual(page.url(), before);
  await page.keyboard.press('/');
  assert.equal(await page.evaluate(() => document.activeElement.closest('[data-testid="prompt"]') !== null), true);
  await page.keyboard.press('Escape');
  await page.evaluate(() => document.activeElement.blur());
  await page.keyboard.press('?');
  await part(page, 'keys-dialog').waitFor();
  await page.keyboard.press('Escape');
  await part(page, 'keys-dialog').waitFor({ state: 'hidden' });
});

for (const kind of ['edit', 'edit_sparse']) {
  visit(`an edit of a feature shows what it changes (${kind})`, async () => {
    const { [kind]: { sae, latent, variants }, n_tokens: tokens, ce_loss: clean, text: prompt } = await fairy;
    const { ce_loss: loss, kl_last: kl, top5_last: top5 } = variants.ablate_ge1;
    await goTo({ sae, token: tokens - 1, feature: latent });
    await page.getByRole('button', { name: 'at all its tokens' }).click();
    await part(page, 'ablate').click();
    const shown = part(page, 'edited');
    await shown.waitFor();
    const [, from, to, by] = /loss\s+(\S+)\s+→\s+(\S+)\s+nats\s+\(([^)]+)\)/.exec(await shown.innerText());
    assertNear(from, clean, 0.0006, 'loss');
    assertNear(to, loss, 0.0006, 'loss with the edit');
    assertNear(by, loss - clean, 0.0002, 'change of the loss');
    const [, last] = /after the selected token\s+(\S+)\s+nats/.exec(await shown.innerText());
    assertNear(last, kl, Math.max(0.00006, kl * 0.02), 'KL at the last token');
    assert.notEqual(number(last), 0, 'a small KL is not none');
    const positions = await page.evaluate((one) => [...document.querySelectorAll('[data-testid="token"]')].map(({ dataset }) => Number(dataset.index)).slice(one), 1);
    const { kl: mean, klByPosition } = await page.evaluate(async (given) => {
      const { kl: all, klByPosition: each } = await window.saeExplorer.edited(...given);
      return { kl: all, klByPosition: [...each] };
    }, [prompt, { sae, latent, value: 0, positions: kind === 'edit' ? positions : variants.ablate_ge1 && (await fairy)[kind].active_positions }]);
    const [, all] = /KL of the edit\s+(\S+)\s+nats/.exec(await shown.innerText());
    assertNear(all, mean, Math.max(0.00006, mean * 0.02), 'KL of the edit');
    assert.ok(Math.abs(klByPosition.slice(1).reduce((sum, value) => sum + value, 0) / (tokens - 1) - mean) < 1e-6, 'it is the mean over the counted positions');
    // The table beside it: the likeliest tokens of the edited run, each with both probabilities.
    const rows = await shown.locator('tbody tr').evaluateAll((lines) => lines.map((line) => [...line.cells].map((cell) => cell.textContent)));
    const edited = rows.filter(([, , now]) => !now.startsWith('≤')).sort((a, b) => Number.parseFloat(b[2]) - Number.parseFloat(a[2]));
    assert.deepEqual(edited.slice(0, 5).map(([word]) => word).sort(), top5.map(([, word]) => word.replace('Ġ', '␣')).sort());
    assert.equal(await part(page, 'error').count(), 0);
  });
}

visit('generates what the reference does', async () => {
  await goTo({});
  const { greedy_text: greedy } = await fairy;
  await part(page, 'generate').getByRole('button', { name: 'Continue' }).click();
  await part(page, 'generate').getByRole('button', { name: 'Use as prompt' }).waitFor();
  assert.equal(await part(page, 'generated').textContent(), greedy);
  assert.equal(await page.evaluate(() => document.body.dataset.state), 'ready');
});

visit('mistakes are told, and nothing is lost', async (t) => {
  await t.test('an empty prompt', async () => {
    await part(page, 'prompt').fill('');
    await part(page, 'error').waitFor();
    assert.match(await text('error'), /prompt is empty|no token/i);
  });
  await t.test('a prompt that is too long: how many tokens, and an offer to cut', async () => {
    const long = 'one two '.repeat(200);
    await part(page, 'prompt').fill(long);
    await page.waitForFunction(() => /256/.test(document.querySelector('[data-testid="error"]')?.textContent ?? ''));
    assert.equal(await part(page, 'prompt').inputValue(), long, 'the prompt is never cut silently');
    await part(page, 'error').getByRole('button', { name: /cut/i }).click();
    await part(page, 'error').waitFor({ state: 'hidden' });
    await ready(page);
    assert.ok((await part(page, 'token').count()) <= 256);
  });
  await t.test('and a good prompt works again', async () => {
    await trace(page, 'Once upon a time');
    await part(page, 'error').waitFor({ state: 'hidden' });
    assert.ok((await part(page, 'token').count()) < 10);
  });
  await t.test('a dead worker', async () => {
    await page.evaluate(() => window.saeExplorer._worker.terminate());
    await trace(page, 'Once upon a time there was');
    await page.waitForFunction(() => document.querySelectorAll('[data-testid="token"]').length > 5);
  });
});

test('all of this without an error in the console', () => {
  assert.deepEqual(page.seen.errors, []);
});
