// The picture of a graph: its canvas, what a person does on it, and the worker that computes the layout.

import init, { Picture } from './graph.js';
import { drawNames } from './graph-names.js';

const SEED = 1;

/** Pixels that a pointer may move and still press. */
const PRESS = 4;

/** Part of its way that the camera goes in a frame when it follows the graph. */
const FOLLOW = 0.12;

/** What a key of the picture does to it. */
const KEYS = {
  ArrowLeft: (picture) => picture.orbit(-40, 0),
  ArrowRight: (picture) => picture.orbit(40, 0),
  ArrowUp: (picture) => picture.orbit(0, -40),
  ArrowDown: (picture) => picture.orbit(0, 40),
  '+': (picture) => picture.zoom(1.25),
  '=': (picture) => picture.zoom(1.25),
  '-': (picture) => picture.zoom(0.8),
};

/**
 * Opens a picture on a frame with two canvases, for the graph and for names above it.
 * @param {HTMLElement} frame what is focused and receives keys
 * @param {(event: {hover?: number, press?: number, error?: string}) => void} told what a person points at (an id; -1 for nothing)
 *   or presses, and what fails
 */
export async function openGraph(frame, told) {
  await init({ module_or_path: new URL('./graph_bg.wasm', import.meta.url).href });
  return new GraphView(frame, told);
}

class GraphView {
  #frame;
  #canvas;
  #above;
  #told;
  #picture;
  #worker;
  #size = [1, 1, 1];
  #ink = Uint8Array.of(29, 27, 25);
  #ground = Uint8Array.of(255, 255, 255);
  /** The graph as it was given last. */
  #graph;
  #version = 0;
  /** Places as they came last. */
  #places;
  /** True until a person moves the camera: it follows the graph. */
  #follows = true;
  #paused = false;
  #still = false;
  #hovered = -1;
  /** Pointers that are down: id → where they are. */
  #pointers = new Map();
  #moved = false;
  #asked = 0;
  #unread = false;
  #ends = new AbortController();
  #resized;

  constructor(frame, told) {
    this.#frame = frame;
    [this.#canvas, this.#above] = frame.querySelectorAll('canvas');
    this.#told = told;
    this.#picture = new Picture(this.#canvas);
    this.#canvas.dataset.painter = this.#picture.draws ? 'webgl2' : 'none';
    this.#worker = new Worker(new URL('./graph-worker.js', import.meta.url), { type: 'module' });
    this.#worker.onmessage = ({ data }) => this.#placed(data);
    this.#worker.onerror = (event) => {
      event.preventDefault();
      told({ error: 'The layout of the graph did not start. Reload the page.' });
    };
    this.#worker.postMessage({ seed: SEED });
    this.#listen();
    this.#resized = new ResizeObserver(() => this.#measure());
    this.#resized.observe(this.#canvas);
    this.#measure();
  }

  /** True where the browser can draw. */
  get draws() {
    return this.#picture.draws;
  }

  /**
   * Another graph, in columns: per node `ids`, `radii`, `colours` (4 bytes), `marks`; per edge `ends` (two indices), `weights`,
   * `widths`, `tints` (4 bytes); `named`, indices of nodes, with their `names`.
   */
  setGraph(graph) {
    this.#graph = graph;
    this.#version += 1;
    this.#canvas.dataset.settled = 'false';
    this.#show();
    const { ids, ends, weights } = graph;
    this.#worker.postMessage({ graph: { ids, ends, weights }, version: this.#version });
  }

  /** Holds a node where it is, or lets it go. */
  fix(id, fixed) {
    this.#worker.postMessage({ fix: [id, fixed] });
  }

  /** Stops the layout where it is, or lets it go on. */
  pause(paused) {
    this.#paused = paused;
    this.#canvas.dataset.paused = paused;
    this.#next();
  }

