// The package in Node, installed from its tarball: the README's example, the reference's numbers, and what fails as it should.

import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';

import { FIXTURES, ptFile } from '../support/demo.js';
import { DEMO_SAES, assertFound } from '../support/parity.js';
import { example } from '../support/readme.js';
import { root, serve } from '../support/server.js';
import { project, put, runNode } from '../support/tarball.js';

// The other tests run in older ones, too.
const skip = Number(process.versions.node.split('.')[0]) >= 20 ? false : `the package asks for Node 20, and this is ${process.versions.node}`;

const app = await project();

/** Runs a script with the demo's explorer in it as `explorer`; what it gives back as JSON is the result. */
async function inNode(body, given = null) {
  await put(app, 'script.js', `import { SaeExplorer, SaeExplorerError } from 'sae-explorer';
const given = JSON.parse(process.argv[2]);
const notices = [];
const explorer = await SaeExplorer.create({ demo: new URL('demo/demo.json', import.meta.url), onNotice: ({ code }) => notices.push(code) });
const fault = (promise) => promise.then((value) => ({ resolved: String(value) }), (error) => ({ known: error instanceof SaeExplorerError, code: error.code, message: error.message }));
try {
  console.log(JSON.stringify(await (async () => { ${body} })()));
} finally {
  await explorer.dispose();
}
`);
  const { stdout, stderr } = await runNode(app, 'script.js', [JSON.stringify(given)]);
  assert.equal(stderr, '');
  return JSON.parse(stdout);
}

test("the README's example for Node runs as it stands", { skip }, async () => {
  await put(app, 'example.js', example('In Node', 'js'));
  const { stdout, stderr } = await runNode(app, 'example.js');
  assert.equal(stderr, '');
  const [loss, ...tokens] = stdout.trimEnd().split('\n');
  assert.match(loss, /^loss \d+\.\d+$/);
  assert.ok(tokens.length > 5, stdout);
  for (const line of tokens.slice(1)) assert.match(line, / strongest latent \d+ \d/);
  assert.match(tokens.at(-1), /^ king strongest/);
});

test('every fixture, on the device that "auto" takes', { skip }, async (t) => {
  const server = await serve();
  t.after(() => server.close());
  const found = await inNode(`
  globalThis.document = { baseURI: given.base };
  const { compare } = await import(given.parity);
  await explorer.loadModel('demo');
  await explorer.loadSae('demo');
  const compared = {};
  for (const name of given.names) compared[name] = await compare(explorer, name, given.saes, false);
  const { backend } = await explorer.info();
  return { compared, backend, notices };`, { base: server.url(''), parity: pathToFileURL(join(root, 'tests/e2e/page/parity.js')).href, names: FIXTURES, saes: DEMO_SAES });
  assert.equal(found.backend, 'cpu');
  // In JSON NaN is null, which no limit allows.
  assert.deepEqual(Object.keys(found.compared), FIXTURES);
  for (const name of FIXTURES) assertFound(name, found.compared[name], { every: false });
  assert.ok(found.notices.includes('no-webgpu'), found.notices.join());
});

test('a model and an SAE by their addresses on disk', { skip }, async () => {
  const found = await inNode(`
  await explorer.loadModel('demo');
  const { loss } = await explorer.trace('Once upon a time', { bos: 'yes' });
  const model = await explorer.loadModel(new URL('demo/model/', import.meta.url));
  const sae = await explorer.loadSae(given, { hook: 'blocks.3.hook_resid_post', id: 'own' });
  const again = await explorer.trace('Once upon a time', { bos: 'yes', saes: ['own'] });
  return { loss, again: again.loss, l0: again.saes[0].metrics.l0, url: sae.origin.url };`, pathToFileURL(ptFile(3)).href);
  assert.ok(found.loss > 0 && found.again === found.loss && found.l0 > 0, JSON.stringify(found));
  assert.match(found.url, /^file:.*layer_3\.pt$/);
});

test('a text is scanned, in a thread of its own', { skip }, async () => {
  const found = await inNode(`
  await explorer.loadModel('demo');
  await explorer.loadNeurons('blocks.3.hook_resid_post');
  const scanned = await explorer.scan([new File(['Once upon a time there was a king.'], 'tale.txt')], { context: 64 });
  return { tokens: scanned.tokens, files: scanned.files.length };`);
  assert.ok(found.tokens > 5 && found.files > 0, JSON.stringify(found));
});

test('files on disk: missing ones are named, and only chosen folders are read', { skip }, async () => {
  const server = await serve();
  await writeFile(join(app.folder, 'secret.json'), '{}');
  const file = (path) => ({ path: pathToFileURL(join(app.folder, path)).href, bytes: 2 });
  server.files.set('demo.json', Buffer.from(JSON.stringify({ id: 'd', name: 'D', bos: true, saes: [], model: { config: file('secret.json'), weights: file('secret.json'), tokenizer: file('secret.json') } })));
  const found = await inNode(`
  const missing = await fault(explorer.loadModel(new URL('none/', import.meta.url)));
  const other = await SaeExplorer.create({ demo: given.demo });
  const list = await fault(other.loadModel('demo'));
  await other.dispose();
  const unreachable = await fault(explorer.loadModel(given.nowhere));
  return { missing, list, unreachable };`, { demo: server.url('demo.json'), nowhere: 'http://127.0.0.1:1/gpt2/' }).finally(() => server.close());
  assert.deepEqual([found.missing.known, found.missing.code], [true, 'missing-file'], JSON.stringify(found.missing));
  assert.match(found.missing.message, /config\.json is missing: file:/);
  assert.equal(found.list.code, 'not-chosen', JSON.stringify(found.list));
  assert.equal(found.unreachable.code, 'network', JSON.stringify(found.unreachable));
  assert.match(found.unreachable.message, /127\.0\.0\.1:1.*(ECONNREFUSED|bad port)/);
});

test('the element can be imported where there are no elements', { skip }, async () => {
  await put(app, 'element.js', "import { SaeExplorerElement } from 'sae-explorer/element';\nconsole.log(SaeExplorerElement.site);\n");
  const { stdout, stderr } = await runNode(app, 'element.js');
  assert.deepEqual([stdout.trim(), stderr], ['null', '']);
});

test('a thread that ends costs a reload, and nothing else', { skip }, async () => {
  const found = await inNode(`
  await explorer.loadModel('demo');
  const first = await explorer.trace('Once upon a time');
  const ended = new Promise((resolve) => explorer._worker.addEventListener('error', resolve));
  explorer._worker.terminate();
  await ended;
  const second = await explorer.trace('Once upon a time');
  return { same: second.loss === first.loss, loss: first.loss, notices };`);
  assert.ok(found.same && found.loss > 0, JSON.stringify(found));
  assert.ok(found.notices.includes('worker-died'), found.notices.join());
});
