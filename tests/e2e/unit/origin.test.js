// Where what was loaded came from, so that others can load the same: repository, commit and hash; and what the catalogue pins.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { beforeEach, test } from 'node:test';

import { readAll } from '../../../pkg/byte-sources.js';
import { catalogueModel, catalogueSae, checkCatalogue } from '../../../pkg/catalogue.js';
import { Files } from '../../../pkg/files.js';
import { parseLink } from '../../../pkg/hub.js';
import { modelFiles, saeFiles } from '../../../pkg/load.js';
import { fromLink } from '../../../pkg/offers.js';
import { Verifier } from '../../../pkg/verify.js';
import { PAIR_CFG, PT, below, gpt2, saelens, shardedGpt2, zeros } from '../support/layouts.js';
import { installFakeCaches } from './fake-cache.js';
import { connections } from './fetcher.js';
import { freshHub, same } from './host.js';

const ONE = '1'.repeat(40);
const TWO = '2'.repeat(40);
const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');
const large = (fill) => zeros({ 'wte.weight': [400, 8], 'wpe.weight': [16, 8] }).fill(fill, 200);

const hub = await freshHub();
beforeEach(() => {
  installFakeCaches();
  hub.repos.clear();
  hub.files.clear();
});

const means = () => {
  const files = new Files(assert.fail, { waits: [1], connections: connections() });
  return { files, mirror: hub.origin, device: { backend: 'cpu', deviceBytes: 0, memoryBudget: 1e9 }, open: (file) => files.open(file) };
};
const weightsOf = async ({ weights, pt }) => readAll([weights ?? pt].flat()[0]);

/** A repository whose main branch moves from one commit to another. */
function moving(options = {}) {
  const at = (fill) => gpt2({ 'model.safetensors': large(fill) });
  hub.repo('a/b', at(1), { ...options, revision: 'v1', commit: ONE });
  hub.repo('a/b', at(2), { ...options, commit: TWO });
  return { one: large(1), two: large(2) };
}

test('what is loaded from a repository tells its commit and the hash of its weights', async () => {
  const { one, two } = moving();
  const loaded = await modelFiles({ repo: 'a/b' }, means());
  assert.deepEqual(loaded.origin, { repository: 'a/b', revision: 'main', commit: TWO, path: '', url: hub.url(`a/b/tree/${TWO}`), sha256: sha256(two) });
  same(await weightsOf(loaded), two);
  assert.ok(hub.asked().slice(1).every((path) => path.includes(TWO)), 'all of it was asked for at the commit');
  // The commit is what a link carries: it gives the same weights, whatever main is at.
  hub.repo('a/b', gpt2({ 'model.safetensors': large(3) }), { commit: '3'.repeat(40) });
  for (const source of [{ repo: 'a/b', revision: TWO }, { folder: loaded.origin.url }]) {
    const again = await modelFiles(source, means());
    assert.deepEqual([again.origin.commit, again.origin.revision, again.origin.sha256], [TWO, TWO, sha256(two)]);
    same(await weightsOf(again), two);
  }
  hub.requests.length = 0;
  const old = await modelFiles({ repo: 'a/b', revision: 'v1' }, means());
  assert.deepEqual([old.origin.commit, old.origin.revision], [ONE, 'v1']);
  same(await weightsOf(old), one);
});

test('a commit needs not be asked for, and any path of it is found again by its url', async () => {
  hub.repo('a/saes', { ...below('x y/layer_0', saelens()), 'deep/one.pt': PT, 'deep/one_cfg.json': PAIR_CFG }, { commit: ONE });
  const folder = await saeFiles({ repo: 'a/saes', revision: ONE, path: 'x y/layer_0' }, means());
  assert.deepEqual(hub.asked()[0], `api/models/a/saes/tree/${ONE}`);
  assert.deepEqual([folder.origin.path, folder.origin.commit, folder.origin.url], ['x y/layer_0', ONE, hub.url(`a/saes/tree/${ONE}/x%20y/layer_0`)]);
  const file = await saeFiles({ repo: 'a/saes', path: 'deep/one.pt' }, means());
  assert.deepEqual([file.origin.path, file.origin.url, file.origin.sha256], ['deep/one.pt', hub.url(`a/saes/blob/${ONE}/deep/one.pt`), undefined], 'a small file has no SHA-256 in the list');
  for (const { origin } of [folder, file]) assert.deepEqual(parseLink(origin.url, hub.origin), { repo: 'a/saes', revision: ONE, path: origin.path });
});