  /** Colours of text and background, and whether nothing shall move. */
  look(ink, ground, still) {
    this.#ink = ink;
    this.#ground = ground;
    if (still !== this.#still) this.#worker.postMessage({ still });
    this.#still = still;
    this.#ask();
  }

  zoom(factor) {
    this.#move((picture) => picture.zoom(factor));
  }

  /** Shows everything, and follows the graph again. */
  fit() {
    this.#follows = true;
    this.#picture.fit();
    this.#ask();
  }

  /** The picture as an SVG document. */
  svg() {
    const { named = new Uint32Array(), names = [] } = this.#graph ?? {};
    return this.#picture.svg(named, names, this.#ink, this.#ground);
  }

  /** The picture as a Blob with a PNG file. */
  png() {
    this.#draw();
    const { width, height } = this.#canvas;
    const canvas = Object.assign(document.createElement('canvas'), { width, height });
    const context = canvas.getContext('2d');
    context.fillStyle = `rgb(${this.#ground.join(' ')})`;
    context.fillRect(0, 0, width, height);
    // What was just drawn is there until the browser shows it.
    context.drawImage(this.#canvas, 0, 0);
    context.drawImage(this.#above, 0, 0);
    return new Promise((resolve, reject) => {
      canvas.toBlob((blob) => (blob === null ? reject(new Error('this browser made no picture')) : resolve(blob)), 'image/png');
    });
  }

  close() {
    this.#ends.abort();
    this.#resized.disconnect();
    this.#worker.terminate();
    cancelAnimationFrame(this.#asked);
    this.#asked = -1;
    this.#picture.free();
  }

  #show() {
    const { ids, radii, colours, marks, ends, widths, tints } = this.#graph;
    this.#picture.setGraph(ids, radii, colours, marks, ends, widths, tints);
    this.#ask();
  }

  #placed({ ids, places, version, settled, error }) {
    if (error !== undefined) {
      this.#told({ error });
      return;
    }
    this.#picture.setPlaces(ids, places);
    this.#places = { ids, places };
    if (settled && version === this.#version) this.#canvas.dataset.settled = 'true';
    this.#unread = true;
    this.#ask();
  }

  /** Asks the worker for what follows, once what came is drawn. */
  #next() {
    if (!this.#unread || this.#paused) return;
    this.#unread = false;
    this.#worker.postMessage({ next: true });
  }

  #measure() {
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    const dots = Math.min(globalThis.devicePixelRatio || 1, 2);
    for (const canvas of [this.#canvas, this.#above]) {
      canvas.width = Math.max(1, Math.round(width * dots));
      canvas.height = Math.max(1, Math.round(height * dots));
    }
    this.#size = [width, height, dots];
    this.#picture.resize(width, height, dots);
    if (this.#follows) this.#picture.fit();
    this.#ask();
  }

  #ask() {
    if (this.#asked !== 0) return;
    this.#asked = requestAnimationFrame(() => {
      this.#asked = 0;
      this.#draw();
      this.#next();
    });
  }

  #draw() {
    const start = performance.now();
    // The camera follows smoothly, or at once where nothing shall move.
    if (this.#follows && this.#picture.follow(this.#still ? 1 : FOLLOW)) this.#ask();
    const drawn = this.#picture.draw(this.#ink);
    const spots = this.#picture.spots();
    drawNames(this.#above, this.#size, { spots, graph: this.#graph, hovered: this.#hovered, ink: this.#ink, ground: this.#ground });
    const { dataset } = this.#canvas;
    dataset.drawn = drawn;
    dataset.frames = Number(dataset.frames ?? 0) + 1;
    dataset.milliseconds = (performance.now() - start).toFixed(3);
  }

  /** A person moves the camera. */
  #move(change) {
    this.#follows = false;
    change(this.#picture);
    this.#ask();
  }

  #hover(index) {
    if (index === this.#hovered) return;
    this.#hovered = index;
    this.#told({ hover: index < 0 ? -1 : this.#graph.ids[index] });
    this.#ask();
  }

  #below({ offsetX, offsetY }) {
    return this.#graph === undefined ? -1 : (this.#picture.pick(offsetX, offsetY) ?? -1);
  }

  #listen() {
    const { signal } = this.#ends;
    const on = (target, name, listener, options = {}) => target.addEventListener(name, listener, { signal, ...options });
    on(this.#canvas, 'pointerdown', (event) => {
      this.#canvas.setPointerCapture(event.pointerId);
      if (this.#pointers.size === 0) this.#moved = false;
      this.#pointers.set(event.pointerId, [event.offsetX, event.offsetY, event.offsetX, event.offsetY]);
    });
    on(this.#canvas, 'pointermove', (event) => this.#pointed(event));
    on(this.#canvas, 'pointerup', (event) => {
      const pressed = this.#pointers.delete(event.pointerId) && !this.#moved && this.#pointers.size === 0;
      if (!pressed) return;
      const below = this.#below(event);
      this.#hover(below);
      this.#told({ press: below < 0 ? -1 : this.#graph.ids[below] });
    });
    on(this.#canvas, 'pointercancel', ({ pointerId }) => this.#pointers.delete(pointerId));
    on(this.#canvas, 'pointerleave', ({ pointerType }) => pointerType === 'mouse' && this.#hover(-1));
    on(this.#canvas, 'wheel', (event) => {
      event.preventDefault();
      const lines = event.deltaMode === WheelEvent.DOM_DELTA_PIXEL ? 1 : 30;
      this.zoom(Math.exp(Math.max(-1.5, Math.min(1.5, (-event.deltaY * lines) / 400))));
    }, { passive: false });
    on(this.#frame, 'keydown', (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.target !== this.#frame) return;
      if (event.key === '0') this.fit();
      else if (event.key in KEYS) this.#move(KEYS[event.key]);
      else return;
      event.preventDefault();
    });
    on(this.#canvas, 'webglcontextlost', (event) => event.preventDefault());
    on(this.#canvas, 'webglcontextrestored', () => this.#restore());
  }

  #pointed(event) {
    const { pointerId, offsetX: x, offsetY: y, shiftKey } = event;
    const pointer = this.#pointers.get(pointerId);
    if (pointer === undefined) {
      this.#hover(this.#below(event));
      return;
    }
    const [firstX, firstY, beforeX, beforeY] = pointer;
    if (!this.#moved && Math.hypot(x - firstX, y - firstY) <= PRESS) return;
    this.#moved = true;
    const others = [...this.#pointers].filter(([id]) => id !== pointerId);
    this.#pointers.set(pointerId, [firstX, firstY, x, y]);
    const [dx, dy] = [x - beforeX, y - beforeY];
    if (others.length === 0) {
      this.#move((picture) => (shiftKey || (event.buttons & 2) !== 0 ? picture.pan(dx, dy) : picture.orbit(dx, dy)));
      return;
    }
    // Two fingers pinch, and move what is below them.
    const [, [, , otherX, otherY]] = others[0];
    const before = Math.hypot(beforeX - otherX, beforeY - otherY);
    const now = Math.hypot(x - otherX, y - otherY);
    this.#move((picture) => {
      if (before > 0 && now > 0) picture.zoom(now / before);
      picture.pan(dx / 2, dy / 2);
    });
  }

  /** The browser gave a lost canvas back: everything goes there again. The camera begins anew. */
  #restore() {
    this.#picture.free();
    this.#picture = new Picture(this.#canvas);
    this.#follows = true;
    if (this.#graph !== undefined) this.#show();
    if (this.#places !== undefined) this.#picture.setPlaces(this.#places.ids, this.#places.places);
    this.#measure();
  }
}
