// Starts the page: the engine's class and the like first, because the page binds them by their global names.

const { tellFailure, hopeless } = globalThis.saeExplorerGuard;

/** A module by its name beside this one. A static import that fails would leave nobody to say so. */
async function part(name) {
  try {
    return await import(`./${name}`);
  } catch (error) {
    throw new Error(`${name}, or a script that it needs, did not load (${error?.message ?? error})`);
  }
}

async function boot() {
  const [app, { watchDrops }, { watchCopies }, { publishedSession }, engine] = await Promise.all(['app.js', 'drops.js', 'copies.js', 'session.js', 'pkg/index.js'].map(part));
  const { SaeExplorer, SAMPLE_TEXT } = engine;
  Object.assign(globalThis, { SaeExplorer, SAMPLE_TEXT, publishedSession, watchDrops });
  watchCopies();
  try {
    await app.default({ module_or_path: new URL('./app_bg.wasm', import.meta.url) });
  } catch (error) {
    throw new Error(`app_bg.wasm did not load or run (${error?.message ?? error})`);
  }
}

// In a frame without an origin the guard has said so already.
if (hopeless === null) {
  boot().catch(({ message }) => {
    tellFailure(`The page could not start: ${message}. Check the connection and reload. If that does not help, use a current version of Chrome, Edge, Firefox or Safari; a site that lacks the file must be put up again by whoever runs it.`);
  });
}
