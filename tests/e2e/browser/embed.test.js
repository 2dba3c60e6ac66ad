// Figures in articles of another site: the element, the frame, and what the page gives to authors.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { openApp, part, picture, serious } from '../support/app.js';
import { frame, inFrame, openArticle, scriptOf, serveArticles, told } from '../support/article.js';
import { engines, launch, newPage } from '../support/chromium.js';
import { recorded } from '../support/demo.js';
import { dist, serve } from '../support/server.js';

let site;
let browser;
let article;
before(async () => {
  site = await serve({ prefix: '/tools/' });
  browser = await launch({ webgpu: false });
  article = await serveArticles(site);
});
after(async () => {
  await browser?.close();
  await site?.close();
  article?.close();
});

const script = () => scriptOf(site);
const open = (t, text, patience = null) => openArticle(t, browser, article, text, { patience });

test('three figures of an article are live, tell what they show, and follow their attributes', async (t) => {
  const page = await open(t, `${script()}
    <sae-explorer id="one" model="demo" prompt="The wolf ran" view="prompt" theme="dark"></sae-explorer>
    <sae-explorer id="two" view="next-token" token="3"></sae-explorer>
    <sae-explorer id="three" view="feature"></sae-explorer>`);
  const first = await told(page, 'one', 'trace');
  assert.deepEqual([first.prompt, first.tokens.slice(1).join(''), first.recorded], ['The wolf ran', 'The wolf ran', false]);
  assert.ok(first.loss > 0);
  assert.equal((await told(page, 'one', 'ready')).model, 'demo');
  assert.equal(await inFrame(page, 'one', 'figure').getAttribute('data-figure'), 'prompt');
  assert.ok((await inFrame(page, 'one', 'feature-row').count()) > 0);
  assert.equal(await frame(page, 'one').locator('.top').count(), 0, 'the page has no frame of its own in an article');
  assert.equal(await frame(page, 'one').locator('html').evaluate((root) => getComputedStyle(root).colorScheme), 'dark');

  const second = await told(page, 'two', 'trace');
  assert.equal(second.prompt, recorded.prompt.text);
  assert.equal((await told(page, 'two', 'select')).token, 3);
  await inFrame(page, 'three', 'feature-panel').waitFor();

  // A reader's selection is an event; what a script sets is shown, by the same document.
  const heard = await page.evaluate(() => window.told.length);
  await inFrame(page, 'one', 'token').nth(2).click();
  assert.equal((await told(page, 'one', 'select', heard)).token, 2);
  await frame(page, 'one').locator('body').evaluate((body) => (body.dataset.same = 'yes'));
  const changed = await page.evaluate(() => {
    const from = window.told.length;
    document.querySelector('#one').prompt = 'Once upon a time';
    return from;
  });
  assert.equal((await told(page, 'one', 'trace', changed)).prompt, 'Once upon a time');
  assert.equal(await frame(page, 'one').locator('body').getAttribute('data-same'), 'yes');
  // The frame is as high as what it shows.
  await page.waitForFunction(() => {
    const { shadowRoot } = document.querySelector('#one');
    return Number(shadowRoot.querySelector('iframe').height) !== 480;
  });
  await picture(page, 'embed');
  assert.deepEqual(await page.evaluate(() => window.told.filter(([, event]) => event === 'error')), []);
  assert.deepEqual(page.seen.errors, []);
});

