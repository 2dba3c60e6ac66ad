// One job at a time, and each of them can be stopped.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Queue } from '../../../pkg/queue.js';

test('jobs run one after another, also after one that failed', async () => {
  const queue = new Queue(assert.fail);
  const order = [];
  const job = (name, fails) => async () => {
    order.push(`${name} begins`);
    await new Promise(setImmediate);
    order.push(`${name} ends`);
    if (fails) throw new Error(name);
    return name;
  };
  const results = await Promise.allSettled([queue.add(1, 'a', job('a', true)), queue.add(2, 'b', job('b', false))]);
  assert.deepEqual(order, ['a begins', 'a ends', 'b begins', 'b ends']);
  assert.deepEqual(results.map(({ status }) => status), ['rejected', 'fulfilled']);
});

test('a waiting job is taken out, a running one is told to stop, a finished one is left alone', async () => {
  let stops = 0;
  const queue = new Queue(() => (stops += 1));
  const running = queue.add(1, 'running', (signal) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))));
  const waiting = queue.add(2, 'waiting', assert.fail);
  queue.cancel(2);
  await assert.rejects(waiting, { code: 'cancelled', message: /waiting/ });
  assert.equal(stops, 0);
  queue.cancel(1);
  await assert.rejects(running, { code: 'cancelled', message: /running/ });
  assert.equal(stops, 1);
  queue.cancel(1);
  assert.equal(stops, 1);
});
