// The package from its tarball in a browser: the README's examples as they stand there, and the reference's numbers from its modules,
// from its bundles, and from an application that Vite has built.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';

import { newPage, openBare } from '../support/chromium.js';
import { FIXTURES } from '../support/demo.js';
import { assertParity } from '../support/parity.js';
import { example } from '../support/readme.js';
import { dist, root } from '../support/server.js';
import { suite } from '../support/suite.js';
import { project, put, viteBuild, withoutVite } from '../support/tarball.js';

const app = await project();
const [FIXTURE] = FIXTURES;

const { server, browser } = await suite({ webgpu: false });

test('the example of the README for a page without a bundler', async () => {
  server.folders.set('plain/pkg/', app.installed);
  server.folders.set('plain/demo/', join(dist, 'demo'));
  const html = example('Use', 'html');
  const finished = html.replace('await explorer.dispose();', "await explorer.dispose();\n  document.title = 'finished';");
  assert.notEqual(finished, html);
  server.files.set('plain/index.html', Buffer.from(`<!doctype html><html lang="en"><link rel="icon" href="data:,">${finished}`));
  const page = await newPage(browser);
  const said = [];
  page.on('console', (message) => said.push(message.text()));
  server.requests.length = 0;
  await page.goto(server.url('plain/index.html'));
  await page.waitForFunction(() => document.title === 'finished');
  // There is no catalogue beside the package, and nothing that the example does needs one.
  assert.deepEqual(page.seen.errors.filter((text) => !text.includes('404')), []);
  assert.deepEqual(server.requests.filter((one) => !/ plain\/(index\.html|catalogue\.json|pkg\/|demo\/)/.test(one)), []);
  const all = said.join('\n');
  for (const expected of [/^engine \d/m, /^model \d/m, /^sae \d/m, / king strongest latent \d+ \d/, /^loss \d.* with the reconstruction \d/m, /^pushes up /m]) {
    assert.match(all, expected);
  }
});

for (const [entry, others] of [['index.js', ['worker.js', 'fetcher.js', 'engine.js']], ['sae-explorer.bundle.js', ['worker.bundle.js', 'fetcher.bundle.js']]]) {
  test(`the package as it is published, from ${entry}`, async () => {
    server.folders.set('package/', app.installed);
    const page = await openBare(browser, server);
    server.requests.length = 0;
    const found = await page.evaluate(async (name) => {
      const at = (path) => new URL(path, document.baseURI);
      const { SaeExplorer: Explorer, SaeExplorerError } = await import(at(`package/${name}`));
      window.engine = await Explorer.create({ backend: 'cpu', demo: at('demo/demo.json'), catalogue: at('catalogue.json') });
      await engine.loadModel('demo');
      await engine.loadSae('demo');
      const error = await engine.feature('none', 0).catch((thrown) => thrown);
      return { known: error instanceof SaeExplorerError, code: error.code, name: error.name };
    }, entry);
    assert.deepEqual(found, { known: true, code: 'unknown-sae', name: 'SaeExplorerError' });
    await assertParity(page, FIXTURE, { every: false });
    await page.evaluate(() => engine.dispose());
    const asked = server.requests.map((one) => one.replace('GET ', '')).filter((path) => path.startsWith('package/'));
    for (const name of [entry, ...others, 'engine_bg.wasm']) assert.ok(asked.includes(`package/${name}`), `${name} of ${asked}`);
    assert.ok(!asked.some((path) => path.includes('node')), asked.join());
    if (entry.includes('bundle')) assert.equal(asked.length, 4, asked.join());
    assert.deepEqual(page.seen.errors, []);
  });
}

test('the element of the README in an application that Vite has built, and without a site', { skip: withoutVite }, async () => {
  await put(app, 'index.html', '<!doctype html><html lang="en"><link rel="icon" href="data:,"><body><script type="module" src="./main.js"></script></body></html>');
  const script = example('The element', 'js');
  assert.ok(script.includes("'https://HOST/PATH/'"));
  await put(app, 'main.js', `${script.replace('https://HOST/PATH/', server.url(''))}\nwindow.figure = figure;\nconst lost = document.createElement('sae-explorer');\nlost.addEventListener('error', ({ detail }) => (window.said = detail.message));\nlost.innerHTML = '<p id="still">A picture</p>';\ndocument.body.append(lost);\n`);
  const { folder } = await viteBuild(app);
  server.folders.set('figure/', folder);
  const page = await newPage(browser);
  await page.addInitScript(() => {
    window.logged = [];
    console.log = (...given) => window.logged.push(given.join(' '));
  });
  await page.goto(server.url('figure/index.html'));
  await page.waitForFunction(() => window.said !== undefined);
  assert.match(await page.evaluate(() => window.said), /does not know which site/);
  assert.ok(await page.locator('#still').isVisible());
  await page.locator('sae-explorer').first().scrollIntoViewIfNeeded();
  await page.waitForFunction(() => window.logged.some((line) => /^\d+ tokens, loss \d/.test(line)));
  assert.ok(page.seen.requests.some((url) => url.startsWith(server.url('assets/boot-'))), 'the frame is of the site');
  // Another site, an address that would run as a script, and none that can be read.
  for (const [site, expected] of [['javascript:alert(1)', /https: or http:/], ['https://[', /no address/]]) {
    assert.match(await page.evaluate((given) => new Promise((told) => {
      window.figure.addEventListener('error', ({ detail }) => told(detail.message), { once: true });
      window.figure.site = given;
    }), site), expected);
  }
  await page.context().close();
});

test('the example of the README in an application that Vite has built', { skip: withoutVite }, async () => {
  await put(app, 'index.html', '<!doctype html><html lang="en"><link rel="icon" href="data:,"><body><script type="module" src="./main.js"></script></body></html>');
  await put(app, 'main.js', `${example('With Vite', 'js')}\nwindow.engine = explorer;\n`);
  const { folder } = await viteBuild(app);
  server.folders.set('vite/demo/', join(dist, 'demo'));
  server.folders.set('vite/fixtures/', join(root, 'tests/fixtures'));
  server.folders.set('vite/', folder);
  const page = await newPage(browser);
  await page.goto(server.url('vite/index.html'));
  await page.waitForFunction(() => window.engine !== undefined);
  assert.match(await page.locator('body').innerText(), /^9 tokens, loss \d+\.\d{3}$/);
  await page.evaluate(async (url) => {
    window.parity = await import(url);
  }, server.url('e2e/parity.js'));
  await assertParity(page, FIXTURE, { every: false });
  await page.evaluate(() => engine.dispose());
  // Everything is of the application, under names of Vite's own.
  const code = page.seen.requests.filter((url) => /\.(js|wasm)$/.test(url) && !url.includes('/e2e/'));
  for (const name of ['index', 'worker', 'fetcher', 'engine_bg']) assert.ok(code.some((url) => url.includes(`/vite/assets/${name}-`)), `${name} of ${code}`);
  assert.ok(code.every((url) => url.includes('/vite/assets/')), code.join());
  assert.ok(!code.some((url) => url.includes('scan-')), code.join());
  assert.deepEqual(page.seen.errors.filter((text) => !text.includes('404')), []);
});
