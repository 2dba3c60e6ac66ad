// Starts the page: the engine's class first, because the page binds it by its global name.

import start from './app.js';
import { SaeExplorer } from './pkg/index.js';

globalThis.SaeExplorer = SaeExplorer;

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