test('a figure leaves no steps in the article\u2019s history, and its links lead out of it', async (t) => {
  const page = await open(t, `${script()}<sae-explorer id="one" prompt="The wolf ran"></sae-explorer>`);
  await told(page, 'one', 'ready');
  const before = await page.evaluate(() => history.length);
  await inFrame(page, 'one', 'token').nth(1).click();
  await inFrame(page, 'one', 'token').nth(2).click();
  await inFrame(page, 'one', 'token').and(frame(page, 'one').locator('[data-index="2"][aria-selected="true"]')).waitFor();
  assert.equal(await page.evaluate(() => history.length), before);
  const [other] = await Promise.all([page.context().waitForEvent('page'), inFrame(page, 'one', 'figure-page').click()]);
  await other.waitForURL(/#\/prompt\?.*token=2/);
  assert.match(other.url(), /prompt=The\+wolf\+ran/);
});

test('what the author put inside stands until there is something live, and stays with a reason where there is not', async (t) => {
  let release;
  site.rules = [{ match: /^index\.html$/, hold: new Promise((resolve) => (release = resolve)) }];
  const page = await open(t, `${script()}<sae-explorer id="one"><p id="still">A picture</p></sae-explorer>`);
  await page.waitForFunction(() => document.querySelector('#one').shadowRoot?.querySelector('iframe') !== null);
  assert.ok(await page.locator('#still').isVisible());
  release();
  await told(page, 'one', 'trace');
  await page.locator('#still').waitFor({ state: 'hidden' });

  site.rules = [{ match: /model\/config\.json$/, status: 404 }, { match: /recorded\.json$/, status: 404 }];
  const failing = await open(t, `${script()}<sae-explorer id="one"><p id="still">A picture</p></sae-explorer>`);
  const { message } = await told(failing, 'one', 'error');
  assert.match(message, /config\.json/);
  assert.ok(await failing.locator('#still').isVisible());
  assert.ok(await failing.getByText(message).first().isVisible());
  site.rules = [];
});

test('attributes that cannot be are said; the figure that was shown stays', async (t) => {
  const page = await open(t, `${script()}${script()}<sae-explorer id="one" colour="red" prompt="The wolf ran"></sae-explorer>`);
  assert.match((await told(page, 'one', 'error')).message, /no attribute colour/);
  await told(page, 'one', 'trace');
  const from = await page.evaluate(() => {
    const figure = document.querySelector('#one');
    figure.setAttribute('view', 'nothing');
    return window.told.length;
  });
  assert.match((await told(page, 'one', 'error', from)).message, /view="nothing".*prompt, feature, next-token, steer, graph/);
  assert.ok((await inFrame(page, 'one', 'token').count()) > 0);
  const again = await page.evaluate(() => {
    document.querySelector('#one').setAttribute('prompt', 'x'.repeat(30000));
    document.querySelector('#one').setAttribute('view', 'prompt');
    return window.told.length;
  });
  assert.match((await told(page, 'one', 'error', again)).message, /30000 characters are more than 20000/);
});

test('a figure that is taken out and put in again goes on where it was, and leaves nothing behind', async (t) => {
  const page = await open(t, `${script()}<sae-explorer id="one" prompt="The wolf ran"></sae-explorer>`);
  await told(page, 'one', 'ready');
  const workers = await engines(browser);
  for (let round = 1; round <= 3; round += 1) {
    await inFrame(page, 'one', 'token').nth(round).click();
    await inFrame(page, 'one', 'token').and(frame(page, 'one').locator(`[data-index="${round}"][aria-selected="true"]`)).waitFor();
    const from = await page.evaluate(() => {
      const figure = document.querySelector('#one');
      const parent = figure.parentNode;
      figure.remove();
      parent.append(figure);
      return window.told.length;
    });
    assert.equal((await told(page, 'one', 'trace', from)).prompt, 'The wolf ran');
    await told(page, 'one', 'ready', from);
    assert.equal(await inFrame(page, 'one', 'token').and(frame(page, 'one').locator('[aria-selected="true"]')).getAttribute('data-index'), String(round));
  }
  assert.equal(await page.evaluate(() => document.querySelector('#one').shadowRoot.querySelectorAll('iframe').length), 1);
  assert.deepEqual(await engines(browser), workers);
});

test('a hundred rounds of taking a figure out and putting it in leave no worker and no frame behind', async (t) => {
  const page = await open(t, `${script()}<sae-explorer id="one" prompt="The wolf ran"></sae-explorer>`);
  await told(page, 'one', 'ready');
  const [workers, frames] = [await engines(browser), page.frames().length];
  assert.ok(frames > 1);
  assert.deepEqual(workers, { shared: 1, own: 0 });
  const from = await page.evaluate(async () => {
    const figure = document.querySelector('#one');
    const parent = figure.parentNode;
    for (let round = 0; round < 100; round += 1) {
      figure.remove();
      const heard = window.told.length;
      parent.append(figure);
      // A part of them get as far as to start workers.
      if (round % 10 === 9) while (!window.told.slice(heard).some(([, event]) => event === 'trace')) await new Promise((done) => setTimeout(done, 20));
      else await new Promise((done) => setTimeout(done, 10));
    }
    figure.remove();
    parent.append(figure);
    return window.told.length;
  });
  await told(page, 'one', 'ready', from);
  assert.deepEqual([await engines(browser), page.frames().length], [workers, frames]);
  assert.deepEqual(page.seen.errors, []);
});

test('parts that the author hides are not there', async (t) => {
  const page = await open(t, `${script()}<sae-explorer id="one" prompt="The wolf ran" hide="text, facts"></sae-explorer>`);
  await told(page, 'one', 'ready');
  assert.ok((await inFrame(page, 'one', 'token').count()) > 0);
  assert.equal(await inFrame(page, 'one', 'prompt').count(), 0);
  assert.equal(await inFrame(page, 'one', 'liveness').count(), 0);
});

/** Opens an article with a figure that cannot run, and gives the sentence that stands below what the author put inside. */
async function still(t, { policy = null, text = '', patience } = {}) {
  article.policy = policy;
  t.after(() => (article.policy = null));
  const page = await open(t, `${script()}<sae-explorer id="one"${text}><p id="still">A picture</p></sae-explorer>`, patience);
  const { code, message } = await told(page, 'one', 'error');
  assert.ok(await page.locator('#still').isVisible());
  assert.ok(await page.getByText(message).first().isVisible());
  const height = await page.evaluate(() => document.querySelector('#one').shadowRoot.querySelector('iframe').getBoundingClientRect().height);
  assert.equal(height, 0, 'no gap where the figure would be');
  return { code, message };
}

test('where the article forbids the frame, what the author put inside stays with the reason', async (t) => {
  const { origin } = site;
  const { code, message } = await still(t, { policy: `default-src 'none'; script-src ${origin}` });
  assert.equal(code, 'forbidden');
  assert.ok(message.includes(`frame-src ${origin}`), message);
});

test('where WebAssembly is forbidden in the frame, the same', async (t) => {
  const before = site.policy;
  t.after(() => (site.policy = before));
  site.policy = { ...before, documents: before.documents.replace(" 'wasm-unsafe-eval'", '') };
  const { code, message } = await still(t);
  assert.equal(code, 'not-started');
  assert.match(message, /wasm.*did not load or run/);
});

test('where the article is sandboxed without an origin, the same', async (t) => {
  const { origin } = site;
  const { code, message } = await still(t, { policy: `sandbox allow-scripts; default-src 'none'; script-src ${origin}; frame-src ${origin}` });
  assert.equal(code, 'not-started');
  assert.match(message, /sandboxed without an origin/);
});

test('where an old page is left and its files are gone, the same', async (t) => {
  site.rules = [{ match: /^assets\/boot-/, status: 404 }];
  t.after(() => (site.rules = []));
  const { code, message } = await still(t);
  assert.equal(code, 'not-started');
  assert.match(message, /boot-.*did not load/);
});

test('a frame that is sandboxed with its origin is a figure, without one it says what is missing', async (t) => {
  const address = `${site.url('index.html')}#/embed/prompt?prompt=The+wolf+ran`;
  const page = await open(t, `<iframe id="with" sandbox="allow-scripts allow-same-origin" src="${address}"></iframe><iframe id="without" sandbox="allow-scripts" src="${address}"></iframe>`);
  await page.frameLocator('#with').locator('body[data-state="ready"]').waitFor();
  assert.match(await page.frameLocator('#without').locator('[data-testid=error]').innerText(), /sandboxed without an origin.*allow-scripts allow-same-origin/);
});

test('where the site does not answer, or is none, the same', async (t) => {
  const { origin } = site;
  const nowhere = 'http://127.0.0.1:9';
  for (const address of [nowhere, `${origin}/fixtures/`]) {
    const { code, message } = await still(t, { policy: `default-src 'none'; script-src ${origin}; frame-src ${origin} ${nowhere}`, text: ` site="${address}"`, patience: 300 });
    assert.equal(code, 'no-answer');
    assert.ok(message.includes(address), message);
  }
});

test('of two scripts in an article the first counts, and the console says which', async (t) => {
  const other = await serve({ prefix: '/other/' });
  t.after(() => other.close());
  const element = await readFile(join(dist, 'sae-explorer.js'), 'utf8');
  assert.ok(element.includes('`0.1.0`') || element.includes('"0.1.0"'));
  other.files.set('sae-explorer.js', Buffer.from(element.replace(/([`"])0\.1\.0\1/, '"9.9.9"')));
  const { origin } = site;
  const second = other.url('sae-explorer.js');
  article.policy = `default-src 'none'; script-src ${origin} ${other.origin}; frame-src ${origin} ${other.origin}; img-src data:`;
  t.after(() => (article.policy = null));
  const page = await newPage(browser);
  t.after(() => page.context().close());
  const warned = [];
  page.on('console', (message) => message.type() === 'warning' && warned.push(message.text()));
  // The same script by two addresses is one.
  article.text = `${script()}<script type="module" src="${site.url('sae-explorer.js?again')}"></script><script type="module" src="${second}"></script><sae-explorer id="one"></sae-explorer>`;
  await page.goto(article.url);
  await frame(page, 'one').locator('body[data-state="ready"]').waitFor();
  const said = warned.filter((text) => text.includes('<sae-explorer>'));
  assert.equal(said.length, 1, warned.join('\n'));
  assert.match(said[0], /twice.*version 0\.1\.0.*came first.*9\.9\.9.*not used/);
  assert.ok(said[0].includes(site.url('')) && said[0].includes(other.url('')), said[0]);
  assert.ok((await page.evaluate(() => document.querySelector('#one').address)).startsWith(site.url('index.html#')));
  assert.deepEqual(page.seen.errors, []);
});

test('messages of others are no events of a figure', async (t) => {
  const page = await open(t, `${script()}<sae-explorer id="one" prompt="The wolf ran"></sae-explorer>`);
  await told(page, 'one', 'trace');
  const heard = await page.evaluate(() => window.told.length);
  await page.evaluate(() => window.postMessage({ from: 'sae-explorer', event: 'error', detail: { message: 'not of a figure' } }, '*'));
  await page.evaluate(() => new Promise((done) => setTimeout(done)));
  assert.equal(await page.evaluate(() => window.told.length), heard);
});

for (const [form, name] of [['element', 'one'], ['iframe', 'two']]) {
  test(`what the page copies as an ${form} shows the same in an article`, async (t) => {
    const source = await openApp(browser, site, { path: '#/prompt?prompt=The+wolf+ran&token=2', context: { permissions: ['clipboard-read', 'clipboard-write'] } });
    t.after(() => source.context().close());
    const tokens = await part(source, 'token').allInnerTexts();
    const latent = await part(source, 'feature-panel').getAttribute('data-latent');
    if (form === 'element') await part(source, 'copy-embed').click();
    else {
      await source.keyboard.press('Control+k');
      await part(source, 'find-field').fill('copy embed iframe');
      await part(source, 'find-hit').first().waitFor();
      await source.keyboard.press('Enter');
    }
    await part(source, 'note').getByText('Copied').waitFor();
    const copied = await source.evaluate(() => navigator.clipboard.readText());
    const page = await open(t, copied.replace('<sae-explorer', `<sae-explorer id="${name}"`));
    const figure = page.frameLocator(form === 'element' ? `#${name} >> iframe` : 'iframe');
    await figure.locator('body[data-state="ready"]').waitFor();
    assert.deepEqual(await figure.locator('[data-testid=token]').allInnerTexts(), tokens);
    assert.equal(await figure.locator('[data-testid=token][aria-selected="true"]').getAttribute('data-index'), '2');
    assert.match(await figure.locator('[data-testid=figure-page]').getAttribute('href'), new RegExp(`feature=${latent}`));
  });
}

test('the example of an article in the site has three figures', async (t) => {
  const page = await newPage(browser, { viewport: { width: 900, height: 900 } });
  t.after(() => page.context().close());
  await page.goto(site.url('embed.html'));
  for (const view of ['prompt', 'next-token', 'feature']) {
    await page.locator(`#${view}`).scrollIntoViewIfNeeded();
    await inFrame(page, view, 'figure').and(frame(page, view).locator(`[data-figure="${view}"]`)).waitFor();
    await frame(page, view).locator('body[data-state="ready"]').waitFor();
  }
  assert.equal(await page.getByText('Stands here until the figure is there.', { exact: true }).isVisible(), false);
  assert.deepEqual(await serious(page), []);
  assert.deepEqual(page.seen.errors, []);
});

test('a figure by itself passes axe, wide and narrow', async (t) => {
  for (const view of ['prompt', 'feature', 'next-token', 'steer', 'graph']) {
    const page = await openApp(browser, site, { path: `#/embed/${view}?prompt=The+wolf+ran`, context: { viewport: { width: 390, height: 700 } } });
    t.after(() => page.context().close());
    await part(page, 'figure').waitFor();
    assert.deepEqual(await serious(page), [], view);
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${view} is wider than its frame`);
    await picture(page, `embed-${view}`);
  }
});

test('figures of one article download the weights once', async (t) => {
  site.requests.length = 0;
  const page = await open(t, `${script()}<sae-explorer id="one"></sae-explorer><sae-explorer id="two" view="next-token"></sae-explorer>`);
  await told(page, 'one', 'ready');
  await page.locator('#two').scrollIntoViewIfNeeded();
  await told(page, 'two', 'ready');
  const weights = site.requests.filter((one) => /^GET demo\/model\/.*\.safetensors$/.test(one));
  assert.deepEqual(weights, ['GET demo/model/model.safetensors']);
});
