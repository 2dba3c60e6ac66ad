// The thread that reads Blobs for one that waits (node-reader.js).

import { parentPort } from 'node:worker_threads';

parentPort.on('message', async ({ blob, port, done }) => {
  try {
    const bytes = await blob.arrayBuffer();
    port.postMessage({ bytes }, [bytes]);
  } catch (error) {
    port.postMessage({ failed: String(error?.message ?? error) });
  }
  Atomics.store(done, 0, 1);
  Atomics.notify(done, 0);
});
