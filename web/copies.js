// What is copied from the page: tokens give their own text, not the marks that stand for what cannot be seen in it, and
// nothing for the gaps between them.
//
// `data-original` is the text of a mark, `data-byte` a byte that is only a part of a character. In a prompt the byte has
// its whole character in `data-original` and the place of that in `data-start`: a selection that touches any byte of a
// character copies the character, once. Half a character is no text that anything could paste.

const MARKED = '[data-original], [data-byte]';
const TOKENS = '.tokens';
const LINES = 'ADDRESS, DD, DIV, DT, H1, H2, H3, LI, P, SECTION, TR';
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Listens for copies. */
export function watchCopies() {
  document.addEventListener('copy', (event) => {
    const selection = document.getSelection();
    // A field's own selection is no part of the document's.
    if (event.target?.matches?.('input, textarea') || selection === null || selection.isCollapsed) return;
    const ranges = Array.from({ length: selection.rangeCount }, (_, at) => whole(selection.getRangeAt(at).cloneRange()));
    const copies = ranges.map((range) => ({ fragment: range.cloneContents(), inTokens: within(range) }));
    if (!copies.some(({ fragment, inTokens }) => inTokens || fragment.querySelector(`${TOKENS}, ${MARKED}`) !== null)) return;
    event.preventDefault();
    event.clipboardData.setData('text/plain', copies.map(original).join(''));
  });
}

const element = (node) => (node.nodeType === Node.ELEMENT_NODE ? node : node.parentElement);

/** A mark is taken as a whole, or not at all where nothing of it is selected. */
function whole(range) {
  const mark = (node) => element(node)?.closest(MARKED);
  const [first, last] = [mark(range.startContainer), mark(range.endContainer)];
  if (first) {
    const selected = range.cloneRange();
    selected.setEndAfter(first);
    if (shown(selected)) range.setStartBefore(first);
    else range.setStartAfter(first);
  }
  if (last) {
    const selected = range.cloneRange();
    selected.setStartBefore(last);
    if (shown(selected)) range.setEndAfter(last);
    else range.setEndBefore(last);
  }
  return range;
}

/** True if there is anything to see in a range: what frames a byte is hidden in the prompt. */
function shown(range) {
  const fragment = range.cloneContents();
  for (const frame of fragment.querySelectorAll('.frame')) frame.remove();
  return fragment.textContent !== '';
}

const within = ({ commonAncestorContainer: node }) => element(node)?.closest(TOKENS) != null;

/** The text of a part of the page. */
function original({ fragment, inTokens }) {
  let text = '';
  // Bytes whose character is not known, as those of a token by itself.
  let bytes = [];
  let lastStart = null;
  const put = (more) => {
    if (bytes.length > 0) text += decoded(bytes);
    bytes = [];
    text += more;
  };
  const walk = (node, inside) => {
    if (node.nodeType === Node.TEXT_NODE) return put(node.data);
    const isElement = node.nodeType === Node.ELEMENT_NODE;
    const { original: own, byte, start } = isElement ? node.dataset : {};
    if (start !== undefined) {
      if (start !== lastStart) put(own);
      lastStart = start;
      return undefined;
    }
    if (byte !== undefined) return bytes.push(Number.parseInt(byte, 16));
    if (own !== undefined) return put(own);
    if (isElement && node.tagName === 'BR') return put('\n');
    // The character above its tokens is the same text once more. By itself it is copied, too.
    if (isElement && node.matches('.whole') && node.nextElementSibling?.textContent) return undefined;
    const tokens = inside || (isElement && node.matches(TOKENS));
    node.childNodes.forEach((child) => walk(child, tokens));
    // Lines of tokens are the page's; the ends of the text's lines are in the tokens.
    if (inside || !isElement) return undefined;
    if (tokens) lastStart = null;
    if (node.matches(LINES)) return put('\n');
    return node.matches('td, th') ? put('\t') : undefined;
  };
  walk(fragment, inTokens);
  put('');
  return text;
}

/** Bytes as text, or as they are written on the page where they are no whole characters. */
function decoded(bytes) {
  try {
    return utf8.decode(Uint8Array.from(bytes));
  } catch {
    return bytes.map((byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`).join('');
  }
}
