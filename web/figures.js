// The page as a figure in an article: its colours, its links, and what it tells the article.

const root = document.documentElement;
const framed = window.parent !== window;

/** The figures of an article, and of others of this site that are open, load one after the other: what one stores the next one need not download. */
const LOCK = 'sae-explorer figure';

const isFigure = location.hash.startsWith('#/embed/');

/** What shares one engine: figures that are opened with the same model. The page itself has its own. */
const share = isFigure ? `sae-explorer figures ${/[?&]model=([^&]*)/.exec(location.hash)?.[1] ?? 'demo'} ${location.search}` : undefined;

export const sharedName = () => share;

let begin;
let endTurn = () => {};
let skipped = false;

/** Resolves when a figure may load; on the page itself, and where browsers have no locks for the frame, that is at once. */
const turn = new Promise((begun) => {
  begin = begun;
  if (!isFigure || navigator.locks === undefined) begin();
  // The lock is held until the turn ends, or the frame does.
  else navigator.locks.request(LOCK, () => (skipped ? undefined : new Promise((end) => ((endTurn = end), begin())))).catch(begin);
});

/** With a shared engine nobody has to wait for others: what they load is loaded once. */
export function skipTurn() {
  skipped = true;
  begin();
  endTurn();
}

export const loadTurn = () => turn;

/** The next figure may load. */
export function endLoadTurn() {
  endTurn();
}

/** Tells the article what happened, as the element `<sae-explorer>` hands it on: `detail` is JSON. An article learns of its own figures only. */
export function tellHost(event, detail) {
  if (framed) window.parent.postMessage({ from: 'sae-explorer', event, detail: JSON.parse(detail) }, '*');
}

/**
 * Makes the page a figure, or the page again.
 * @param {boolean} figure
 * @param {string | undefined} theme `light`, `dark`, or that of the reader's system
 */
export function showAs(figure, theme) {
  root.toggleAttribute('data-figure', figure);
  if (theme === undefined) root.removeAttribute('data-theme');
  else root.dataset.theme = theme;
}

/** In a figure, links lead out of the article; and the article learns of the height that the figure would like. */
export function watchFigure() {
  addEventListener('click', ({ target }) => {
    const link = root.hasAttribute('data-figure') ? target.closest?.('a[href^="#"]') : null;
    if (link) Object.assign(link, { target: '_blank', rel: 'noopener' });
  }, { capture: true });
  if (!framed) return;
  new ResizeObserver(() => {
    if (root.hasAttribute('data-figure')) tellHost('height', JSON.stringify({ height: Math.ceil(document.getElementById('app').getBoundingClientRect().height) }));
  }).observe(document.getElementById('app'));
}
