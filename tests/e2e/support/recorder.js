// A proxy through which a browser's context sends everything, so that it sees each request of pages, of workers and of what these start.
// What Chromium asks for itself comes from another context, and passes it by, with one exception.

import { createServer, request as ask } from 'node:http';

/** Chromium asks its search engine something in each context, whatever page is there. Told another name for it, one knows such a request. */
const OWN = 'http://chromium-own.invalid';

/** How a browser is launched whose requests are recorded. */
export const RECORDED = { args: [`--google-base-url=${OWN}/`], without: ['PreconnectToSearch', 'AutofillServerCommunication'] };

/**
 * @param {{to?: string[]}} options origins to which requests are handed on; any other one is refused
 * @returns {Promise<{requests: string[], context: object, close: () => Promise<void>}>} `requests`: method and address of each, of https the
 *   host alone; `context`: for newContext()
 */
export async function recorder({ to = [] } = {}) {
  const requests = [];
  const server = createServer((request, response) => {
    const { method, url, headers } = request;
    if (new URL(url).origin !== OWN) requests.push(`${method} ${url}`);
    if (!to.includes(new URL(url).origin)) {
      response.writeHead(403);
      response.end();
      return;
    }
    const onward = ask(url, { method, headers }, (found) => {
      response.writeHead(found.statusCode, found.headers);
      found.pipe(response);
    });
    onward.on('error', () => response.destroy());
    response.on('close', () => onward.destroy());
    request.pipe(onward);
  });
  // Requests over https, and whatever else is tunnelled, as web sockets are.
  server.on('connect', ({ url }, socket) => {
    requests.push(`CONNECT ${url}`);
    socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
  });
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
  return {
    requests,
    // Requests to this machine would pass it by.
    context: { proxy: { server: `http://127.0.0.1:${server.address().port}`, bypass: '<-loopback>' } },
    close: () => {
      server.closeAllConnections();
      return new Promise((closed) => server.close(closed));
    },
  };
}