test('a mirror that tells no commit is asked by the revision, and what its answers tell counts', async () => {
  moving({ api: false });
  const listed = await modelFiles({ repo: 'a/b' }, means());
  assert.deepEqual([listed.origin.commit, listed.origin.url], [TWO, hub.url(`a/b/tree/${TWO}`)]);
  installFakeCaches();
  moving({ api: false, listing: false });
  const unlisted = await modelFiles({ repo: 'a/b' }, means());
  assert.deepEqual([unlisted.origin.commit, unlisted.origin.sha256], [TWO, undefined]);
  hub.repo('a/plain', gpt2());
  const plain = await modelFiles({ repo: 'a/plain' }, means());
  assert.deepEqual([plain.origin.commit, plain.origin.url], [null, hub.url('a/plain/tree/main')]);
  hub.repo('a/sae', below('s', saelens()), { commit: ONE, api: false, listing: false });
  assert.equal((await saeFiles({ repo: 'a/sae', path: 's' }, means())).origin.commit, ONE);
});

test('without its host the commit is the one that is stored', async () => {
  const { two } = moving();
  await weightsOf(await modelFiles({ repo: 'a/b' }, means()));
  await new Promise((resume) => setTimeout(resume, 20));
  const first = means();
  const source = (await modelFiles({ repo: 'a/b' }, first)).weights[0];
  await readAll(source);
  await source.close();
  await first.files.store.behind.flush();
  hub.offline = true;
  const again = await modelFiles({ repo: 'a/b' }, means());
  assert.deepEqual([again.origin.commit, again.origin.sha256], [TWO, sha256(two)]);
  same(await weightsOf(again), two);
});

test('an address has no commit, and its query is not told', async () => {
  for (const [path, content] of Object.entries(below('plain', { ...gpt2(), ...below('sae', saelens()) }))) hub.put(path, content);
  const address = hub.url('plain/').replace('127.0.0.1', 'localhost');
  const { origin } = await modelFiles({ folder: `${address}?key=secret` }, means());
  assert.deepEqual(origin, { repository: null, revision: null, commit: null, path: '/plain', url: address.slice(0, -1) });
  assert.equal((await saeFiles({ url: `${address}sae` }, means())).origin.url, `${address}sae`);
});

test('weights in parts, files and the demo have no hash or no origin', async () => {
  hub.repo('a/parts', shardedGpt2(), { commit: ONE });
  const { origin } = await modelFiles({ repo: 'a/parts' }, means());
  assert.deepEqual([origin.commit, 'sha256' in origin], [ONE, false]);
  const file = (name, content) => ({ name, path: name, blob: new Blob([Buffer.isBuffer(content) ? content : JSON.stringify(content)]) });
  assert.equal((await modelFiles({ files: Object.entries(gpt2()).map(([name, content]) => file(name, content)) }, means())).origin, undefined);
});

test('looking at a link names the revision as it was given', async () => {
  moving();
  assert.deepEqual((await fromLink('a/b', means())).models[0].source, { repo: 'a/b', revision: 'main', path: '' });
  assert.deepEqual((await fromLink(`a/b@${ONE}`, means())).models[0].source, { repo: 'a/b', revision: ONE, path: '' });
});

const MODEL = { id: 'm', name: 'M', repo: 'a/b', licence: 'MIT', layers: 2, dModel: 8, vocab: 4, context: 16, bytes: 100 };
const SAE = { id: 's', name: 'S', model: 'm', repo: 'a/saes', path: 'layer_{L}', layers: [0, 1], hook: 'blocks.{L}.hook_resid_post', licence: 'MIT', dIn: 8, dSae: 32, bytes: 100 };
const checked = (model, sae = SAE) => checkCatalogue({ models: [{ ...MODEL, ...model }], saes: [{ ...SAE, ...sae }] }, 'catalogue.json');
const HASH = `sha256-${'a'.repeat(64)}`;

test('an entry can pin a revision and the hashes of its files', () => {
  const catalogue = checked({ revision: ONE, hashes: { 'model.safetensors': HASH } }, { revision: TWO, hashes: { 'layer_1/cfg.json': HASH } });
  assert.deepEqual(catalogueModel(catalogue, 'm').source, { repo: 'a/b', revision: ONE, path: '', hashes: { 'model.safetensors': HASH } });
  assert.deepEqual(catalogueSae(catalogue, { catalogue: 's', layer: 1 }).source, { repo: 'a/saes', revision: TWO, path: 'layer_1', hashes: { 'layer_1/cfg.json': HASH } });
  // A shared link's commit goes before the revision, and the hashes hold all the same.
  assert.deepEqual(catalogueModel(catalogue, 'm', TWO).source, { repo: 'a/b', revision: TWO, path: '', hashes: { 'model.safetensors': HASH } });
  assert.equal(catalogueSae(catalogue, { catalogue: 's', layer: 1, revision: ONE }).source.revision, ONE);
  assert.deepEqual(catalogueModel(checked({}), 'm').source, { repo: 'a/b', revision: 'main', path: '' });
});

