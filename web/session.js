// The engine's session as scripts on the page see it, as window.saeExplorer.

/** Methods after which something else is loaded than before. */
const CHANGING = new Set(['loadModel', 'loadSae', 'loadNeurons', 'unloadSae', 'dispose']);

/**
 * The session with the same methods. The page uses the session itself, so it is told only about calls of others.
 * @param {object} session a SaeExplorer
 * @param {(method: string) => void} changed told the name of a method that changes what is loaded, once the call has ended,
 *   also where it failed, since a failed load may leave less than there was
 * @param {(count: number) => void} tracing told how many traces of scripts are under way: the page's would cancel them
 */
export function publishedSession(session, changed, tracing) {
  let traces = 0;
  const count = (change) => tracing((traces += change));
  return new Proxy(session, {
    get(target, name) {
      // The class has private fields, which only the object itself has.
      const value = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      const call = value.bind(target);
      if (name === 'trace') return (...given) => (count(1), call(...given).finally(() => count(-1)));
      if (CHANGING.has(name)) return (...given) => call(...given).finally(() => changed(name));
      return call;
    },
  });
}
