// What is copied from the page: tokens give their own text, not the marks that stand for what cannot be seen in it.

const MARKED = '[data-original], [data-byte]';
const LINES = 'ADDRESS, DD, DIV, DT, H1, H2, H3, LI, P, SECTION, TR';
const utf8 = new TextEncoder();

/** Listens for copies. */
export function watchCopies() {
  document.addEventListener('copy', (event) => {
    const selection = document.getSelection();
    // A field's own selection is no part of the document's.
    if (event.target?.matches?.('input, textarea') || selection === null || selection.isCollapsed) return;
    const ranges = Array.from({ length: selection.rangeCount }, (_, at) => whole(selection.getRangeAt(at).cloneRange()));
    const copies = ranges.map((range) => ({ fragment: range.cloneContents(), inTokens: within(range) }));
    if (!copies.some(({ fragment }) => fragment.querySelector(MARKED) !== null)) return;
    event.preventDefault();
    event.clipboardData.setData('text/plain', copies.map(original).join(''));
  });
}

// A mark is taken as a whole or not at all.
function whole(range) {
  const mark = (node) => (node.nodeType === Node.ELEMENT_NODE ? node : node.parentElement)?.closest(MARKED);
  const [first, last] = [mark(range.startContainer), mark(range.endContainer)];
  if (first) range.setStartBefore(first);
  if (last) range.setEndAfter(last);
  return range;
}

function within({ commonAncestorContainer: node }) {
  return (node.nodeType === Node.ELEMENT_NODE ? node : node.parentElement)?.closest('.tokens') != null;
}

/** The text of a part of the page as bytes, because a token may be a part of a character. */
function original({ fragment, inTokens }) {
  const bytes = [];
  const put = (text) => bytes.push(...utf8.encode(text));
  const walk = (node) => {
    if (node.nodeType === Node.TEXT_NODE) return put(node.data);
    if (node.nodeType === Node.ELEMENT_NODE) {
      const { original: text, byte } = node.dataset;
      if (byte !== undefined) return bytes.push(Number.parseInt(byte, 16));
      if (text !== undefined) return put(text);
      // Line breaks between tokens are the page's; those of the text are in the tokens.
      if (node.tagName === 'BR') return inTokens ? undefined : put('\n');
    }
    node.childNodes.forEach(walk);
    if (inTokens || node.nodeType !== Node.ELEMENT_NODE) return undefined;
    if (node.matches(LINES)) return put('\n');
    return node.matches('td, th') ? put('\t') : undefined;
  };
  walk(fragment);
  return new TextDecoder().decode(Uint8Array.from(bytes));
}
