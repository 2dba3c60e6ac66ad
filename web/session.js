// The engine's session as scripts on the page see it, as window.saeExplorer.

/** Methods after which something else is loaded than before. */
const CHANGING = new Set(['loadModel', 'loadSae', 'loadNeurons', 'unloadSae', 'dispose']);

/**
 * The session with the same methods. The page uses the session itself, so `changed` is told only about calls of others: by
 * the method's name, once the call has ended, also where it failed, since a failed load may leave less than there was.
 * @param {object} session a SaeExplorer
 * @param {(method: string) => void} changed
 */
export function publishedSession(session, changed) {
  return new Proxy(session, {
    get(target, name) {
      // The class has private fields, which only the object itself has.
      const value = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      if (!CHANGING.has(name)) return value.bind(target);
      return async (...given) => {
        try {
          return await value.apply(target, given);
        } finally {
          changed(name);
        }
      };
    },
  });
}
