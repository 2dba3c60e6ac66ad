// The browser's `FileReaderSync` for threads in Node: another thread reads (node-reading.js), and this one waits for it.

import { MessageChannel, Worker, receiveMessageOnPort } from 'node:worker_threads';

/** A part of a text is a megabyte or so; a thread that has not read it by then has ended, milliseconds. */
const LIMIT = 60_000;

let thread = null;

export class FileReaderSync {
  /** @param {Blob} blob */
  readAsArrayBuffer(blob) {
    // Started for the first text: only scans read in this way. It ends with the thread that started it.
    thread ??= new Worker(new URL('./node-reading.js', import.meta.url));
    const { port1, port2 } = new MessageChannel();
    const done = new Int32Array(new SharedArrayBuffer(4));
    thread.postMessage({ blob, port: port2, done }, [port2]);
    if (Atomics.wait(done, 0, 0, LIMIT) === 'timed-out') throw new Error('the thread that reads texts has ended');
    const { message } = receiveMessageOnPort(port1);
    port1.close();
    if (message.failed !== undefined) throw new Error(message.failed);
    return message.bytes;
  }
}
