// The page without a network, its installation as an app, and the change from one version to the next.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { STILL, latents, openApp, openLibrary, openPrompt, part, picture, ready, serious, trace } from '../support/app.js';
import { frame, frameOf, openArticle, openArticleIn, scriptOf, serveArticles, told } from '../support/article.js';
import { launch, newPage } from '../support/chromium.js';
import { SAES, manifest } from '../support/demo.js';
import { serveHub } from '../support/hub.js';
import { asset, dist, serve } from '../support/server.js';
import { offlineList, publish } from '../support/versions.js';

let browser;
before(async () => {
  browser = await launch({ webgpu: false });
});
after(() => browser?.close());

/** A site of a test's own. */
async function site(t) {
  const server = await serve();
  t.after(() => server.close());
  return server;
}

/** The page of a site, ended with its test. */
async function open(t, server, options) {
  const page = await openApp(browser, server, options);
  t.after(() => page.context().close());
  return page;
}

const line = (page, word) => part(page, 'offline', `[data-offline="${word}"]`);

/** Waits until the page says in the library that all is stored. */
async function stored(page) {
  await openLibrary(page);
  await line(page, 'whole').waitFor();
}

/** What a person sees of the prompt: its tokens, and the features of the selected one. */
const seen = async (page) => ({ tokens: await part(page, 'token').allInnerTexts(), latents: await latents(page) });
const version = (page) => page.evaluate(() => document.documentElement.dataset.version);
const mark = (page) => page.evaluate(() => getComputedStyle(document.documentElement).getPropertyValue('--version').trim());
const update = (page) => page.evaluate(async () => void (await (await navigator.serviceWorker.getRegistration()).update()));
const caches = (page) => page.evaluate(async () => (await globalThis.caches.keys()).filter((name) => name.startsWith('sae-explorer-app')));

/** Waits until the site has a service worker of a state. */
const workerOf = (page, state) => page.evaluate(async (name) => {
  while ((await navigator.serviceWorker.getRegistration())?.[name]?.state === undefined) await new Promise((later) => setTimeout(later, 50));
}, state);

/** Ids of the models in the library's catalogue. */
const offered = (page) => part(page, 'catalogue-model').evaluateAll((models) => models.map(({ dataset }) => dataset.model));

/** Waits for a page of a version, whose first prompt is traced. */
async function running(page, wanted) {
  await page.waitForFunction((one) => document.documentElement.dataset.version === one, wanted);
  await ready(page);
}

test('after one visit the page opens without a network and traces', async (t) => {
  const server = await serve();
  let begin;
  server.rules.push({ match: /^sw\.js$/, hold: new Promise((resolve) => (begin = resolve)) });
  const page = await open(t, server);
  const first = await seen(page);
  assert.ok(first.latents.length > 0);
  await trace(page, 'The wolf ran into the wood');
  const second = await seen(page);
  // What somebody has looked at in the atlas is there again, too: on the first visit it came before the service worker did.
  await page.getByRole('link', { name: 'Features', exact: true }).click();
  await part(page, 'browse-row').first().waitFor();
  const rows = await part(page, 'browse-row').allInnerTexts();
  begin();
  await stored(page);
  await server.close();
  await page.context().setOffline(true);

  await page.reload();
  await line(page, 'whole').waitFor();
  await page.goto('about:blank');
  await page.goto(server.url(''));
  await ready(page);
  assert.deepEqual(await seen(page), first);
  await trace(page, 'The wolf ran into the wood');
  assert.deepEqual(await seen(page), second);
  await page.getByRole('link', { name: 'Features', exact: true }).click();
  await part(page, 'browse-row').first().waitFor();
  assert.deepEqual(await part(page, 'browse-row').allInnerTexts(), rows);

  // Another route by its address, with code that no visit has requested yet.
  const { app } = (await offlineList()).site;
  assert.ok(app.some(([path]) => path === asset('graph-view.js')));
  await page.goto('about:blank');
  await page.goto(server.url('?backend=cpu#/circuits/live'));
  await part(page, 'circuits', '[data-recorded="true"]').waitFor();
  await page.evaluate(async (path) => void (await import(new URL(path, document.baseURI))), asset('graph-view.js'));
  assert.deepEqual(page.seen.errors.filter((error) => !/net::ERR_|no picture|WebGL/.test(error)), []);
});

