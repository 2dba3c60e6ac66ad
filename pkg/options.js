// Checks of options and arguments as callers give them. What is wrong is refused by name, with its value and what is
// accepted, before anything is sent to the worker. Options that are not known here are the engine's affair.

import { SaeExplorerError } from './errors.js';

/**
 * Permitted values of an option.
 * @typedef {object} Kind
 * @property {string} accepts in words, for the message
 * @property {unknown[]} [allowed] the values, where there are few
 * @property {(value: unknown) => boolean} test
 * @property {(value: unknown) => unknown} [made] what it is sent as
 */

const spelled = (value) => (typeof value === 'string' ? `"${value}"` : String(value));
const inWords = (list) => (list.length < 2 ? list.join() : `${list.slice(0, -1).join(', ')} or ${list.at(-1)}`);

/** One of some values. */
const oneOf = (...allowed) => ({ accepts: inWords(allowed.map(spelled)), allowed, test: (value) => allowed.includes(value) });

/** A whole number. */
const whole = (least = 0) => ({ accepts: `a whole number from ${least} on`, test: (value) => Number.isSafeInteger(value) && value >= least });

const isObject = (value) => value !== null && typeof value === 'object';

export const BACKEND = oneOf('auto', 'gpu', 'cpu');
export const LIMITS = oneOf('adapter', 'default');
export const WEIGHT_FORMAT = oneOf('auto', 'f32', 'f16');
export const FLAG = oneOf(true, false);
export const STREAM = oneOf(true, false, 'auto');
/** Words for the engine; true and false mean the same as yes and no. */
export const BOS = { ...oneOf(true, false, 'auto', 'yes', 'no'), made: (value) => (value === true ? 'yes' : value === false ? 'no' : value) };
export const COUNT = whole();
export const BYTES = { accepts: 'a Uint8Array', test: (value) => value instanceof Uint8Array };
export const FILES = { accepts: 'a list of {path, bytes}', test: (value) => Array.isArray(value) && value.every((file) => typeof file?.path === 'string' && file.bytes instanceof Uint8Array) };
export const COUNTS = { accepts: 'a list of whole numbers from 0 on', test: (value) => (Array.isArray(value) || ArrayBuffer.isView(value)) && [...value].every(COUNT.test), made: (value) => [...value] };
const isRange = (value) => isObject(value) && COUNT.test(value.from) && (value.to === undefined || COUNT.test(value.to));
export const POSITIONS = { ...COUNTS, accepts: 'a list of whole numbers from 0 on, or of ranges {from, to}', test: (value) => COUNTS.test(value) || (Array.isArray(value) && value.every((one) => COUNT.test(one) || isRange(one))) };
export const TEXT = { accepts: 'a text', test: (value) => typeof value === 'string' };
export const NAME = { accepts: 'a text that is not empty', test: (value) => typeof value === 'string' && value !== '' };
export const NAMES = { accepts: 'a list of texts', test: (value) => Array.isArray(value) && value.every(TEXT.test) };
export const FINITE = { accepts: 'a finite number', test: Number.isFinite };
export const POSITIVE = { accepts: 'a finite number above 0', test: (value) => Number.isFinite(value) && value > 0 };
export const NOT_NEGATIVE = { accepts: 'a finite number from 0 on', test: (value) => Number.isFinite(value) && value >= 0 };
export const SHARE = { accepts: 'a number above 0 and up to 1', test: (value) => Number.isFinite(value) && value > 0 && value <= 1 };
export const SEED = {
  accepts: 'a whole number from 0 on (a BigInt below 2^64 where it is above 2^53)',
  test: (value) => (typeof value === 'bigint' ? value >= 0n && value < 2n ** 64n : COUNT.test(value)),
};
export const FUNCTION = { accepts: 'a function', test: (value) => typeof value === 'function' };
export const PROMISE = { accepts: 'a promise', test: (value) => typeof value?.then === 'function' };
export const SIGNAL = { accepts: 'an AbortSignal', test: (value) => isObject(value) && typeof value.aborted === 'boolean' && typeof value.addEventListener === 'function' };

/** A value for a message: short, and never a thing that cannot be printed. */
function shown(value) {
  if (typeof value === 'string') return `"${value.length > 80 ? `${value.slice(0, 80)}…` : value}"`;
  if (Array.isArray(value)) return `[${value.slice(0, 5).map(shown).join(', ')}${value.length > 5 ? ', …' : ''}]`;
  if (typeof value === 'function') return 'a function';
  if (isObject(value)) return `an object of the kind ${value.constructor?.name ?? 'Object'}`;
  return typeof value === 'bigint' ? `${value}n` : String(value);
}

/**
 * The error of a wrong value.
 * @param {string} option its name
 * @param {unknown} value
 * @param {Kind} kind
 */
export function wrong(option, value, { accepts, allowed }) {
  const what = value === undefined ? `${option} is missing; it must be ${accepts}.` : `${option} is ${shown(value)}; it must be ${accepts}.`;
  return new SaeExplorerError('bad-option', what, { option, value: isObject(value) || typeof value === 'function' ? shown(value) : value, accepts, ...(allowed === undefined ? {} : { allowed }) });
}

