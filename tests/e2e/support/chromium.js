// Starts headless Chromium with WebGPU on its software adapter, as on a machine without a GPU.

import { chromium } from 'playwright-core';

const FLAGS = [
  '--no-sandbox',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-quic',
];
const WEBGPU = ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader'];

const options = ({ webgpu = true, args = [], without = [] } = {}) => {
  const off = webgpu ? without : ['WebGPU', ...without];
  return {
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: [...FLAGS, ...args, ...(webgpu ? WEBGPU : []), ...(off.length === 0 ? [] : [`--disable-features=${off}`])],
  };
};

/** A browser with a fresh profile. Without `webgpu` it has no adapter, as many browsers have none. `without`: features of Chromium that are off. */
export const launch = (given) => chromium.launch(options(given));

/** The one context of a browser with a profile in a folder, and thus with the settings that are in it. */
export const launchWithProfile = (folder, given) => chromium.launchPersistentContext(folder, options(given));

/** How many workers with an engine a browser runs: shared ones, and those of one page. */
export async function engines(browser) {
  const session = await browser.newBrowserCDPSession();
  const { targetInfos } = await session.send('Target.getTargets');
  await session.detach();
  const count = (type) => targetInfos.filter((one) => one.type === type && /assets\/worker-\w+\.js$/.test(one.url)).length;
  return { shared: count('shared_worker'), own: count('worker') };
}

/**
 * A page that writes down what a person would not see: console errors, uncaught errors, CSP violations and requests.
 * `context` goes to the browser's newContext().
 */
export async function newPage(browser, context = {}) {
  return watched(await (await browser.newContext(context)).newPage());
}

/** The same for a page that is open already, before anything is in it. */
export async function watched(page) {
  // A software adapter on a busy machine takes its time; what never happens is still found out.
  page.setDefaultTimeout(Number(process.env.SAE_EXPLORER_TIMEOUT ?? 120_000));
  const seen = { errors: [], requests: [] };
  page.on('console', (message) => {
    if (message.type() === 'error') seen.errors.push(message.text());
  });
  page.on('pageerror', (error) => seen.errors.push(String(error)));
  page.context().on('request', (request) => seen.requests.push(request.url()));
  await page.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) => {
      console.error(`CSP: ${event.violatedDirective} blocked ${event.blockedURI} at ${event.sourceFile}:${event.lineNumber}`);
    });
  });
  looksAfterKeys(page);
  return Object.assign(page, { seen });
}

/** A busy page draws what a key did some turns later. A person looks then, and so do the tests: after two frames and what waits behind them. */
function looksAfterKeys(page) {
  const press = page.keyboard.press.bind(page.keyboard);
  page.keyboard.press = async (...given) => {
    await press(...given);
    const drawn = () => {
      const turn = () => new Promise((done) => setTimeout(done));
      const frame = () => Promise.race([new Promise((done) => requestAnimationFrame(done)), new Promise((done) => setTimeout(done, 200))]);
      return frame().then(turn).then(frame).then(turn);
    };
    // A key may have led away from the page.
    await page.evaluate(drawn).catch(() => {});
  };
}

/** An empty page of the server's origin, with the package imported as `window.SaeExplorer` and helpers as `window.parity`. */
export async function openBare(browser, server, { init } = {}) {
  const page = await newPage(browser);
  if (init !== undefined) await page.addInitScript(init);
  await page.goto(server.url('bare.html'));
  await page.evaluate(async () => {
    ({ SaeExplorer: window.SaeExplorer } = await import(new URL('pkg/index.js', document.baseURI)));
    window.parity = await import(new URL('e2e/parity.js', document.baseURI));
    // The error of a rejected call as plain data that a test can read.
    window.fault = (promise) =>
      promise.then(
        (value) => ({ resolved: String(value) }),
        ({ name, code, message, details }) => ({ name, code, message, details }),
      );
  });
  return page;
}
