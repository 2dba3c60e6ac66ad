// Results have the fields that pkg/wire.d.ts declares, and no others; options that do not exist are refused by name.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';

import { launch, openBare } from '../support/chromium.js';
import { openDemo } from '../support/parity.js';
import { serve } from '../support/server.js';

/** The interfaces of a file of typings: name → [field, type, whether it may be left out]. */
function interfaces(typings) {
  const found = new Map();
  for (const [, name, body] of typings.matchAll(/^export interface (\w+) \{\n(.*?)^\}/gms)) {
    found.set(name, [...body.matchAll(/^ {2}(\w+)(\?)?: (.+);$/gm)].map(([, field, optional, type]) => [field, type, optional === '?']));
  }
  return found;
}

/** What contradicts the type, as a list of sentences. Runs in the page, where typed arrays are. */
function contradictions(value, type, declared) {
  const fields = new Map(declared);
  const check = (value, type, at) => {
    if (type.endsWith(' | null')) return value === null ? [] : check(value, type.slice(0, -7), at);
    const list = /^Array<(.*)>$/.exec(type);
    if (list !== null) return Array.isArray(value) ? value.slice(0, 3).flatMap((one, i) => check(one, list[1], `${at}[${i}]`)) : [`${at} is no array`];
    if (/^\w+Array$/.test(type)) return value instanceof window[type] ? [] : [`${at} is no ${type}`];
    if (!fields.has(type)) return type === 'number' || type === 'string' || type === 'boolean' ? (typeof value === type ? [] : [`${at} is a ${typeof value}, no ${type}`]) : [];
    if (typeof value !== 'object' || value === null) return [`${at} is no ${type}`];
    const own = fields.get(type);
    const names = own.map(([name]) => name);
    return [
      ...Object.keys(value).filter((name) => !names.includes(name)).map((name) => `${at}.${name} is not declared`),
      ...own.flatMap(([name, of, optional]) => (name in value ? check(value[name], of, `${at}.${name}`) : optional ? [] : [`${at}.${name} is missing`])),
    ];
  };
  return check(value, type, type);
}

let server;
let browser;
let page;
let declared;
before(async () => {
  declared = interfaces(await readFile(new URL('../../../pkg/wire.d.ts', import.meta.url), 'utf8'));
  server = await serve();
  browser = await launch({ webgpu: false });
  page = await openBare(browser, server);
  await openDemo(page, { backend: 'cpu' });
});
after(async () => {
  await browser?.close();
  await server?.close();
});

const CALLS = {
  Trace: 'engine.trace("Once upon a time")',
  'Array<SaeInfo>': 'engine.info().then(({saes}) => saes)',
  Info: 'engine.info()',
  Feature: 'engine.feature("openai.layer_3", 3)',
  'Array<Neighbour>': 'engine.matches("openai.layer_3", 3, "openai.layer_1")',
  Matrix: 'engine.logits("Once")',
  Edited: 'engine.edited("Once upon", {sae: "openai.layer_3", latent: 3, value: 1}, {logits: true})',
  'Array<Edited>': 'engine.editBatch("Once upon", [[{sae: "openai.layer_3", latent: 3, value: 1}]])',
  Taps: 'engine.taps("Once upon", {names: ["blocks.1.attn.hook_pattern"], logitLens: 2})',
  Generation: 'engine.generate("Once", {maxTokens: 2})',
  SampleLoss: 'engine.sampleLoss()',
  Tokenization: 'engine.tokenize("Once")',
};

for (const [type, call] of Object.entries(CALLS)) {
  test(`${type} is as declared`, async () => {
    const wrong = await page.evaluate(
      async ({ call, type, declared, source }) => {
        const contradictions = new Function(`return ${source}`)();
        return contradictions(await new Function('engine', `return ${call}`)(window.engine), type, declared);
      },
      { call, type, declared: [...declared], source: contradictions.toString() },
    );
    assert.deepEqual(wrong, []);
  });
}

test('an option that does not exist, or is missing, or wrong, is named', async () => {
  for (const [call, option] of [
    ['engine.trace("a", {topLogit: 3})', 'topLogit'],
    ['engine.trace("a", {bos: "maybe"})', 'bos'],
    ['engine.tokenize("a", {saes: []})', 'saes'],
    ['engine.edited("a", {sae: "openai.layer_3", latent: 0, value: 0, position: [1]})', 'position'],
    ['engine.taps("a", {name: []})', 'name'],
    ['engine.generate("a", {maxTokens: 1, topk: 3})', 'topk'],
    ['engine.generate("a", {})', 'maxTokens'],
  ]) {
    const found = await page.evaluate((call) => new Function('engine', `return ${call}`)(window.engine).then(() => null, ({ code, message, details }) => ({ code, message, details })), call);
    assert.equal(found?.code, 'bad-option', call);
    assert.equal(found.details.option, option, `${call}: ${found.message}`);
    assert.match(found.message, new RegExp(option), call);
  }
});
