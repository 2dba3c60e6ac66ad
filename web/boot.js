// Starts the page: the engine's class and the like first, because the page binds them by their global names.

import start from './app.js';
import { watchDrops } from './drops.js';
import * as engine from './pkg/index.js';

const { SaeExplorer, SAMPLE_TEXT } = engine;
Object.assign(globalThis, { SaeExplorer, SAMPLE_TEXT, watchDrops });

try {
  await start({ module_or_path: new URL('./app_bg.wasm', import.meta.url) });
} catch (error) {
  document.body.dataset.state = 'error';
  const message = document.createElement('p');
  message.className = 'error';
  message.dataset.testid = 'error';
  message.setAttribute('role', 'alert');
  message.textContent = `The page could not start (${error?.message ?? error}). Reload it; if that does not help, use a current version of Chrome, Edge, Firefox or Safari.`;
  document.getElementById('app').replaceChildren(message);
}
