// A worker's long computation lets its messages through.

const messages = new MessageChannel();
const waiting = [];

/** Lets the messages that wait be handled. */
export function turn() {
  messages.port1.onmessage = () => waiting.shift()();
  return new Promise((resume) => {
    waiting.push(resume);
    messages.port2.postMessage(null);
  });
}