test('a model of another host that was loaded once is there without a network', async (t) => {
  const server = await serve();
  const hub = await serveHub();
  const files = await Promise.all(['config.json', 'model.safetensors', 'tokenizer.json'].map(async (name) => [name, await readFile(join(dist, 'demo/model', name))]));
  hub.repo('tiny/model', Object.fromEntries(files));
  const page = await open(t, server);
  const load = (mirror) => page.evaluate(async (address) => {
    await window.saeExplorer.setMirror(address);
    const { models: [{ source }] } = await window.saeExplorer.fromLink('tiny/model');
    await window.saeExplorer.loadModel(source);
    const { tokens } = await window.saeExplorer.trace('The wolf ran into the wood');
    return tokens.map(({ id, loss }) => [id, loss]);
  }, mirror);
  const before = await load(hub.origin);
  await stored(page);
  await Promise.all([server.close(), hub.close()]);
  await page.context().setOffline(true);
  await page.goto('about:blank');
  await page.goto(server.url(''));
  await ready(page);
  assert.deepEqual(await load(hub.origin), before);
});

test('a second visit requests neither page nor code, and learns of another demo', async (t) => {
  const server = await site(t);
  const page = await open(t, server);
  await stored(page);
  server.requests.length = 0;
  const again = await page.context().newPage();
  await again.goto(server.url(''));
  await ready(again);
  const code = server.requests.filter((one) => /^GET (assets|index)/.test(one));
  assert.deepEqual(code, []);
  assert.ok(server.requests.includes('GET demo/demo.json'));
  assert.deepEqual(server.requests.filter((one) => /^GET .*safetensors/.test(one)), []);
});

test('the page says which part of the demo is missing for that', async (t) => {
  const server = await site(t);
  const last = manifest.saes.at(-1);
  server.rules.push({ match: new RegExp(`^demo/${last.weights.path}$`), status: 404 });
  const page = await open(t, server, { context: STILL });
  await openLibrary(page);
  await line(page, 'parts').waitFor();
  const said = await part(page, 'offline').innerText();
  assert.deepEqual(SAES.filter((id) => said.includes(id)), [last.id], said);
  assert.doesNotMatch(said, /the model/);
});

