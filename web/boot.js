// Starts the page: the engine's class and the like first, because the page binds them by their global names.

const { tellFailure, hopeless } = globalThis.saeExplorerGuard;

const PARTS = ['app.js', 'drops.js', 'copies.js', 'focus.js', 'session.js', 'pkg/index.js'];

/** Modules beside this one. A static import that fails would leave nobody to say so; here all that failed are named. */
async function parts(names) {
  const loaded = await Promise.allSettled(names.map((name) => import(`./${name}`)));
  const missing = names.filter((_, at) => loaded[at].status === 'rejected');
  if (missing.length === 0) return loaded.map(({ value }) => value);
  const { reason } = loaded.find(({ status }) => status === 'rejected');
  throw new Error(`${missing.join(', ')}, or a script that they need, did not load (${reason?.message ?? reason})`);
}

async function boot() {
  const [app, { watchDrops }, { watchCopies }, { keepFocus }, { publishedSession }, engine] = await parts(PARTS);
  const { SaeExplorer, SAMPLE_TEXT } = engine;
  Object.assign(globalThis, { SaeExplorer, SAMPLE_TEXT, publishedSession, watchDrops });
  watchCopies();
  keepFocus();
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