test('pins that are none are refused by what is wrong with them', () => {
  const cases = [
    [{ revision: 7 }, /"revision" of m/],
    [{ revision: '' }, /"revision" of m/],
    [{ hashes: [] }, /"hashes" of m/],
    [{ hashes: null }, /"hashes" of m/],
    [{ hashes: { x: 'a'.repeat(64) } }, /m gives x the hash "a+", which must be "sha256-"/],
    [{ hashes: { x: `sha256-${'A'.repeat(64)}` } }, /m gives x/],
    [{ hashes: { x: 7 } }, /m gives x the hash 7/],
  ];
  for (const [changes, message] of cases) assert.throws(() => checked(changes), { code: 'bad-file', message });
  assert.throws(() => checkCatalogue({ mirror: 'hf-mirror', models: [], saes: [] }, 'x'), { code: 'bad-file', message: /mirror/ });
});

test('a file that its host lists with another hash than the catalogue is refused before it is asked for', async () => {
  const { two } = moving();
  const pins = (hash) => ({ repo: 'a/b', revision: TWO, path: '', hashes: { 'model.safetensors': `sha256-${hash}` } });
  same(await weightsOf(await modelFiles(pins(sha256(two)), means())), two);
  hub.requests.length = 0;
  await assert.rejects(modelFiles(pins('b'.repeat(64)), means()), (error) => {
    assert.deepEqual([error.code, error.details.expected, error.details.found], ['bad-file', 'b'.repeat(64), sha256(two)]);
    assert.match(error.message, /model\.safetensors is not the file that the catalogue names: 127\.0\.0\.1:\d+ lists it with/);
    return true;
  });
  assert.ok(hub.asked().every((path) => !path.endsWith('.safetensors')));
});

test('a small file with a pinned hash is checked before it is used, from a mirror without a list as well', async () => {
  for (const listing of [true, false]) {
    hub.repo('a/sae', below('s', saelens()), { commit: ONE, listing });
    const source = (hash) => ({ repo: 'a/sae', revision: ONE, path: 's', hashes: { 's/cfg.json': `sha256-${hash}` } });
    const right = sha256(JSON.stringify(saelens()['cfg.json']));
    assert.ok((await saeFiles(source(right), means())).cfg.length > 0);
    await assert.rejects(saeFiles(source('c'.repeat(64)), means()), { code: 'bad-file', message: /cfg\.json is not the file that the catalogue names: its SHA-256 is [0-9a-f]{64}, not c{64}/ });
  }
});

test('a large file that was stored before its hash was pinned is not taken for it', async () => {
  const { two } = moving({ listing: false });
  const load = async (hashes) => {
    const given = means();
    const { weights: [source] } = await modelFiles({ repo: 'a/b', revision: TWO, hashes }, given);
    await readAll(source);
    await source.close();
    await given.files.store.behind.flush();
    return source;
  };
  assert.equal((await load()).origin, 'network');
  assert.equal((await load()).origin, 'cache');
  const pinned = await load({ 'model.safetensors': `sha256-${sha256(two)}` });
  assert.deepEqual([pinned.origin, pinned.entry.sha256], ['network', sha256(two)]);
  assert.equal((await load({ 'model.safetensors': `sha256-${sha256(two)}` })).origin, 'cache');
});

test('what a host calls a commit and is none is not told', async () => {
  hub.repo('a/odd', gpt2(), { commit: 'not a commit', api: true, listing: false });
  assert.equal((await modelFiles({ repo: 'a/odd' }, means())).origin.commit, null);
});

test('a large file with a pinned hash is checked once it is stored, and not kept where it is another one', async () => {
  moving({ listing: false });
  for (const [hash, expected] of [[sha256(large(2)), []], ['d'.repeat(64), ['wrong-content']]]) {
    installFakeCaches();
    const notices = [];
    const newHash = () => {
      const hashing = createHash('sha256');
      return { update: (bytes) => hashing.update(bytes), finish: () => hashing.digest('hex') };
    };
    const verifier = new Verifier({ newHash, turn: async () => {}, onNotice: (notice) => notices.push(notice) });
    const { weights: [source] } = await modelFiles({ repo: 'a/b', revision: TWO, hashes: { 'model.safetensors': `sha256-${hash}` } }, means());
    await readAll(source);
    await source.close();
    verifier.add(source.entry);
    for (let turn = 0; turn < 200 && !source.entry.verified && notices.length === 0; turn += 1) await new Promise((resume) => setTimeout(resume, 5));
    assert.deepEqual(notices.map(({ code }) => code), expected);
    if (expected.length > 0) assert.match(notices[0].message, /model\.safetensors is not the file that the catalogue names/);
    else assert.ok(source.entry.verified);
  }
});
