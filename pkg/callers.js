// Who asks a worker: the page that started it, or each of the pages and figures that share it (sharing.js).

/** Somebody who asks, with the calls that are under way. */
export class Caller {
  /** Call's own id → the call. */
  calls = new Map();
  /** Sends a message. */
  post;

  /** @param {{postMessage: (message: unknown, transfer: Transferable[]) => void}} to */
  constructor(to) {
    this.post = (message, transfer = []) => to.postMessage(message, transfer);
  }

  /** A call begins. Ids of several callers may be the same, so that the call itself is what the worker knows it by. */
  begin(id, method, args) {
    const call = { caller: this, id, method, args, gone: false, send: (event, value) => this.post({ id, event, value }) };
    this.calls.set(id, call);
    this.post({ id, received: true });
    return call;
  }

  /** It has ended, with `{value}` or `{error}`. To one who has given it up nothing more is sent. */
  end(call, answer, transfer) {
    this.calls.delete(call.id);
    if (!call.gone) this.post({ id: call.id, ...answer }, transfer);
  }

  /** The caller gives a call up that goes on for others. */
  leave(call, error) {
    this.end(call, { error });
    call.gone = true;
  }
}
