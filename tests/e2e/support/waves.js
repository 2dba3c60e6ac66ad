// A line to a site on which every answer waits until nothing else can happen: what is requested at once is answered at once, as
// one wave. Counts how many requests must follow one another, whatever the speed of machine and line.

import { createServer, request as ask } from 'node:http';

/**
 * @param {string} target address of the site, without a path
 * @param {{quiet?: number}} options time without a request or an answer after which a wave is answered, milliseconds: longer than
 *   the page ever takes to follow an answer with its next request
 * @returns `waves`: the paths of each wave's requests; `url(path)`; `close()`
 */
export async function serveInWaves(target, { quiet = 1500 } = {}) {
  const waves = [];
  let held = [];
  let answering = 0;
  let timer;
  const arm = () => {
    clearTimeout(timer);
    if (answering === 0 && held.length > 0) timer = setTimeout(release, quiet);
  };
  const release = () => {
    waves.push(held.map(({ path }) => path));
    for (const { answer } of held.splice(0)) answer();
  };
  const server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url, target).pathname.slice(1)) || 'index.html';
    const over = () => {
      answering -= 1;
      arm();
    };
    const answer = () => {
      answering += 1;
      response.once('close', over);
      const { method, headers } = request;
      ask(new URL(request.url, target), { method, headers: { ...headers, host: new URL(target).host } }, (found) => {
        response.writeHead(found.statusCode, found.headers);
        found.pipe(response);
      })
        .on('error', () => response.destroy())
        .end();
    };
    held.push({ path: `${request.method === 'GET' ? '' : `${request.method} `}${path}`, answer });
    arm();
  });
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
  return {
    waves,
    url: (path) => `http://127.0.0.1:${server.address().port}/${path}`,
    close: () => {
      clearTimeout(timer);
      server.closeAllConnections();
      return new Promise((closed) => server.close(closed));
    },
  };
}
