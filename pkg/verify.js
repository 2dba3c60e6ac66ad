// Verification of files by the hashes that their hosts state.
//
// Small ones before they are used. To hash a model takes seconds, so nobody waits for that: it is read first, and its stored
// copy is checked once, while the engine has nothing to do.

import { SaeExplorerError } from './errors.js';
import { canHash, hexadecimalHash } from './hash.js';

/** Bytes that are hashed before the engine may run again: a few milliseconds. */
const PIECE_BYTES = 1 << 20;

/**
 * Rejects where a file's bytes are not those of its host's list.
 * @param {import('./files.js').FileAt} file
 * @param {Uint8Array} bytes all of it
 */
export async function checkSmall({ name, url, hash, pinned }, bytes) {
  const [, kind, expected] = /^(sha256|git)-([0-9a-f]+)$/.exec(hash ?? '') ?? [];
  if (kind === undefined || !canHash()) return;
  const found = kind === 'git' ? await gitHash(bytes) : await hexadecimalHash('SHA-256', bytes);
  if (found === expected) return;
  throw new SaeExplorerError('bad-file', `${name} is not the file that ${whoLists(pinned)}: its ${kind === 'git' ? 'git hash' : 'SHA-256'} is ${found}, not ${expected}. Try again; if this comes back, tell the owner of ${new URL(url).host}.`, { file: name, url, found, expected });
}

const whoLists = (pinned) => (pinned ? 'the catalogue names' : 'its host lists');

// Git hashes a file behind a line with its length.
async function gitHash(bytes) {
  const header = new TextEncoder().encode(`blob ${bytes.length}\0`);
  const whole = new Uint8Array(header.length + bytes.length);
  whole.set(header);
  whole.set(bytes, header.length);
  return hexadecimalHash('SHA-1', whole);
}

/** Checks stored files, one after another. */
export class Verifier {
  #waiting = [];
  #working = false;
  #newHash;
  #turn;
  #onNotice;

  /**
   * @param {object} given
   * @param {() => {update(bytes: Uint8Array): void, finish(): string, free?(): void}} given.newHash begins a SHA-256
   * @param {() => Promise<void>} given.turn resolves when there is nothing else to do
   * @param {(notice: {code: string, message: string}) => void} given.onNotice called with a file that is another one
   */
  constructor({ newHash, turn, onNotice }) {
    this.#newHash = newHash;
    this.#turn = turn;
    this.#onNotice = onNotice;
  }

  /** Checks a stored file, when there is time; one that is not wholly there, or was checked before, is left alone. */
  add(entry) {
    if (entry === null || entry.sha256 === null || entry.verified || !entry.complete) return;
    this.#waiting.push(entry);
    this.#work();
  }

  async #work() {
    if (this.#working) return;
    this.#working = true;
    while (this.#waiting.length > 0) await this.#verify(this.#waiting.shift());
    this.#working = false;
  }

  async #verify(entry) {
    const hash = this.#newHash();
    for (let index = 0; index < entry.count; index += 1) {
      await this.#turn();
      const block = await entry.get(index);
      if (block === null) return hash.free?.(); // deleted meanwhile
      for (let at = 0; at < block.length; at += PIECE_BYTES) {
        await this.#turn();
        hash.update(block.subarray(at, at + PIECE_BYTES));
      }
    }
    const found = hash.finish();
    if (found === entry.sha256) return entry.markVerified();
    await entry.drop();
    const { name, url, pinned } = entry.meta;
    this.#onNotice({
      code: 'wrong-content',
      message: `${name} is not the file that ${whoLists(pinned)}: its SHA-256 is ${found}, not ${entry.sha256}. What was loaded from it may be wrong. The stored copy was deleted: load it again; if this comes back, tell the owner of ${new URL(url).host}.`,
    });
  }
}
