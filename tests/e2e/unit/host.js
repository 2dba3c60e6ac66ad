// What the tests that read files have in common: a host, and a file whose bytes tell where they are from.

import assert from 'node:assert/strict';
import { after, beforeEach } from 'node:test';

import { serveHub } from '../support/hub.js';

/** A host for the tests of one file, which behaves again before each of them. */
export async function freshHub() {
  const hub = await serveHub();
  after(() => hub.close());
  beforeEach(() => {
    hub.rules = [];
    hub.requests.length = 0;
    hub.offline = false;
  });
  return hub;
}

/** Content of which no two parts are alike. */
export function numbered(size) {
  const bytes = Buffer.alloc(size);
  for (let at = 0; at + 4 <= size; at += 4) bytes.writeUInt32LE((at * 2_654_435_761) >>> 0, at);
  return bytes;
}

export const same = (bytes, expected) => assert.ok(Buffer.from(bytes).equals(expected), 'other bytes than the file has');