test('a new version waits while the page runs, and comes with Reload; weights stay', async (t) => {
  const server = await site(t);
  const page = await open(t, server, { context: STILL });
  await stored(page);
  const old = await version(page);
  assert.equal(old, (await offlineList()).site.version);
  const [before] = await caches(page);
  await openPrompt(page);
  await part(page, 'prompt').fill('The wolf ran');
  await ready(page);

  server.requests.length = 0;
  const next = await publish(server, 'two');
  const catalogue = JSON.parse(await readFile(join(dist, 'catalogue.json'), 'utf8'));
  server.files.set('catalogue.json', Buffer.from(JSON.stringify({ ...catalogue, models: [] })));
  await update(page);
  await part(page, 'update').locator('p').waitFor();
  assert.deepEqual(await serious(page), []);
  await picture(page, 'offline-update');

  // The page is what it was, and so is all that it requests from here on, although the server has something else.
  assert.deepEqual([await version(page), await mark(page)], [old, '']);
  await trace(page, 'The wolf ran into the wood');
  const features = await seen(page);
  const answers = await page.evaluate(async (style) => {
    const text = async (path) => (await (await fetch(path)).text()).length;
    return { style: await text(style), models: (await (await fetch('catalogue.json')).json()).models.length };
  }, asset('style.css'));
  assert.deepEqual(answers, { style: (await readFile(join(dist, asset('style.css')), 'utf8')).length, models: catalogue.models.length });
  await openLibrary(page);
  await part(page, 'catalogue-model').first().waitFor();
  await openPrompt(page);

  // What was typed the moment before is not lost.
  await part(page, 'prompt').fill('The wolf ran into the wood and');
  await part(page, 'update-now').click();
  await running(page, next.version);
  assert.equal(await mark(page), 'two');
  assert.equal(await part(page, 'prompt').inputValue(), 'The wolf ran into the wood and');
  await trace(page, 'The wolf ran into the wood');
  assert.deepEqual(await seen(page), features);
  await openLibrary(page);
  await line(page, 'whole').waitFor();
  assert.deepEqual((await offered(page)).filter((id) => catalogue.models.some((one) => one.id === id)), []);
  assert.equal(await part(page, 'update').locator('p').count(), 0);
  // The new style alone was downloaded, and of the weights nothing.
  const code = server.requests.filter((one) => one.startsWith('GET assets/'));
  assert.deepEqual(code, [`GET ${next.style}`]);
  const weights = server.requests.filter((one) => /^GET .*\.(safetensors|pt)$/.test(one));
  assert.deepEqual(weights, []);
  // The old version went when nobody used it any more.
  await page.waitForFunction(async (name) => !(await globalThis.caches.keys()).includes(name), before);
  assert.deepEqual(page.seen.errors.filter((error) => !/404/.test(error)), []);
});

test('a reload by the browser begins the new version, too', async (t) => {
  const server = await site(t);
  const page = await open(t, server);
  await stored(page);
  const next = await publish(server, 'two');
  await update(page);
  await part(page, 'update').locator('p').waitFor();
  await page.reload();
  await running(page, next.version);
  assert.equal(await mark(page), 'two');
  await page.reload();
  await running(page, next.version);
});

test('while another page runs, both keep their version', async (t) => {
  const server = await site(t);
  const page = await open(t, server);
  await stored(page);
  const old = await version(page);
  const other = await page.context().newPage();
  await other.goto(server.url(''));
  await ready(other);
  const next = await publish(server, 'two');
  await update(page);
  await part(page, 'update').locator('p').waitFor();
  await part(other, 'update').locator('p').waitFor();
  await part(page, 'update-now').click();
  await part(page, 'note').getByText('1 other page').waitFor();
  await page.reload();
  await ready(page);
  assert.deepEqual([await version(page), await version(other)], [old, old]);
  await other.close();
  await part(page, 'update-now').click();
  await running(page, next.version);
});

