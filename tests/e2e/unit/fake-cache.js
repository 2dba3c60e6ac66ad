// The browser's Cache, as far as the package uses it, over a Map that a test can look into and make fail.

import './node-18.js';

/**
 * Installs `caches` and returns its content: `parts` (address → bytes), `room` (bytes that fit), `deny` (an error that
 * every call meets), `unreadable` ({pattern, times, late}: reads of matching addresses fail so many times, `late`: with
 * the body rather than at once), `writes`.
 */
export function installFakeCaches() {
  const state = { parts: new Map(), room: Infinity, deny: null, unreadable: null, writes: 0, deleted: [] };
  const guard = () => {
    if (state.deny !== null) throw state.deny;
  };
  const addressOf = (request) => (typeof request === 'string' ? request : request.url);
  const cache = {
    async match(request) {
      guard();
      const bytes = state.parts.get(addressOf(request));
      const { unreadable } = state;
      if (bytes !== undefined && unreadable?.pattern.test(addressOf(request)) && unreadable.times > 0) {
        unreadable.times -= 1;
        const failure = new DOMException('The operation failed.', 'UnknownError');
        if (!unreadable.late) throw failure;
        return { arrayBuffer: () => Promise.reject(failure) };
      }
      return bytes === undefined ? undefined : new Response(bytes);
    },
    async put(request, response) {
      const bytes = new Uint8Array(await response.arrayBuffer());
      guard();
      let used = bytes.length;
      for (const [address, part] of state.parts) if (address !== addressOf(request)) used += part.length;
      if (used > state.room) throw new DOMException('Quota exceeded.', 'QuotaExceededError');
      state.writes += 1;
      state.parts.set(addressOf(request), bytes);
    },
    async delete(request) {
      guard();
      return state.parts.delete(addressOf(request));
    },
    async keys() {
      guard();
      return [...state.parts.keys()].map((url) => ({ url }));
    },
  };
  globalThis.caches = {
    open: async () => {
      guard();
      return cache;
    },
    delete: async (name) => {
      state.deleted.push(name);
      return true;
    },
  };
  return state;
}

/** Block numbers that are stored, of whatever file. */
export const storedBlocks = ({ parts }) =>
  [...parts.keys()]
    .map((address) => /\/(\d+)$/.exec(address)?.[1])
    .filter((index) => index !== undefined)
    .map(Number)
    .sort((one, other) => one - other);
