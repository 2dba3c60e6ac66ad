// The picture of a graph in space, by itself: drawing through WebGL2, layout in its worker, pointing, keys, files.

import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { STILL } from '../support/app.js';
import { launch, newPage } from '../support/chromium.js';
import { dist, serve } from '../support/server.js';

const WEBGL = ['--use-angle=swiftshader', '--enable-unsafe-swiftshader', '--ignore-gpu-blocklist'];

let server;
let browser;
let module;
before(async () => {
  server = await serve();
  browser = await launch({ webgpu: false, args: WEBGL });
  const view = (await readdir(join(dist, 'assets'))).find((name) => name.startsWith('graph-view-'));
  module = server.url(`assets/${view}`);
});
after(async () => {
  await browser?.close();
  await server?.close();
});

/** A page with a picture as `window.view`; what it tells is in `window.told`. */
async function open(own = browser, { still = false } = {}) {
  const page = await newPage(own, { ...STILL, viewport: { width: 900, height: 700 } });
  await page.goto(server.url('#/library'));
  await page.locator('[data-testid="tab"]').first().waitFor();
  await page.evaluate(async ({ module, still }) => {
    const frame = document.createElement('div');
    frame.className = 'graph-frame';
    frame.tabIndex = 0;
    frame.append(document.createElement('canvas'), document.createElement('canvas'));
    document.body.replaceChildren(frame);
    const { openGraph } = await import(module);
    window.told = [];
    window.view = await openGraph(frame, (event) => window.told.push(event));
    window.view.look(Uint8Array.of(29, 27, 25), Uint8Array.of(255, 255, 255), still);
    window.canvas = frame.firstChild;
    /** A graph of some nodes, all alike, and edges between neighbours in a ring and others. */
    window.graph = (nodes, edges) => {
      let seed = 1;
      const random = (below) => {
        seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
        return Math.floor((seed / 2 ** 32) * below);
      };
      const ends = new Uint32Array(2 * edges);
      for (let edge = 0; edge < edges; edge += 1) {
        // A few dozen neighbourhoods, as features have them.
        const from = random(nodes);
        ends.set([from, (from + 1 + random(40)) % nodes], 2 * edge);
      }
      return {
        ids: Uint32Array.from({ length: nodes }, (_, at) => at * 3 + 5),
        radii: new Float32Array(nodes).fill(0.5),
        colours: new Uint8Array(4 * nodes).map((_, at) => [232, 93, 4, 255][at % 4]),
        marks: new Uint8Array(nodes),
        ends,
        weights: new Float32Array(edges).fill(0.5),
        widths: new Float32Array(edges).fill(1),
        tints: new Uint8Array(4 * edges).map((_, at) => [0, 0, 0, 60][at % 4]),
        named: Uint32Array.of(0),
        names: ['the first'],
      };
    };
    window.settled = () => new Promise((done) => {
      const look = () => (window.canvas.dataset.settled === 'true' ? done() : setTimeout(look, 20));
      look();
    });
  }, { module, still });
  return page;
}

test('2,000 nodes and 10,000 edges take the page less than 8 ms per frame, while the worker computes', async () => {
  const page = await open();
  assert.equal(await page.evaluate(() => window.canvas.dataset.painter), 'webgl2');
  const measured = await page.evaluate(async () => {
    window.view.setGraph(window.graph(2000, 10_000));
    await new Promise((drawn) => {
      const look = () => (Number(window.canvas.dataset.drawn) === 2000 ? drawn() : setTimeout(look, 20));
      look();
    });
    const own = [];
    const frames = [];
    let last = performance.now();
    for (let frame = 0; frame < 90; frame += 1) {
      window.canvas.dispatchEvent(new WheelEvent('wheel', { deltaY: frame % 2 === 0 ? -20 : 20, bubbles: true, cancelable: true }));
      await new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)));
      own.push(Number(window.canvas.dataset.milliseconds));
      frames.push((performance.now() - last) / 2);
      last = performance.now();
    }
    const during = window.canvas.dataset.settled;
    const middle = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];
    const largest = Math.max(...own);
    const start = performance.now();
    await window.settled();
    const rest = performance.now() - start;
    window.view.fit();
    await new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)));
    return { own: middle(own), largest, frame: middle(frames), during, settled: rest, drawn: Number(window.canvas.dataset.drawn) };
  });
  console.log(`# graph of 2,000 nodes and 10,000 edges: ${measured.own.toFixed(2)} ms of the page's own work per frame (most ${measured.largest.toFixed(2)}), ${measured.frame.toFixed(1)} ms per frame on this machine; at rest ${(measured.settled / 1000).toFixed(1)} s later`);
  // The worker by itself, to the end of the layout.
  const alone = await open(browser, { still: true });
  const whole = await alone.evaluate(async () => {
    const start = performance.now();
    window.view.setGraph(window.graph(2000, 10_000));
    await window.settled();
    return performance.now() - start;
  });
  console.log(`# its layout in the worker, from the beginning to rest: ${(whole / 1000).toFixed(1)} s`);
  await alone.context().close();
  assert.equal(measured.drawn, 2000);
  assert.ok(measured.own < 8, `${measured.own} ms`);
  await page.context().close();
});

