// Hashes of what is in memory as a whole.

/** True if there are any; not outside a secure context. */
export const canHash = () => globalThis.crypto?.subtle !== undefined;

/** A hash of some bytes, as hexadecimal digits. */
export async function hexadecimalHash(algorithm, bytes) {
  const hash = await crypto.subtle.digest(algorithm, bytes);
  return [...new Uint8Array(hash)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
