// Says what happened where the page cannot start. A classic script of its own, because it must run where modules do not:
// in a frame without an origin, from a file, or when one of the modules is missing.

(() => {
  // What index.html shows first is the start page. Before anything is drawn, an address of another place hides it.
  if (!/^(#\/?)?(\?token=\d+)?$/.test(location.hash)) document.documentElement.dataset.first = 'no';

  /** Tells an article of its figure, as figures.js does. */
  const tellArticle = (event, detail) => {
    if (window.parent !== window && location.hash.startsWith('#/embed/')) window.parent.postMessage({ from: 'sae-explorer', event, detail }, '*');
  };
  // Whatever follows, somebody is here.
  tellArticle('begun', {});

  /** Shows a message in the page's place. `reload` offers to try again. */
  const tellFailure = (text, { reload = true } = {}) => {
    tellArticle('error', { code: 'not-started', message: text });
    document.body.dataset.state = 'error';
    const message = document.createElement('div');
    message.className = 'error';
    message.dataset.testid = 'error';
    message.setAttribute('role', 'alert');
    const paragraph = document.createElement('p');
    paragraph.textContent = text;
    message.append(paragraph);
    if (reload) {
      const button = document.createElement('button');
      button.type = 'button';
      button.textContent = 'Reload';
      button.addEventListener('click', () => location.reload());
      message.append(button);
    }
    const main = document.createElement('main');
    main.append(message);
    document.getElementById('app').replaceChildren(main);
  };
  const whenReady = (work) => {
    if (document.readyState === 'loading') document.addEventListener('DOMContentLoaded', work);
    else work();
  };

  /** Why this document can never start a worker, or null. */
  const hopeless = () => {
    // A page in one file has its parts with it.
    if (self.origin !== 'null' || document.documentElement.dataset.files !== undefined) return null;
    if (location.protocol === 'file:') return 'This page was opened as a file, and browsers load its parts only over http and https. Run cargo xtask serve, or put the folder on any static host and open it there.';
    return `This page is in a frame that is sandboxed without an origin of its own. Browsers let such a frame start no worker, and the engine runs in one. Open the page by itself (${location.href.split('#')[0]}), or give the frame sandbox="allow-scripts allow-same-origin".`;
  };

  const reason = hopeless();
  globalThis.saeExplorerGuard = { tellFailure, hopeless: reason };
  if (reason !== null) {
    whenReady(() => tellFailure(reason, { reload: false }));
    return;
  }
  // A page in one file ends with what starts it.
  if (document.documentElement.dataset.files !== undefined) {
    whenReady(() => {
      if (document.querySelector('script[type="module"]') === null) tellFailure('This page is one file, and this copy of it ends too early: take it again from where it came.', { reload: false });
    });
  }
  // A script that does not load says so only to its element; the event does not bubble.
  addEventListener('error', ({ target }) => {
    if (!(target instanceof HTMLScriptElement)) return;
    whenReady(() => tellFailure(`The page could not start: ${target.getAttribute('src')}, or a script that it needs, did not load. Check the connection and reload. If that does not help, the site is incomplete, or a blocker keeps its scripts away.`));
  }, true);
})();
