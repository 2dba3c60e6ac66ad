// Starts the page: the engine's class and the like first, because the page binds them by their global names.

import startApp from './app.js';
import { watchCopies } from './copies.js';
import { watchDrops } from './drops.js';
import { endLoadTurn, loadTurn, sharedName, showAs, skipTurn, tellHost, watchFigure } from './figures.js';
import { keepFocus } from './focus.js';
import { takeNewVersion, watchOffline } from './offline.js';
import { ownAtlases } from './own-atlases.js';
import { SAMPLE_TEXT, SaeExplorer } from './pkg/index.js';
import { publishedSession } from './session.js';
import { site } from './site.js';

const { tellFailure, hopeless } = globalThis.saeExplorerGuard;

/** What the address names as the model, or as the SAE. */
function named(what) {
  return new RegExp(`[#?&]${what}=([^&]*)`).exec(location.hash)?.[1];
}

/** What the engine's worker may request beforehand: the demo, unless the address names another model. */
function wanted(manifest) {
  const model = named('model');
  if (model !== undefined && model !== 'demo') return { first: [] };
  const json = (response) => response.then((answer) => answer.clone().json());
  const recorded = begin('demo/recorded.json');
  // Without a choice the SAE of the recorded trace is shown.
  const sae = named('sae') ?? json(recorded).then(({ sae: { id } }) => id);
  return { first: [recorded], model: 'demo', manifest: json(manifest), sae };
}

/** A picture of a graph; its modules are fetched when somebody opens the first one. */
async function openGraph(frame, told) {
  const graphs = await import('./graph-view.js');
  return graphs.openGraph(frame, told);
}

/** Hands a text or a Blob to the person as a file. */
function saveFile(download, type, content) {
  const href = URL.createObjectURL(new Blob([content], { type }));
  Object.assign(document.createElement('a'), { href, download }).click();
  // The browser reads it after this call.
  setTimeout(() => URL.revokeObjectURL(href), 60_000);
}

/** Files of the site that are requested before the app is there: path → promise of the Response. */
const begun = new Map();

function begin(path) {
  const response = fetch(path);
  response.catch(() => {}); // the app says so
  begun.set(path, response);
  return response;
}

/** A file of the site for the app, as a Response: the one that was begun, the first time. */
function siteFile(path) {
  const response = begun.get(path) ?? fetch(path);
  begun.delete(path);
  return response;
}

async function boot() {
  const app = new URL('./app_bg.wasm', import.meta.url);
  const response = fetch(app);
  const manifest = begin('demo/demo.json');
  // The engine's worker starts beside the app, but on a slow line large files wait for what the app shows without them.
  const { first, ...demo } = wanted(manifest);
  const after = Promise.allSettled([response, ...first].map((file) => file.then((answer) => answer.clone().arrayBuffer()))).then(loadTurn);
  SaeExplorer.prepare({ ...demo, share: sharedName(), after }).then((shared) => shared && skipTurn());
  Object.assign(globalThis, { SaeExplorer, SAMPLE_TEXT, endLoadTurn, loadTurn, openGraph, ownAtlases, publishedSession, saveFile, sharedName, showAs, siteFile, takeNewVersion, tellHost, watchDrops, watchOffline });
  watchCopies();
  watchFigure();
  keepFocus();
  try {
    await startApp({ module_or_path: response });
  } catch (error) {
    const file = app.pathname.slice(app.pathname.lastIndexOf('/') + 1);
    throw new Error(`${file} did not load or run (${error?.message ?? error})`);
  }
}

// In a frame without an origin the guard has said so already.
if (hopeless === null) {
  const begun = site.ready === null ? boot() : site.ready.then(boot);
  begun.catch(({ message }) => tellFailure(`The page could not start: ${message}. ${site.advice}`));
}
