// Keeps the keyboard's focus in the page. Where the element that has it goes away (a closed note, a deleted file, a token of an
// earlier prompt), browsers leave the focus to the page as a whole, and the next Tab begins at its top.

const FOCUSABLE = 'a[href], button, input, select, textarea, summary, [tabindex]';
/** Elements that had the focus before, of which one may still be there. */
const REMEMBERED = 8;

const usable = (element) => element.isConnected && !element.matches(':disabled') && element.checkVisibility?.() !== false;

/** Tries to give the focus to an element. */
function take(element) {
  if (!usable(element)) return false;
  element.focus({ preventScroll: true });
  return document.activeElement === element;
}

/** The first element within another one that takes the focus. One that is marked as its home goes before the rest, and fields
 * in which keys write something come last. */
function takeWithin(element) {
  const inside = [...element.querySelectorAll(FOCUSABLE)].filter(({ tabIndex }) => tabIndex >= 0);
  const rank = (one) => (one.matches('[data-home]') ? 0 : one.matches('input, select, textarea') ? 2 : 1);
  return inside.sort((one, other) => rank(one) - rank(other)).some(take);
}

/** Watches the focus: from an element that goes away it moves to the nearest one that is left. */
export function keepFocus() {
  let path = [];
  let before = [];
  const nobody = () => document.activeElement === null || document.activeElement === document.body;
  document.addEventListener('focusin', ({ target }) => {
    path = [];
    for (let element = target; element !== null && element.id !== 'app' && element.id !== 'main'; element = element.parentElement) path.push(element);
    before = [target, ...before.filter((one) => one !== target)].slice(0, REMEMBERED);
  });
  // Who points somewhere has no place of the keyboard to keep.
  document.addEventListener('pointerdown', () => (path = []), { capture: true });
  new MutationObserver(() => {
    const [had, ...around] = path;
    if (had === undefined || usable(had) || !(nobody() || document.activeElement === had)) return;
    if (around.filter(usable).some(takeWithin) || before.some(take)) return;
    document.getElementById('main')?.focus({ preventScroll: true });
  }).observe(document.body, { subtree: true, childList: true, attributes: true, attributeFilter: ['disabled', 'open', 'data-open', 'hidden'] });
}