test('a layout is the same each time, and told once where nothing shall move', async () => {
  const places = async (still) => {
    const page = await open(browser, { still });
    const found = await page.evaluate(async () => {
      window.view.setGraph(window.graph(60, 200));
      await window.settled();
      await new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)));
      window.view.fit();
      return { svg: window.view.svg(), frames: Number(window.canvas.dataset.frames) };
    });
    await page.context().close();
    return found;
  };
  const moving = await places(false);
  const [one, other] = [await places(true), await places(true)];
  assert.equal(one.svg, other.svg);
  assert.equal(one.svg, moving.svg, 'the same as if it had moved');
  assert.equal(one.svg.match(/<circle/g).length, 60);
  assert.ok(one.frames < 10, `${one.frames} frames`);
  assert.ok(moving.frames > 100, `${moving.frames} frames`);
});

test('a node is drawn in its colour, pointed at, pressed; keys and wheel move the view', async () => {
  const page = await open(browser, { still: true });
  await page.evaluate(async () => {
    window.view.setGraph(window.graph(1, 0));
    await window.settled();
    window.pixel = async (x, y) => {
      const bitmap = await createImageBitmap(await window.view.png());
      const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
      const context = canvas.getContext('2d');
      context.drawImage(bitmap, 0, 0);
      return [...context.getImageData(Math.round(x * bitmap.width), Math.round(y * bitmap.height), 1, 1).data];
    };
  });
  const [red, green, blue] = await page.evaluate(() => window.pixel(0.5, 0.5));
  assert.ok(red > 200 && green > 70 && green < 120 && blue < 30, `${[red, green, blue]}`);
  assert.deepEqual(await page.evaluate(() => window.pixel(0.02, 0.02)), [255, 255, 255, 255]);
  const box = await page.locator('canvas').first().boundingBox();
  const middle = [box.x + box.width / 2, box.y + box.height / 2];
  await page.mouse.move(...middle);
  await page.mouse.down();
  await page.mouse.up();
  await page.mouse.move(box.x + 3, box.y + 3);
  const told = await page.evaluate(() => window.told);
  assert.deepEqual(told, [{ hover: 5 }, { press: 5 }, { hover: -1 }]);
  const moved = async (change) => {
    const before = await page.evaluate(() => window.view.svg());
    await change();
    return (await page.evaluate(() => window.view.svg())) !== before;
  };
  assert.ok(await moved(() => page.mouse.wheel(0, -300)));
  await page.evaluate(() => document.querySelector('.graph-frame').focus());
  assert.ok(await moved(() => page.keyboard.press('+')));
  const fitted = await page.evaluate(() => { window.view.fit(); return window.view.svg(); });
  await page.keyboard.press('-');
  await page.keyboard.press('0');
  assert.equal(await page.evaluate(() => window.view.svg()), fitted);
  assert.ok(fitted.includes('>the first</text>'));
  // Dragging turns: with one node the target is its middle, so a second one is needed.
  await page.evaluate(async () => { window.view.setGraph(window.graph(2, 1)); await window.settled(); });
  assert.ok(await moved(async () => {
    await page.mouse.move(box.x + 30, box.y + 30);
    await page.mouse.down();
    await page.mouse.move(box.x + 90, box.y + 50, { steps: 4 });
    await page.mouse.up();
  }));
  assert.equal((await page.evaluate(() => window.told)).filter(({ press }) => press !== undefined).length, 1, 'a drag is no press');
  await page.context().close();
});

test('nonsense is refused with a sentence, and what was there stays', async () => {
  const page = await open(browser, { still: true });
  const errors = await page.evaluate(async () => {
    window.view.setGraph(window.graph(3, 2));
    await window.settled();
    const graph = { ...window.graph(3, 2), radii: Float32Array.of(1, Number.NaN, 1) };
    let refused = '';
    try {
      window.view.setGraph(graph);
    } catch (error) {
      refused = error.message;
    }
    window.view.setGraph({ ...window.graph(3, 2), weights: Float32Array.of(1, Number.NaN) });
    await new Promise((told) => {
      const look = () => (window.told.some(({ error }) => error !== undefined) ? told() : setTimeout(look, 20));
      look();
    });
    return { refused, told: window.told.find(({ error }) => error !== undefined).error };
  });
  assert.match(errors.refused, /radius of node 1 is NaN/);
  assert.match(errors.told, /weight of edge 1 is NaN/);
  await page.context().close();
});

test('without WebGL2 it says that it cannot draw, and still computes', async () => {
  const own = await launch({ webgpu: false, args: ['--disable-3d-apis'] });
  const page = await open(own, { still: true });
  const found = await page.evaluate(async () => {
    window.view.setGraph(window.graph(4, 3));
    await window.settled();
    return { draws: window.view.draws, painter: window.canvas.dataset.painter, circles: window.view.svg().match(/<circle/g).length };
  });
  assert.deepEqual(found, { draws: false, painter: 'none', circles: 4 });
  await own.close();
});

test('a lost canvas is drawn again', async () => {
  const page = await open(browser, { still: true });
  const drawn = await page.evaluate(async () => {
    window.view.setGraph(window.graph(5, 4));
    await window.settled();
    const lose = window.canvas.getContext('webgl2').getExtension('WEBGL_lose_context');
    const event = (name) => new Promise((came) => { window.canvas.addEventListener(name, came, { once: true }); });
    const lost = event('webglcontextlost');
    lose.loseContext();
    await lost;
    // A canvas can be given back once everybody has heard of its loss.
    await new Promise((heard) => setTimeout(heard, 0));
    window.canvas.dataset.drawn = '0';
    const restored = event('webglcontextrestored');
    lose.restoreContext();
    await restored;
    await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    return Number(window.canvas.dataset.drawn);
  });
  assert.equal(drawn, 5);
  await page.context().close();
});
