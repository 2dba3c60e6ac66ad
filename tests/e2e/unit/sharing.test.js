// Several who share an engine: what is loaded alike is there once, and everybody sees their own.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Caller } from '../../../pkg/callers.js';
import { SaeExplorerError } from '../../../pkg/errors.js';
import { Sharing, keyOf } from '../../../pkg/sharing.js';

/** An engine that notes what it was told. */
function played() {
  const noted = { loads: [], unloaded: [], view: undefined };
  const engine = { lookAt: (ids) => (noted.view = ids), unloadSae: (id) => noted.unloaded.push(id) };
  const sharing = new Sharing(() => engine);
  let id = 0;
  const somebody = () => {
    const caller = new Caller({ postMessage() {} });
    /** A call that has its turn at once. */
    const ask = async (method, args, work = () => {}) => {
      const call = caller.begin(++id, method, args);
      sharing.enter(call);
      try {
        return await sharing.run(call, work);
      } finally {
        sharing.exit(call);
      }
    };
    const loads = (method, args, info) => ask(method, args, async (claim) => {
      claim?.(info.id);
      noted.loads.push(info.id);
      return info;
    });
    return {
      caller,
      ask,
      start: (args = { backend: 'cpu' }) => loads('start', args, { id: 'engine' }),
      model: (source, options) => loads('loadModel', { source, ...options }, { id: source.folder ?? 'demo' }),
      sae: (one, source = { folder: one }) => loads('loadSae', { source, id: one }, { id: one }),
      unload: (one) => ask('unloadSae', { id: one }),
      trace: (work = () => 'traced') => ask('trace', {}, work),
    };
  };
  return { noted, sharing, somebody };
}

async function two() {
  const all = played();
  const [one, other] = [all.somebody(), all.somebody()];
  for (const somebody of [one, other]) {
    await somebody.start();
    await somebody.model({ folder: 'm' });
  }
  return { ...all, one, other };
}

test('what two load alike is loaded once, and each sees what it has loaded itself', async () => {
  const { noted, one, other } = await two();
  await one.sae('a');
  await other.sae('b');
  await other.sae('a');
  assert.deepEqual(noted.loads, ['engine', 'm', 'a', 'b']);
  await one.trace();
  assert.deepEqual(noted.view, ['a']);
  await other.trace();
  assert.deepEqual(noted.view, ['a', 'b']);
});

test('what one unloads the other keeps, and what nobody has goes', async () => {
  const { noted, sharing, one, other } = await two();
  for (const somebody of [one, other]) await somebody.sae('a');
  await one.sae('b');
  await one.unload('a');
  assert.deepEqual(noted.unloaded, []);
  await one.trace();
  assert.deepEqual(noted.view, ['b']);
  await other.unload('a');
  assert.deepEqual(noted.unloaded, ['a']);
  sharing.leave(one.caller);
  assert.deepEqual(noted.unloaded, ['a']);
  sharing.sweep();
  assert.deepEqual(noted.unloaded, ['a', 'b']);
});

test('what cannot be there beside what others have is refused; alone it can', async () => {
  const { sharing, one, other } = await two();
  await one.sae('a', { folder: 'x' });
  const shared = { code: 'engine-shared' };
  await assert.rejects(other.model({ folder: 'another' }), shared);
  await assert.rejects(other.model({ folder: 'm' }, { prependBos: true }), shared);
  await assert.rejects(other.sae('a', { folder: 'y' }), shared);
  await assert.rejects(other.start({ backend: 'gpu' }), shared);
  sharing.leave(one.caller);
  assert.equal((await other.model({ folder: 'another' })).id, 'another');
  await assert.rejects(one.trace(), { code: 'no-model' });
});

test('a model of the same files is loaded again by one who is alone', async () => {
  const { noted, sharing, one, other } = await two();
  sharing.leave(other.caller);
  await one.model({ folder: 'm' });
  assert.deepEqual(noted.loads, ['engine', 'm', 'm']);
});

test('files of one\u2019s own are never alike', async () => {
  const { one, other } = await two();
  const source = { parts: { weights: { blob: new Blob(['x']) } } };
  assert.equal(keyOf({ source }), null);
  await one.sae('mine', source);
  await assert.rejects(other.sae('mine', source), { code: 'engine-shared' });
});

test('the demo\u2019s SAEs are the same all at once and one by one', async () => {
  const { noted, one, other } = await two();
  await one.ask('loadSae', { source: { demo: true } }, async () => [{ id: 'a' }, { id: 'b' }]);
  await other.ask('loadSae', { source: { demo: true, only: 'b' } }, () => assert.fail('it is there'));
  await other.trace();
  assert.deepEqual(noted.view, ['b']);
});

test('a load that one gives up goes on for the others, and is not let go of before they have it', async () => {
  const { noted, sharing, one, other } = await two();
  const args = { source: { folder: 'a' }, id: 'a' };
  const call = one.caller.begin(901, 'loadSae', args);
  const waiting = other.caller.begin(902, 'loadSae', args);
  for (const each of [call, waiting]) sharing.enter(each);
  assert.deepEqual(sharing.alike(call), [call, waiting]);
  let loaded;
  const running = sharing.run(call, () => new Promise((resolve) => (loaded = resolve)));
  one.caller.leave(call, { code: 'cancelled' });
  sharing.exit(call);
  loaded({ id: 'a' });
  await running;
  sharing.sweep();
  assert.deepEqual(noted.unloaded, []);
  await sharing.run(waiting, () => assert.fail('it is there'));
  sharing.exit(waiting);
  sharing.leave(other.caller);
  sharing.sweep();
  assert.deepEqual(noted.unloaded, ['a']);
});

test('after a lost device everybody learns of it once, and who comes first starts another', async () => {
  const { noted, one, other, somebody } = await two();
  const lost = () => {
    throw new SaeExplorerError('device-lost', 'gone');
  };
  await assert.rejects(one.trace(lost), { code: 'device-lost' });
  await assert.rejects(other.trace(), { code: 'device-lost' });
  const again = somebody();
  await again.start();
  await again.model({ folder: 'm' });
  assert.deepEqual(noted.loads, ['engine', 'm', 'engine', 'm']);
  assert.equal(await again.trace(), 'traced');
  await assert.rejects(other.trace(), { code: 'device-lost' });
});
