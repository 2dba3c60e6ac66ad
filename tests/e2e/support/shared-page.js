// One site, one browser and one page for all tests of a file.

import { after, before } from 'node:test';

import { openApp, ready } from './app.js';
import { launch } from './chromium.js';
import { withoutAtlas } from './demo.js';
import { serve } from './server.js';

/**
 * Starts them before the first test, and ends them after the last. The site has no atlas: lists rank by the prompt alone. `take` receives them: the order in which Node runs several
 * `before()` of a file is not that in which they stand.
 * @returns {{server: object, browser: object, page: object}} filled in by then
 */
export function sharedPage(take = () => {}) {
  const shared = {};
  before(async () => {
    shared.server = await serve();
    withoutAtlas(shared.server);
    shared.browser = await launch({ webgpu: false });
    shared.page = await openApp(shared.browser, shared.server);
    take(shared);
  });
  after(async () => {
    await shared.browser?.close();
    await shared.server?.close();
  });
  return shared;
}

/** Goes to an address of the page, in a history of its own, and waits until it is settled. */
export async function goToHash({ page, server }, hash) {
  await page.goto('about:blank');
  await page.goto(server.url(hash));
  await ready(page);
}

/** A place of the demo as an address. */
export const demoHash = (parts, more = '') => `#/prompt?${new URLSearchParams({ model: 'demo', ...parts })}${more}`;
