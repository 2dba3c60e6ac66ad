// The first module of a page in one file: takes the files out of the page's elements.
//
// Each is a `<script type="application/octet-stream" data-file="PATH">`: gzip, as text of 7 bits per character
// (xtask/src/single_file/text.rs). Where `data-planes` is 2, the bytes of even places stand before those of odd ones, because the halves of
// 16-bit numbers compress better apart.

import { SITE, addFiles } from './single-file.js';
import { site } from './site.js';

/** Characters that are decoded at once: a multiple of 8, so that they are whole bytes, and few enough for the page to answer between. */
const PIECE = 1 << 19;

const TYPES = { wasm: 'application/wasm', js: 'text/javascript', json: 'application/json' };

/** The bytes of some characters. */
function decoded(text, from, to) {
  const bytes = new Uint8Array(Math.floor(((to - from) * 7) / 8));
  let held = 0;
  let count = 0;
  let at = 0;
  for (let index = from; index < to; index += 1) {
    held = ((held << 7) | (text.charCodeAt(index) & 127)) & 0x7fff;
    count += 7;
    if (count < 8) continue;
    count -= 8;
    bytes[at] = held >> count;
    at += 1;
  }
  return bytes;
}

function bytesOf(text) {
  let at = 0;
  const pull = (controller) => {
    const to = Math.min(at + PIECE, text.length);
    if (to > at) controller.enqueue(decoded(text, at, to));
    at = to;
    if (at === text.length) controller.close();
  };
  return new ReadableStream({ pull });
}

/** Puts the bytes of even places and those of odd ones together again. */
function joined(apart) {
  const bytes = new Uint8Array(apart.length);
  const half = Math.ceil(apart.length / 2);
  for (let at = 0; at < half; at += 1) bytes[2 * at] = apart[at];
  for (let at = half; at < apart.length; at += 1) bytes[2 * (at - half) + 1] = apart[at];
  return bytes;
}

async function unpacked(element) {
  const { file, planes } = element.dataset;
  const type = TYPES[file.slice(file.lastIndexOf('.') + 1)] ?? 'application/octet-stream';
  const text = element.textContent;
  element.remove();
  try {
    const bytes = await new Response(bytesOf(text).pipeThrough(new DecompressionStream('gzip'))).arrayBuffer();
    return [file, new Blob([planes === '2' ? joined(new Uint8Array(bytes)) : bytes], { type })];
  } catch (error) {
    throw new Error(`${file} in it cannot be read (${error?.message ?? error})`);
  }
}

async function unpackAll() {
  const elements = [...document.querySelectorAll('script[data-file]')];
  // One after the other: each is some megabytes, which are let go of as soon as they are read.
  for (const element of elements) addFiles([await unpacked(element)]);
}

const { lacks, files } = document.documentElement.dataset;

site.lacks = lacks;
site.base = () => SITE;
site.advice = 'The file may be damaged, or was not copied to its end: take it again from where it came. Otherwise use a current version of Chrome, Edge, Firefox or Safari.';
site.ready = document.querySelectorAll('script[data-file]').length === Number(files) ? unpackAll() : Promise.reject(new Error('a part of it is missing'));
