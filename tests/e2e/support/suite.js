// What most files of tests begin with: the site on a server of their own, and a browser, both ended with the file.

import { after } from 'node:test';

import { launch } from './chromium.js';
import { serve } from './server.js';

/** `options` are launch()'s. */
export async function suite(options) {
  const server = await serve();
  let browser;
  after(async () => {
    await browser?.close();
    await server.close();
  });
  browser = await launch(options);
  return { server, browser };
}
