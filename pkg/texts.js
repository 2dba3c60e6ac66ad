// Texts and addresses as callers give them.

import { TEXT, required, wrong } from './options.js';

/** A prompt: a text, or token ids. */
export function promptOf(given) {
  if (given instanceof Uint32Array) return given;
  if (!Array.isArray(given)) return text(given);
  const id = given.find((id) => !Number.isInteger(id) || id < 0 || id > 0xffffffff);
  if (id !== undefined || given.includes(undefined)) throw wrong('prompt', id, { accepts: 'a text, or an array of token ids' });
  return Uint32Array.from(given);
}

/** Text in JavaScript may hold half a surrogate pair, which no UTF-8 can; it becomes U+FFFD, as browsers do everywhere. */
export function text(given, name = 'prompt') {
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(new TextEncoder().encode(required(name, given, TEXT)));
}

/** True for an http(s) address. */
export function isHttp(address) {
  try {
    return typeof address === 'string' && ['http:', 'https:'].includes(new URL(address).protocol);
  } catch {
    return false;
  }
}
