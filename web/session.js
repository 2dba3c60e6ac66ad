// The engine's session as scripts on the page see it, as window.saeExplorer.

/**
 * The session with the same methods. The page uses the session itself, and knows what it loads; of what scripts load it is told.
 * @param {object} session a SaeExplorer
 * @param {(method: string) => void} changed told the name of a method by which something else was loaded while a call of a script
 *   was under way
 * @param {(count: number) => void} tracing told how many traces of scripts are under way: the page's would cancel them
 */
export function publishedSession(session, changed, tracing) {
  let calls = 0;
  let traces = 0;
  session.addEventListener('change', ({ detail }) => {
    if (calls > 0) changed(detail.method);
  });
  const count = (name, change) => {
    calls += change;
    if (name === 'trace') tracing((traces += change));
  };
  return new Proxy(session, {
    get(target, name) {
      // The class has private fields, which only the object itself has.
      const value = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      return (...given) => {
        count(name, 1);
        const answer = value.apply(target, given);
        if (answer instanceof Promise) return answer.finally(() => count(name, -1));
        count(name, -1);
        return answer;
      };
    },
  });
}
