// The worker that computes the layout of a graph, so that the page stays free to draw.
//
// In, one at a time:
//   {seed}                       first of all
//   {graph: {ids, ends, weights}, version}  another graph
//   {fix: [id, fixed]}           a node is held where it is, or let go
//   {warm: true}                 everything moves again
//   {still: boolean}             places are sent only once they are final
//   {next: true}                 the last places were drawn: the following ones are wanted
// Out: {ids, places, version, settled}, and {error} where something was refused.

import init, { Layout } from './graph.js';

let layout;
let version = 0;
let still = false;
/** True once places were told that nobody has drawn yet. */
let waits = false;
/** True while there are places that nobody was told. */
let news = false;

function tell(settled) {
  waits = true;
  news = !settled;
  const ids = layout.ids();
  const places = layout.places();
  postMessage({ ids, places, version, settled }, [ids.buffer, places.buffer]);
}

function work() {
  if (layout === undefined || waits || !news) return;
  if (!still) {
    tell(!layout.step());
    return;
  }
  // To the end at once: a message that comes meanwhile waits for some hundred steps.
  while (layout.step());
  tell(true);
}

const changes = {
  graph({ graph: { ids, ends, weights }, version: now }) {
    layout.update(ids, ends, weights);
    version = now;
  },
  fix({ fix: [id, fixed] }) {
    layout.fix(id, fixed);
  },
  warm() {
    layout.warm();
  },
  still(message) {
    still = message.still;
  },
};

function take(message) {
  if ('next' in message) {
    waits = false;
  } else {
    const [kind] = Object.keys(changes).filter((name) => name in message);
    changes[kind](message);
    news = true;
  }
  work();
}

/** Messages are taken in their order, the first ones once the module is there. */
let before = init({ module_or_path: new URL('./graph_bg.wasm', import.meta.url).href });

self.onmessage = ({ data }) => {
  before = before
    .then(() => {
      if ('seed' in data) layout = new Layout(data.seed);
      else take(data);
    })
    .catch(({ message }) => postMessage({ error: message }));
};
