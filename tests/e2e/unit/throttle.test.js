// The slow line of `cargo xtask bench --site`: bytes come whole and in order, and never sooner than the line allows.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { test } from 'node:test';

import { throttle } from '../../bench/throttle.mjs';
import { numbered, same } from './host.js';

const content = numbered(250_000);

test('connections share a line', async (t) => {
  const server = createServer((request, response) => response.end(request.url === '/small' ? 'small' : content));
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
  const line = await throttle(`http://127.0.0.1:${server.address().port}/`, { bitsPerSecond: 8e6, roundTrip: 60 });
  t.after(() => {
    line.close();
    server.closeAllConnections();
    server.close();
  });
  const timed = async (work) => {
    const start = performance.now();
    await work();
    return performance.now() - start;
  };
  const get = async (path) => Buffer.from(await (await fetch(line.address + path)).arrayBuffer());
  // A new connection takes two round trips, one of them for its handshake.
  assert.ok((await timed(() => get('small'))) >= 118);
  const took = await timed(async () => {
    for (const found of await Promise.all([1, 2, 3, 4].map(() => get('large')))) same(found, content);
  });
  assert.ok(took >= 1000, `a million bytes in ${took} ms at a million a second`);
  assert.ok(line.bytes() >= 4 * content.length);
});
