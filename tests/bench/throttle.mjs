// A slow line to a server of this machine: TCP connections that share so many bits a second downwards, with a delay in both
// directions. Sockets, because a browser's own throttling does not reach the requests of a worker's worker.
//
// A new connection costs one more round trip, as its handshake does; TLS and a line's slow start are left out.

import { connect, createServer } from 'node:net';

/** Bytes that a connection sends before it is another one's turn. */
const SEGMENT = 4 << 10;
/** Bytes of one connection that wait for the line before the server is stopped. */
const WAITING = 256 << 10;

/**
 * @param {string} target address of a server
 * @param {{bitsPerSecond: number, roundTrip: number}} line milliseconds of a round trip
 * @returns `address` of the slow end; `bytes()` that came down; `close()`
 */
export async function throttle(target, { bitsPerSecond, roundTrip }) {
  const { hostname, port } = new URL(target);
  const oneWay = roundTrip / 2;
  const open = new Set();
  const line = new Line(bitsPerSecond, oneWay);
  const server = createServer((near) => {
    const far = connect({ host: hostname, port: Number(port) });
    open.add(near).add(far);
    near.setNoDelay(true);
    far.setNoDelay(true);
    const established = performance.now() + roundTrip;
    const up = new Schedule();
    near.on('data', (bytes) => up.at(Math.max(established, performance.now()) + oneWay, () => far.writable && far.write(bytes)));
    const way = line.add(near, far);
    far.on('data', (bytes) => way.put(bytes));
    far.on('end', () => way.put(null));
    // An upward end is rare (browsers keep connections), and a broken one ends both.
    const over = () => {
      line.remove(way);
      for (const socket of [near, far]) {
        socket.destroy();
        open.delete(socket);
      }
    };
    near.on('close', over).on('error', over);
    far.on('error', over);
  });
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
  return {
    address: `http://127.0.0.1:${server.address().port}/`,
    bytes: () => line.bytes,
    close: () => {
      for (const socket of open) socket.destroy();
      server.close();
    },
  };
}

/** Work at given times, each not before the one that was given before it: timers alone may go off in another order. */
class Schedule {
  #work = [];
  #timer = null;

  at(time, run) {
    this.#work.push({ time, run });
    this.#timer ??= setTimeout(() => this.#due(), time - performance.now());
  }

  #due() {
    while (this.#work.length > 0 && this.#work[0].time <= performance.now()) this.#work.shift().run();
    const [next] = this.#work;
    this.#timer = next === undefined ? null : setTimeout(() => this.#due(), Math.max(1, next.time - performance.now()));
  }
}

/** The way down: connections take turns, a segment each. */
class Line {
  bytes = 0;
  #perMillisecond;
  #oneWay;
  #ways = [];
  #free = 0; // when the line has sent what it was given
  #running = false;

  constructor(bitsPerSecond, oneWay) {
    this.#perMillisecond = bitsPerSecond / 8000;
    this.#oneWay = oneWay;
  }

  add(near, far) {
    const way = { near, far, waiting: [], size: 0, down: new Schedule() };
    way.put = (bytes) => {
      way.waiting.push(bytes);
      way.size += bytes?.length ?? 0;
      if (way.size > WAITING) far.pause();
      this.#run();
    };
    this.#ways.push(way);
    return way;
  }

  remove(way) {
    this.#ways = this.#ways.filter((other) => other !== way);
  }

  #run() {
    if (this.#running) return;
    this.#running = true;
    this.#free = Math.max(this.#free, performance.now());
    this.#step();
  }

  // Sends what the line has had time for, then sleeps.
  #step() {
    while (this.#free <= performance.now()) {
      const at = this.#ways.findIndex(({ waiting }) => waiting.length > 0);
      if (at < 0) {
        this.#running = false;
        return;
      }
      const [way] = this.#ways.splice(at, 1);
      this.#ways.push(way); // the others first, next time
      this.#send(way);
    }
    setTimeout(() => this.#step(), Math.max(1, this.#free - performance.now()));
  }

  #send(way) {
    const { near, far, waiting, down } = way;
    const first = waiting.shift();
    if (first === null) {
      down.at(this.#free + this.#oneWay, () => near.end());
      return;
    }
    const segment = first.subarray(0, SEGMENT);
    if (first.length > SEGMENT) waiting.unshift(first.subarray(SEGMENT));
    way.size -= segment.length;
    if (way.size <= WAITING) far.resume();
    this.#free += segment.length / this.#perMillisecond;
    this.bytes += segment.length;
    down.at(this.#free + this.#oneWay, () => near.writable && near.write(segment));
  }
}
