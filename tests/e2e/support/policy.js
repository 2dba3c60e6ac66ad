// The headers that a host of the site should send, as `xtask/src/policy.rs` makes them of index.html; a browser test holds the
// two against each other.

import { readFile } from 'node:fs/promises';

/** @returns {Promise<{documents: string, workers: string}>} of the page at a path */
export async function policyOf(path) {
  const [, documents] = /http-equiv="Content-Security-Policy"[^>]*content="([^"]*)"/.exec(await readFile(path, 'utf8'));
  return { documents, workers: documents.replace(/connect-src [^;]*/, "connect-src 'self' https: http:") };
}
