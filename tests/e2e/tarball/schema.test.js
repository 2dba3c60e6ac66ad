// One schema: results of the package are as its typings declare, and what the program prints is the same, but for names that it keeps
// from before (crates/former).

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { promisify } from 'node:util';

import { root } from '../support/server.js';
import { project, put, runNode } from '../support/tarball.js';

const skip = Number(process.versions.node.split('.')[0]) >= 20 ? false : `the package asks for Node 20, and this is ${process.versions.node}`;
const PROGRAM = process.env.SAE_EXPLORER_PROGRAM ?? join(process.env.CARGO_TARGET_DIR ?? join(root, 'target'), 'debug/sae-explorer');

const TEXT = 'Once upon a time there was a king';
const SOURCE = 'Once upon a time there was a queen';
const SET = 'openai.layer_3';
const LATENT = 903;
const EDIT = `${SET}:${LATENT}=4`;

// What an evaluation adds to the description of an SAE.
const METRICS = ['l0', 'fvu', 'relativeError', 'cosine', 'splicedLoss', 'deltaCe', 'kl', 'positions', 'loss', 'tokens', 'windows', 'windowTokens', 'bosPrepended', 'cautions'];
// Where the program computed, which the package says elsewhere.
const WHERE = ['backend', 'adapter'];

/**
 * Calls of the package as code, with the type of each result; where the program has the same question, its arguments, `part` of what
 * it prints, and the fields that only one of the two has: `unprinted` and `besides`.
 */
const CALLS = {
  trace: { type: 'Trace', call: 'explorer.trace(given.text)', program: ['trace', '--prompt', TEXT, '--sae', 'demo'], unprinted: ['milliseconds'], besides: ['slots', 'features'] },
  effects: { type: 'Effects', call: 'explorer.effects(given.text, { sae: given.set, positions: "3", top: 5 })', program: ['effects', '--prompt', TEXT, '--sae', 'demo', '--set', SET, '--positions', '3'], besides: WHERE },
  patch: { type: 'StreamPatching', call: 'explorer.patchStream(given.text, given.source)', program: ['patch', '--prompt', TEXT, '--source', SOURCE], besides: WHERE },
  generate: { type: 'Generation', call: 'explorer.generate(given.text, { maxTokens: 4 })', program: ['generate', '--prompt', TEXT, '--max-tokens', '4'], besides: [...WHERE, 'tokens'] },
  watched: { type: 'Array<TokenFeatures>', call: 'watched()', program: ['generate', '--prompt', TEXT, '--max-tokens', '4', '--sae', 'demo', '--features'], part: ({ features }) => features },
  feature: { type: 'Feature', call: 'explorer.feature(given.set, given.latent)', program: ['feature', '--sae', 'demo', '--set', SET, '--latent', String(LATENT)], besides: [...WHERE, 'sae', 'hook'] },
  sweep: { type: 'Array<Edited>', call: 'explorer.editBatch(given.text, [[given.edit]])', program: ['sweep', '--prompt', TEXT, '--sae', 'demo', '--edit-target', `${SET}:${LATENT}`, '--values', '4'], part: ({ points }) => points, unprinted: ['tokenLosses', 'klByPosition', 'nextByPosition'], besides: ['value'] },
  saes: { type: 'Array<SaeInfo>', call: 'explorer.info().then(({ saes }) => saes)', program: ['evaluate', '--sae', 'demo'], part: ({ saes }) => saes, unprinted: ['origin'], besides: METRICS },
  edited: { type: 'Edited', call: 'explorer.edited(given.text, given.edit, { logits: true, track: [1] })' },
  info: { type: 'Info', call: 'explorer.info()' },
  matrix: { type: 'Matrix', call: 'explorer.logits("Once")' },
  taps: { type: 'Taps', call: 'explorer.taps(given.text, { names: ["blocks.1.attn.hook_pattern"], logitLens: 2 })' },
  matches: { type: 'Array<Neighbour>', call: 'explorer.matches(given.set, given.latent, "openai.layer_1")' },
  sampleLoss: { type: 'SampleLoss', call: 'explorer.sampleLoss()' },
  tokens: { type: 'Tokenization', call: 'explorer.tokenize("Once")' },
  scanned: { type: 'Scanned', call: 'explorer.scan([new File(["Once upon a time."], "tale.txt")], { sets: [given.set], context: 64 })' },
  evaluated: { type: 'Evaluated', call: 'explorer.evaluate([new File(["Once upon a time there was a king, and he had a daughter."], "tale.txt")], { saes: [given.set], context: 64 })' },
  trained: { type: 'Trained', call: 'explorer.train([new File(["Once upon a time there was a king. ".repeat(40)], "tale.txt")], { hook: "blocks.2.hook_resid_post", latents: 32, k: 2, batch: 32 }).done' },
};

/** The interfaces of a file of typings: name → [field, type, whether it may be left out]. */
function interfaces(typings) {
  const found = [];
  for (const [, name, body] of typings.matchAll(/^export interface (\w+) \{\n(.*?)^\}/gms)) {
    found.push([name, [...body.matchAll(/^ {2}(\w+)(\?)?: (.+);$/gm)].map(([, field, optional, type]) => [field, type, optional === '?'])]);
  }
  return found;
}

