// Names of nodes above the picture of a graph: those that do not cover another one.

const FONT = '12px ui-sans-serif, system-ui, -apple-system, "Segoe UI", Roboto, sans-serif';
const HEIGHT = 15;
const LONGEST = 34;
/** Names beside that of the node below the pointer. */
const MOST = 14;

const cut = (name) => (name.length > LONGEST ? `${name.slice(0, LONGEST - 1)}…` : name);

/**
 * @param {HTMLCanvasElement} canvas
 * @param {[number, number, number]} size width and height in CSS pixels, and device pixels for each of them
 * @param {{spots: Float32Array, graph: object | undefined, hovered: number, ink: Uint8Array, ground: Uint8Array}} shown x, y and
 *   radius for each node; the graph with `named` and `names`, the most important first; the node below the pointer
 */
export function drawNames(canvas, [width, height, dots], { spots, graph, hovered, ink, ground }) {
  const context = canvas.getContext('2d');
  context.setTransform(dots, 0, 0, dots, 0, 0);
  context.clearRect(0, 0, width, height);
  if (graph === undefined) return;
  context.font = FONT;
  context.lineWidth = 3;
  context.lineJoin = 'round';
  context.strokeStyle = `rgb(${ground.join(' ')} / .85)`;
  context.fillStyle = `rgb(${ink.join(' ')})`;
  const taken = [];
  // The node below the pointer is named whatever is there.
  const all = [...graph.named].map((index, at) => ({ index, name: graph.names[at] }));
  const first = all.filter(({ index }) => index === hovered);
  for (const { index, name } of [...first, ...all.filter(({ index }) => index !== hovered)]) {
    const [x, y, radius] = spots.subarray(3 * index, 3 * index + 3);
    if (Number.isNaN(x)) continue;
    const text = cut(name);
    const wide = context.measureText(text).width;
    const left = Math.min(x + radius + 4, width - wide - 2);
    const box = [left, y - HEIGHT / 2, left + wide, y + HEIGHT / 2];
    const covers = taken.some(([a, b, c, d]) => box[0] < c && box[2] > a && box[1] < d && box[3] > b);
    if ((covers || taken.length > MOST) && index !== hovered) continue;
    taken.push(box);
    context.strokeText(text, left, y + 4);
    context.fillText(text, left, y + 4);
  }
}
