// A training under way, as its caller has it.

/** See index.d.ts. */
export class Training {
  #steer;
  #stop;

  /**
   * @param {string} id
   * @param {Promise<object>} done
   * @param {{steer: (paused: boolean) => void, stop: () => void}} means
   */
  constructor(id, done, { steer, stop }) {
    this.id = id;
    this.done = done;
    this.#steer = steer;
    this.#stop = stop;
    done.catch(() => {}); // one who does not look at it has heard nothing of it
  }

  pause() {
    this.#steer(true);
  }

  resume() {
    this.#steer(false);
  }

  stop() {
    this.#stop();
  }
}