/** An argument that must be there, as it is sent. */
export function required(option, value, kind) {
  if (value === undefined || !kind.test(value)) throw wrong(option, value, kind);
  return kind.made?.(value) ?? value;
}

/**
 * Options, checked; absent ones (undefined or null) are left out, unknown ones are as they were.
 * @param {unknown} given
 * @param {Record<string, Kind>} kinds
 * @param {string} name of the argument
 */
export function checked(given, kinds, name = 'options') {
  if (!isObject(given) || Array.isArray(given)) throw wrong(name, given, { accepts: 'an object' });
  const sent = { ...given };
  for (const [option, kind] of Object.entries(kinds)) {
    if (sent[option] === undefined || sent[option] === null) delete sent[option];
    else sent[option] = required(option, sent[option], kind);
  }
  return sent;
}

/** The option of every call that may take long. */
export const STOPPABLE = { signal: SIGNAL };
/** Options of everything that runs a prompt. */
export const PROMPT = { ...STOPPABLE, bos: BOS };
export const TRACE = { ...PROMPT, saes: NAMES, topLogits: COUNT, logits: FLAG };
export const EDITED = { ...TRACE, track: COUNTS };
export const GENERATE = { ...PROMPT, maxTokens: COUNT, temperature: NOT_NEGATIVE, seed: SEED, topK: COUNT, topP: SHARE, repetitionPenalty: POSITIVE, features: NAMES, onToken: FUNCTION, onFeatures: FUNCTION };
export const EFFECTS = { ...PROMPT, sae: TEXT, positions: TEXT, target: COUNT, distractor: COUNT, rankBy: oneOf('loss', 'kl', 'logitDifference'), top: COUNT, within: NOT_NEGATIVE, onEffects: FUNCTION };
export const PATCH_STREAM = { ...PROMPT, target: COUNT, distractor: COUNT, signal: SIGNAL };
export const EDIT = { sae: TEXT, latent: COUNT, value: FINITE, operation: oneOf('set', 'add', 'scale'), positions: POSITIONS, on: FLAG };
export const TAPS = { ...PROMPT, names: NAMES, logitLens: COUNT, signal: SIGNAL };
export const SCAN = { ...STOPPABLE, sets: NAMES, name: NAME, context: COUNT, bos: BOS, textField: NAME, limitTokens: COUNT, map: FLAG, onProgress: FUNCTION };
export const TRAIN = {
  ...STOPPABLE, hook: NAME, latents: COUNT, k: COUNT, activation: oneOf('topk', 'batch_topk', 'jump_relu', 'relu'), matryoshka: COUNTS, tokens: COUNT, batch: COUNT, lr: POSITIVE, seed: COUNT, processor: oneOf('cpu', 'gpu'),
  settings: { accepts: 'an object of settings by their names', test: (value) => isObject(value) && !Array.isArray(value) },
  context: COUNT, bos: BOS, keepFirst: FLAG, textField: NAME, corpusTokens: COUNT, name: NAME, checkpointSeconds: POSITIVE, resume: NAME, confirm: FLAG, onProgress: FUNCTION,
};
export const EVALUATE = {
  ...STOPPABLE, saes: { accepts: 'a list of ids of loaded SAEs, and of trainings as {training, id}', test: (value) => Array.isArray(value) && value.every((sae) => TEXT.test(sae) || NAME.test(sae?.training)) },
  recovery: FLAG, probes: FLAG, ablation: FLAG, ablations: COUNT, tokens: COUNT, documentTokens: COUNT, context: COUNT, bos: BOS, textField: NAME, seed: COUNT, onProgress: FUNCTION,
};
export const LOAD_MODEL = { id: NAME, prependBos: FLAG, weightFormat: WEIGHT_FORMAT, signal: SIGNAL };
export const LOAD_SAE = { hook: TEXT, id: NAME, weightFormat: WEIGHT_FORMAT, centre: FLAG, prependBos: FLAG, normScalingFactor: POSITIVE, stream: STREAM, only: NAME, signal: SIGNAL };
export const PREPARE = { share: NAME, model: oneOf('demo'), manifest: PROMISE, sae: { accepts: 'a text or a promise of one', test: (value) => NAME.test(value) || PROMISE.test(value) }, after: PROMISE };
export const CREATE = { share: NAME, backend: BACKEND, limits: LIMITS, onProgress: FUNCTION, onNotice: FUNCTION, stallSeconds: POSITIVE };

/** An edit, checked: an object, or a text, which the engine reads. */
function checkedEdit(edit) {
  if (typeof edit === 'string') return edit;
  const given = checked(edit, EDIT, 'edit');
  for (const name of ['sae', 'latent', 'value']) required(name, given[name], EDIT[name]);
  return given;
}

/** The edits of one run, checked: an edit, or a list of them. */
export function givenEdits(edits) {
  return Array.isArray(edits) ? editList(edits) : checkedEdit(edits);
}

/** Edits, checked: a text, or a list of texts and objects. */
export function editList(edits) {
  if (typeof edits === 'string') return [edits];
  if (!Array.isArray(edits)) throw wrong('edits', edits, { accepts: 'a list of edits' });
  return edits.map(checkedEdit);
}