/** What contradicts the type, as a list of sentences. Runs where the result is, which has typed arrays. */
function contradictions(value, type, declared) {
  const fields = new Map(declared);
  const check = (value, type, at) => {
    if (type.endsWith(' | null')) return value === null ? [] : check(value, type.slice(0, -7), at);
    const list = /^Array<(.*)>$|^(Float64Array)\[\]$/.exec(type);
    if (list !== null) return Array.isArray(value) ? value.slice(0, 3).flatMap((one, i) => check(one, list[1] ?? list[2], `${at}[${i}]`)) : [`${at} is no array`];
    if (/^\w+Array$/.test(type)) return value instanceof globalThis[type] ? [] : [`${at} is no ${type}`];
    if (!fields.has(type)) return ['number', 'string', 'boolean'].includes(type) && typeof value !== type ? [`${at} is a ${typeof value}, no ${type}`] : [];
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

/** Where a result of the package and what the program printed differ. */
function differences(js, cli, at, { unprinted = [], besides = [] }) {
  const inside = (js, cli, at) => {
    if (typeof js === 'number' && typeof cli === 'number') return Math.abs(js - cli) <= 1e-3 * Math.max(1, Math.abs(js)) ? [] : [`${at}: ${js}, ${cli}`];
    if (Array.isArray(js) && Array.isArray(cli)) return js.length === cli.length ? js.flatMap((one, i) => inside(one, cli[i], `${at}[${i}]`)) : [`${at} has ${js.length} elements, ${cli.length}`];
    if (typeof js !== 'object' || typeof cli !== 'object' || js === null || cli === null) return js === cli || at.endsWith('.adapter') ? [] : [`${at}: ${js}, ${cli}`];
    const missing = Object.keys(js).filter((name) => !(name in cli) && !unprinted.includes(name));
    // A name from before stands beside the field that it was the name of, with the same value.
    const fields = Object.entries({ ...cli.metrics, ...cli });
    const former = new Map(fields.flatMap(([name, value]) => [name, snake(name), ...(name === 'klByPosition' ? ['token_kl'] : [])].map((old) => [old, JSON.stringify(value)])));
    const known = (name) => name in js || besides.includes(name) || (former.get(name) === JSON.stringify(cli[name]) && (name.includes('_') || name in (cli.metrics ?? {})));
    return [
      ...missing.map((name) => `${at}.${name} is not printed`),
      ...Object.keys(cli).filter((name) => !known(name)).map((name) => `${at}.${name} is printed, and the package has no such field`),
      // The one name that means two things, see former.rs.
      ...Object.keys(js).filter((name) => name in cli).flatMap((name) => (name === 'k' && 'slots' in cli ? inside(js.k, cli.slots, `${at}.slots`) : inside(js[name], cli[name], `${at}.${name}`))),
    ];
  };
  return inside(js, cli, at);
}

const snake = (name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

const found = {};
before(async () => {
  if (skip) return;
  const app = await project();
  const declared = interfaces(await readFile(join(app.installed, 'wire.d.ts'), 'utf8'));
  await put(app, 'schema.js', `import { writeFile } from 'node:fs/promises';
import { SaeExplorer } from 'sae-explorer';
const given = JSON.parse(process.argv[2]);
const contradictions = ${contradictions};
const explorer = await SaeExplorer.create({ demo: new URL('demo/demo.json', import.meta.url), backend: 'cpu' });
const watched = async () => {
  const told = [];
  await explorer.generate(given.text, { maxTokens: 4, features: (await explorer.info()).saes.map(({ id }) => id), onFeatures: (one) => told.push(one) });
  return told;
};
try {
  await explorer.loadModel('demo');
  await explorer.loadSae('demo');
  const found = {};
  for (const [name, [type, call, compared]] of Object.entries(given.calls)) {
    const value = await new Function('explorer', 'given', 'watched', 'return ' + call)(explorer, given, watched);
    found[name] = { value: compared ? value : null, wrong: contradictions(value, type, given.declared) };
  }
  await writeFile('found.json', JSON.stringify(found, (_, value) => (ArrayBuffer.isView(value) ? Array.from(value) : value)));
} finally {
  await explorer.dispose();
}
`);
  const calls = Object.fromEntries(Object.entries(CALLS).map(([name, { type, call, program }]) => [name, [type, call, program !== undefined]]));
  const { stderr } = await runNode(app, 'schema.js', [JSON.stringify({ text: TEXT, source: SOURCE, set: SET, latent: LATENT, edit: EDIT, calls, declared })]);
  assert.equal(stderr, '');
  Object.assign(found, JSON.parse(await readFile(join(app.folder, 'found.json'), 'utf8')));
});

for (const [name, { type, program, part = (printed) => printed, ...only }] of Object.entries(CALLS)) {
  test(`${name} is a ${type} as declared${program === undefined ? '' : ', and printed alike'}`, { skip }, async () => {
    const { value, wrong } = found[name];
    assert.deepEqual(wrong, []);
    if (program === undefined) return;
    const { stdout } = await promisify(execFile)(PROGRAM, [...program, '--json', '--backend', 'cpu'], { maxBuffer: 1 << 28 });
    const printed = part(JSON.parse(stdout));
    // Of effects next to nothing, and of tokens that they move next to nothing, the order is left to rounding.
    for (const { effects = [] } of [value, printed]) {
      effects.sort((a, b) => a.latent - b.latent);
      for (const token of effects.flatMap(({ up, down }) => [...up, ...down])) Object.assign(token, { id: 0, text: '' });
    }
    assert.deepEqual(differences(value, printed, name, only), []);
  });
}