test('figures of an article keep their version while another one comes, and those that are added are of it, too', async (t) => {
  const server = await site(t);
  const article = await serveArticles(server);
  t.after(() => article.close());
  const figures = (count) => Array.from({ length: count }, (_, index) => `<sae-explorer id="f${index}" prompt="The wolf ran"></sae-explorer>`).join('');
  const page = await openArticle(t, browser, article, scriptOf(server) + figures(1));
  await told(page, 'f0', 'ready');
  const first = await frameOf(page, 'f0');
  const own = await version(first);
  await workerOf(first, 'active');
  const next = await publish(server, 'figures');
  await update(first);
  await workerOf(first, 'waiting');

  // The one that is there goes on, and one that a script adds, or that is put in again, is of the same version.
  await page.evaluate(() => (document.querySelector('#f0').prompt = 'Once upon a time'));
  await page.waitForFunction(() => window.told.some(([, event, detail]) => event === 'trace' && detail.prompt === 'Once upon a time'));
  await page.evaluate(() => {
    document.querySelector('#f0').insertAdjacentHTML('afterend', '<sae-explorer id="f1" prompt="The wolf ran"></sae-explorer>');
    document.querySelector('#f1').scrollIntoView();
  });
  await told(page, 'f1', 'ready');
  const second = await frameOf(page, 'f1');
  assert.deepEqual([await version(second), await mark(second)], [own, '']);
  const modules = (of) => of.evaluate(() => [...document.querySelectorAll('script[src], link[rel=stylesheet]')].map(({ src, href }) => src ?? href));
  assert.deepEqual(await modules(second), await modules(first));

  // When nobody has it open any more, the next article is of one version, whichever that is, and soon of the new one.
  const context = page.context();
  await page.goto('about:blank');
  let seen;
  for (let again = 0; again < 3 && seen !== next.version; again += 1) {
    const later = await openArticleIn(t, context, article, scriptOf(server) + figures(2));
    const found = [];
    for (const id of ['f0', 'f1']) {
      await later.locator(`#${id}`).scrollIntoViewIfNeeded();
      await told(later, id, 'ready');
      await frame(later, id).locator('body[data-state="ready"]').waitFor();
      const figure = await frameOf(later, id);
      found.push([await version(figure), (await mark(figure)) === 'figures']);
    }
    assert.deepEqual(found[0], found[1]);
    [seen] = found[0];
    assert.equal(found[0][1], seen === next.version, 'style and page are of one version');
    await later.goto('about:blank');
  }
  assert.equal(seen, next.version);
});

test('a version that is not there as a whole is not begun', async (t) => {
  const server = await site(t);
  const page = await open(t, server);
  await stored(page);
  const old = await version(page);
  const next = await publish(server, 'two');
  // The page of another version under way: its style is not what the list says.
  const style = server.files.get(next.style);
  server.files.set(next.style, style.subarray(0, style.length - 9));
  await page.evaluate(async () => {
    const registration = await navigator.serviceWorker.getRegistration();
    registration.addEventListener('updatefound', () => {
      const worker = registration.installing;
      worker.addEventListener('statechange', () => (window.ended = worker.state));
    });
    await registration.update();
  });
  await page.waitForFunction(() => window.ended === 'redundant');
  assert.equal(await part(page, 'update').locator('p').count(), 0);
  await page.reload();
  await line(page, 'whole').waitFor();
  assert.equal(await version(page), old);
  server.files.set(next.style, style);
  await update(page);
  await part(page, 'update-now').click();
  await running(page, next.version);
});

test('what a site’s owner changes by hand is seen, and stored', async (t) => {
  const server = await site(t);
  const page = await open(t, server);
  await stored(page);
  const catalogue = JSON.parse(await readFile(join(dist, 'catalogue.json'), 'utf8'));
  server.files.set('catalogue.json', Buffer.from(JSON.stringify({ ...catalogue, models: catalogue.models.slice(0, 1) })));
  const left = async () => {
    await page.goto('about:blank');
    await page.goto(server.url('#/library'));
    await line(page, 'whole').waitFor();
    return (await offered(page)).filter((id) => catalogue.models.some((one) => one.id === id));
  };
  const [{ id }] = catalogue.models;
  assert.deepEqual(await left(), [id]);
  await page.context().setOffline(true);
  await server.close();
  assert.deepEqual(await left(), [id]);
});

for (const [what, init, said] of [
  ['is denied', () => (navigator.serviceWorker.register = () => Promise.reject(new DOMException('storage is off', 'SecurityError'))), /storage is off/],
  ['throws when it is looked at', () => Object.defineProperty(Navigator.prototype, 'serviceWorker', { get() { throw new DOMException('no cookies here', 'SecurityError'); } }), /no cookies here/],
  ['is missing', () => Object.defineProperty(Navigator.prototype, 'serviceWorker', { value: undefined }), /has no service workers/],
]) {
  test(`where the browser’s service worker ${what}, the page works as it does without one`, async (t) => {
    const server = await site(t);
    const page = await newPage(browser);
    t.after(() => page.context().close());
    await page.addInitScript(init);
    await page.goto(server.url(''));
    await ready(page);
    await trace(page, 'The wolf ran into the wood');
    assert.ok((await latents(page)).length > 0);
    await openLibrary(page);
    await line(page, 'denied').waitFor();
    assert.match(await part(page, 'offline').innerText(), said);
    assert.deepEqual(page.seen.errors, []);
    assert.deepEqual(server.requests.filter((one) => one.includes('sw.js')), []);
  });
}

