// Articles of another site than that of the figures in them.

import { createServer } from 'node:http';

import { newPage, watched } from './chromium.js';

/**
 * A host of articles, with a policy that allows the figures' site its script and frames alone. `text`: what stands in the article.
 * `host`: another name than the site's makes it another site for browsers.
 */
export async function serveArticles(site, host = '127.0.0.1') {
  const state = { text: '', policy: null };
  const server = createServer((request, response) => {
    const { origin } = new URL(site.url(''));
    response.setHeader('content-type', 'text/html; charset=utf-8');
    response.setHeader('content-security-policy', state.policy ?? `default-src 'none'; script-src ${origin}; frame-src ${origin}; img-src data:`);
    response.end(`<!doctype html><html lang="en"><title>article</title><link rel="icon" href="data:,"><body><main><h1>An article</h1>${state.text}</main>`);
  });
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
  return Object.assign(state, { url: `http://${host}:${server.address().port}/`, close: () => server.close() });
}

/** The script of a site's figures. */
export const scriptOf = (site) => `<script type="module" src="${site.url('sae-explorer.js')}"></script>`;

/** Opens an article in a context of its own, and notes the events of its figures. `patience`: that of the element, in milliseconds. */
export async function openArticle(t, browser, article, text, { patience = null } = {}) {
  const page = await newPage(browser, { viewport: { width: 900, height: 900 } });
  t.after(() => page.context().close());
  return showArticle(page, article, text, patience);
}

/** The same in a page of a context that there is. */
export async function openArticleIn(t, context, article, text) {
  const page = await watched(await context.newPage());
  t.after(() => page.close());
  return showArticle(page, article, text);
}

async function showArticle(page, article, text, patience = null) {
  article.text = text;
  await page.addInitScript(() => {
    window.told = [];
    for (const event of ['ready', 'trace', 'select', 'error']) {
      addEventListener(event, ({ target, detail }) => target.localName === 'sae-explorer' && window.told.push([target.id, event, detail]), { capture: true });
    }
  });
  await page.addInitScript((given) => {
    if (given !== null) customElements.whenDefined('sae-explorer').then((element) => (element.patience = given));
  }, patience);
  await page.goto(article.url);
  return page;
}

/** Waits for an event of a figure, and gives its detail. */
export async function told(page, id, event, from = 0) {
  const found = await page.waitForFunction(([one, name, first]) => window.told.slice(first).find(([figure, told]) => figure === one && told === name), [id, event, from]);
  return (await found.jsonValue())[2];
}

export const frame = (page, id) => page.frameLocator(`#${id} >> iframe`);
export const inFrame = (page, id, name) => frame(page, id).locator(`[data-testid=${name}]`);

/** The document of a figure. */
export async function frameOf(page, id) {
  return (await page.locator(`#${id} >> iframe`).elementHandle()).contentFrame();
}
