// The fetcher's side of a connection: fetches an address and fills blocks of its body, as the other side (connections.js)
// asks for them.
//
// In:  {url, init, stall}                   the first message; then
//      {fill: {length, block?, filled?, skip?}}   {close}
// Out: {answer: {status, ok, type, headers}}   {failed: message}
//      {arrived: filled}   {filled: {block, filled, reason?}}

import { Body } from './body.js';

/** Telling of bytes more often than this costs more than it shows, milliseconds. */
const EVERY = 20;

/** The browser's own, which the fetcher takes out of its scope. */
const { fetch } = globalThis;

/** Serves one connection at a port, until a message closes it. */
export function serve(port) {
  const controller = new AbortController();
  let body = null;
  let lastTold = 0;

  const begin = async ({ url, init, stall }) => {
    try {
      const { status, ok, type, headers, body: stream } = await fetch(url, { ...init, signal: controller.signal });
      body = stream === null ? null : new Body(stream, stall);
      port.postMessage({ answer: { status, ok, type, headers: [...headers], empty: stream === null } });
    } catch (error) {
      port.postMessage({ failed: String(error?.message ?? error) });
    }
  };
  const fill = async (wanted) => {
    const done = await body.fill(wanted, (filled) => {
      const now = performance.now();
      if (now - lastTold < EVERY) return;
      lastTold = now;
      port.postMessage({ arrived: filled });
    });
    port.postMessage({ filled: done }, [done.block.buffer]);
  };
  port.onmessage = ({ data }) => {
    if (data.url !== undefined) begin(data);
    else if (data.fill !== undefined) fill(data.fill);
    else if (data.close) {
      controller.abort();
      port.close();
    }
  };
}