test('where a file cannot be stored, the page says so and works; the next visit tries again', async (t) => {
  const server = await site(t);
  const path = asset('scan-engine.wasm');
  server.files.set(path, Buffer.from('not the engine'));
  const page = await open(t, server);
  await openLibrary(page);
  await line(page, 'denied').waitFor();
  server.files.delete(path);
  await page.reload();
  await line(page, 'whole').waitFor();
});

test('nothing is requested from another origin, and the service worker cannot', async (t) => {
  const server = await site(t);
  const stranger = await serveHub();
  t.after(() => stranger.close());
  stranger.put('secret', 'x');
  const page = await open(t, server);
  await stored(page);
  // Now the weights come while the service worker is there, which leaves them to the package.
  await page.evaluate(() => window.saeExplorer.deleteStored('all'));
  server.requests.length = 0;
  await page.goto('about:blank');
  await page.goto(server.url(''));
  await ready(page);
  await stored(page);
  assert.ok(server.requests.includes('GET demo/model/model.safetensors'));
  const [worker] = page.context().serviceWorkers();
  assert.equal(worker.url(), server.url('sw.js'));
  const found = await worker.evaluate((url) => fetch(url).then(({ status }) => status, ({ name }) => name), stranger.url('secret'));
  assert.equal(found, 'TypeError');
  assert.deepEqual(stranger.requests, []);
  const others = page.seen.requests.filter((url) => !url.startsWith(server.origin) && !/^(data|blob):/.test(url));
  assert.deepEqual(others, []);
  // What was stored is of the list, the demo's, or the package's own.
  const kept = await page.evaluate(async () => {
    const names = (await globalThis.caches.keys()).filter((name) => name !== 'sae-explorer-v2');
    return (await Promise.all(names.map(async (name) => (await (await globalThis.caches.open(name)).keys()).map(({ url }) => url)))).flat();
  });
  const { site: list } = await offlineList();
  const listed = new Set([...list.app.map(([one]) => one), ...list.beside, ...list.data].map((one) => server.url(one)));
  assert.deepEqual(kept.filter((url) => !listed.has(url)), []);
  assert.ok(![...listed].some((url) => /safetensors/.test(url)));
});

test('the page can be installed as an app', async (t) => {
  const server = await site(t);
  const page = await open(t, server);
  await stored(page);
  const session = await page.context().newCDPSession(page);
  const { url, errors, data } = await session.send('Page.getAppManifest');
  assert.equal(url, server.url('manifest.webmanifest'));
  assert.deepEqual(errors, []);
  const { icons, start_url: start } = JSON.parse(data);
  assert.equal(new URL(start, url).href, server.url(''));
  const sizes = await page.evaluate(async (addresses) => Promise.all(addresses.map(async (address) => {
    const image = new Image();
    image.src = address;
    await image.decode();
    return `${image.naturalWidth}x${image.naturalHeight}`;
  })), icons.map(({ src }) => new URL(src, url).href));
  for (const [index, { sizes: stated }] of icons.entries()) assert.ok(stated === 'any' || stated === sizes[index], JSON.stringify(icons[index]));
  const { installabilityErrors } = await session.send('Page.getInstallabilityErrors');
  // A context of a test is a private window, where nothing is installed.
  assert.deepEqual(installabilityErrors.map(({ errorId }) => errorId).filter((id) => id !== 'in-incognito'), []);
});
