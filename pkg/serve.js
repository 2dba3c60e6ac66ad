// A worker: owns one engine (made from Rust), loads files for it and runs the calls of its page one by one, or of all who share it.
//
// In:  {lock: name}   {ping}   {cancel: id}   {id, method, args}   {prepare: {demo, manifest?, sae?}}   {proceed}   {join: name of a lock}
// Out: {locked}       {pong}   {id, received}  {id, event, value}  {id, value | error}   {notice}   {fatal}   {hello}

import { holdAlive } from './alive.js';
import { duringCalls } from './byte-sources.js';
import { Caller } from './callers.js';
import { catalogueModel, catalogueSae, checkCatalogue, judged, saeDeviceBytes, saeFits, streamedDeviceBytes } from './catalogue.js';
import { Connections } from './connections.js';
import { Demo } from './demo.js';
import { SaeExplorerError, cancelled, toPlain } from './errors.js';
import { Files } from './files.js';
import { Gate, seal } from './gate.js';
import { demoSaes, modelFiles, saeFiles } from './load.js';
import { loads } from './loading.js';
import { canStay, fromFiles, fromLink } from './offers.js';
import { weightsHash } from './own-files.js';
import { Queue } from './queue.js';
import { Sharing } from './sharing.js';
import { nameOf } from './sources.js';
import { owners, withStored } from './stored.js';
import { buffersIn, hold } from './transfer.js';
import { Verifier } from './verify.js';

/**
 * The engine's module, as wasm-bindgen makes it.
 * @typedef {{init: Function, Engine: Function, Sha256: Function, Tokenizer: object, wasm: string}} Code
 */

let code = null;
let loaded = null; // who wants to know what was loaded from where, see scans.js
let engine = null;
let memory = null;
let lastTraceMilliseconds = null;
let device = null; // {backend, deviceBytes} as last seen
let catalogueUrl = null;
let catalogue = null; // a promise, once it was requested
let settings = { mirror: null, memoryBudget: null };
let modelOrigin = null; // the origin of the loaded model, see locations.js
const saeOrigins = new Map(); // id → the same
const stops = new Map(); // call that needs no engine → what stops it
let call = null; // {signal, failed} of the engine's call under way, for which streamed SAEs are read
const callers = new Set(); // the page, or all who share the worker
const sharing = 'onconnect' in self ? new Sharing(() => engine) : null;

const tellAll = (message) => {
  for (const caller of callers) caller.post(message);
};
const onNotice = (notice) => tellAll({ notice });
const gate = new Gate();
seal(self, gate);
const connections = new Connections(undefined, { gate });
connections.prepare();
const files = new Files(onNotice, { connections });
const demo = new Demo(files);
const queue = new Queue(() => engine?.cancel());
const verifier = new Verifier({
  newHash: () => new code.Sha256(),
  turn: async () => {
    await new Promise((resume) => setTimeout(resume)); // messages first
    await queue.idle();
  },
  onNotice,
});

const loading = loads({ files, verifier });

// Gives the messages that wait their turn, sixty times a second: often enough to stop at once, seldom enough to cost
// nothing between two tokens. A timer would take 4 ms each time.
const turns = new MessageChannel();
const turnEvery = 16;
let lastTurn = 0;
function pause() {
  if (performance.now() - lastTurn < turnEvery) return undefined;
  return new Promise((resume) => {
    turns.port1.onmessage = () => {
      lastTurn = performance.now();
      resume();
    };
    turns.port2.postMessage(null);
  });
}

const methods = {
  async start({ backend, limits, demo: manifest, catalogue: address, stallSeconds, settings: given }, { progress }) {
    demo.url = manifest;
    catalogueUrl = address;
    settings = given;
    if (stallSeconds !== undefined) connections.stall = 1000 * stallSeconds;
    for (const url of [manifest, address]) gate.choose(url);
    progress('engine', 0, 1);
    ({ memory } = await compiled());
    engine?.free(); // its device was lost
    engine = null;
    engine = await code.Engine.create(backend, limits, pause);
    progress('engine', 1, 1);
  },

  async loadModel({ source, id, prependBos, weightFormat }, context) {
    if (!source.demo) demo.abandon();
    const own = source.demo ? await demo.ofModel(context.signal) : null;
    return withModel(source, own, context, 'model', async (parts, { offer, from }) => {
      const name = own?.name ?? offer?.entry.name ?? parts.name ?? named(from) ?? id ?? 'model';
      const tokenizer = parts.tokenizer === undefined ? code.Tokenizer.fromVocabMerges(parts.vocab, parts.merges) : code.Tokenizer.fromJson(parts.tokenizer);
      const options = { id: id ?? own?.id ?? offer?.entry.id ?? name, name, weightFormat };
      const info = await engine.loadModel(parts.config, parts.weights, parts.index, tokenizer, options);
      engine.setPrependBos(own?.bos ?? prependBos ?? false);
      modelOrigin = parts.origin ?? null;
      saeOrigins.clear();
      loaded?.setModel(name, source);
      return { ...info, origin: modelOrigin };
    });
  },

  async loadSae({ source, id, ...options }, context) {
    if (source.demo) return loadDemoSaes(source, options, context);
    return withSae(source, context, 'sae', async (parts, { offer }) => {
      const info = await loadOneSae(context, id ?? offer?.id ?? parts.name, { ...options, hook: options.hook ?? offer?.hook, centre: options.centre ?? offer?.entry.centre, prependBos: options.prependBos ?? offer?.entry.bos }, parts);
      saeOrigins.set(info.id, parts.origin ?? null);
      loaded?.setSae(info.id, source);
      return { ...info, origin: saeOrigins.get(info.id) };
    });
  },

  async trace({ prompt, options }) {
    const start = performance.now();
    const trace = await engine.trace(prompt, options);
    lastTraceMilliseconds = performance.now() - start;
    return { ...trace, milliseconds: lastTraceMilliseconds };
  },

  loadNeurons({ id, hook }, { claim }) {
    claim(id);
    const info = engine.loadNeurons(id, hook);
    saeOrigins.delete(info.id);
    loaded?.setNeurons(info.id);
    return { ...info, origin: null };
  },

  unloadSae({ id }) {
    engine.unloadSae(id);
    saeOrigins.delete(id);
    loaded?.remove(id);
  },

  feature: ({ sae, latent }) => engine.feature(sae, latent),
  matches: ({ sae, latent, other }) => engine.matches(sae, latent, other),
  logits: ({ prompt, options }) => engine.logits(prompt, options),
  residual: ({ prompt, layer, options }) => engine.residual(prompt, layer, options),
  reconstruction: ({ prompt, sae, options }) => engine.reconstruction(prompt, sae, options),
  edited: ({ prompt, edit, options }) => engine.edited(prompt, edit, options),
  editBatch: ({ prompt, edits, options }) => engine.editBatch(prompt, edits, options),
  patchStream: ({ prompt, source, options }) => engine.patchStream(prompt, source, options),
  taps: ({ prompt, options }) => engine.taps(prompt, options),
  sampleLoss: () => engine.sampleLoss(),
  tokenize: ({ prompt, options }) => engine.tokenize(prompt, options),
  effects: ({ prompt, options }, { effects }) => engine.effects(prompt, options, effects),
  generate: ({ prompt, options, edits }, { token, features }) => engine.generate(prompt, options, edits, token, features),

  info() {
    const { model, saes, ...rest } = engine.info();
    return {
      ...rest,
      model: model === null ? null : { ...model, origin: modelOrigin },
      saes: saes.map((sae) => ({ ...sae, origin: saeOrigins.get(sae.id) ?? null })),
      wasmBytes: memory.buffer.byteLength,
      lastTraceMilliseconds,
    };
  },

  loseDevice: () => engine.loseDevice(),
};

// Calls that need no engine, and so do not wait for it.
const beside = {
  async storage() {
    await files.store.behind.flush();
    const entries = await files.store.entries();
    const { usage = null, quota = null } = (await navigator.storage?.estimate?.().catch(() => null)) ?? {};
    const owner = await ownerOf();
    return {
      entries: entries
        .map(({ key, meta: { name, url, size, usedAt }, storedBytes, complete, verified }) => ({ key, name, url, bytes: size, storedBytes, complete, verified, usedAt, ...owner(url) }))
        .sort((one, other) => other.usedAt - one.usedAt),
      usageBytes: usage,
      quotaBytes: quota,
      persisted: (await navigator.storage?.persisted?.().catch(() => false)) ?? false,
      available: files.store.reason === null,
      reason: files.store.reason,
    };
  },
  deleteStored: ({ key }) => files.store.delete(key),
  settle: () => files.store.behind.flush(),

  async catalogue() {
    const [whole, entries, owner] = [await offered(), await files.store.entries(), await ownerOf()];
    const stored = entries.map(({ meta: { url }, storedBytes }) => ({ url, storedBytes }));
    return judged(withStored(whole, stored, owner), await mirror(), deviceMemory());
  },

  configure(given) {
    settings = given;
  },

  recognise({ list }, signal) {
    chooseFiles(list);
    return fromFiles(list, { files, signal, device: deviceMemory(), inspect: { pt: (...given) => engine.inspectPt(...given), saelens: (...given) => engine.inspectSaelens(...given) } });
  },
  sha256({ list }, signal, progress) {
    chooseFiles(list);
    return weightsHash(list, { files, signal, newHash: () => new code.Sha256(), onProgress: (loaded, total, more) => progress('hash', loaded, total, more) });
  },
  fromLink: async ({ text }, signal) => fromLink(text, { files, signal, device: deviceMemory(), mirror: await mirror() }),
};

// The engine's wasm, as an instance; a failure is not remembered.
let instance = null;
function compiled() {
  instance ??= instantiated().catch((error) => {
    instance = null;
    throw error;
  });
  return instance;
}

async function instantiated() {
  const url = code.wasm;
  const name = nameOf(url);
  try {
    return await code.init({ module_or_path: files.response({ name, url }, 'application/wasm') });
  } catch (error) {
    if (error instanceof SaeExplorerError) throw error;
    throw new SaeExplorerError('network', `${name} could not be loaded (${error.message}). Check that ${url} is there and that the connection works, then reload.`, { file: name, url });
  }
}

// What a session will want is requested before it is created: small files at once, large ones when the page says so.
let prepared = false;
let proceed;
const proceeding = new Promise((resolve) => (proceed = resolve));
async function prepare({ demo: address, manifest, sae }) {
  if (prepared) return; // by another one who shares the worker
  prepared = true;
  if (address !== null) {
    gate.choose(address);
    demo.url = address;
    demo.begin(proceeding, { manifest, sae });
  }
  await proceeding;
  compiled().catch(() => {}); // start() tries again, and says so
}

// Says to one who has started the engine that it runs on the CPU, where nobody asked for that.
function tellFallback(caller) {
  const { fallbackReason } = onDevice();
  if (fallbackReason === null) return;
  caller.post({ notice: { code: 'no-webgpu', message: `WebGPU is not available here, so the engine runs on the CPU: the same results, more slowly. (${fallbackReason})` } });
}

// Files that a caller has given by their addresses.
function chooseFiles(list) {
  for (const { url } of list) if (url !== undefined) gate.choose(url);
}

// While a call is under way the engine answers no other; what was on the device before it is near enough.
function onDevice() {
  try {
    device = engine.info();
  } catch (error) {
    if (device === null) throw error;
  }
  return device;
}

// The device's memory, as far as it is known.
function deviceMemory() {
  const { backend, loadedBytes } = onDevice();
  return { backend, deviceBytes: loadedBytes, memoryBudget: settings.memoryBudget, deviceMemory: navigator.deviceMemory };
}

// The catalogue is requested once; a failure is not remembered.
function offered(signal) {
  catalogue ??= files.json({ name: 'catalogue.json', url: catalogueUrl }, { signal }).then((value) => checkCatalogue(value, catalogueUrl));
  catalogue.catch(() => {
    catalogue = null;
  });
  return catalogue;
}

// The model and SAE of a stored file, by its address. Without a catalogue the files are listed all the same.
async function ownerOf() {
  const whole = catalogueUrl === null ? null : await offered().catch(() => null);
  return owners(whole ?? { models: [], saes: [] }, { mirror: await mirror(), demo: demo.url });
}

// The mirror that a person has set, or else the site's owner in the catalogue; a site need not have one.
async function mirror() {
  return settings.mirror ?? (catalogueUrl === null ? null : await offered().catch(() => null))?.mirror ?? null;
}

// The last part of an address or repository, as a name.
function named({ folder, repo, path }) {
  if (repo !== undefined) return nameOf(`file:///${path || repo}`);
  return folder === undefined ? undefined : nameOf(folder);
}

// One of the demo's SAEs, or all of them. Of several, one that fails costs itself only: a notice names it.
async function loadDemoSaes({ only }, { weightFormat }, context) {
  const wanted = demoSaes(await demo.ofSaes(context.signal), only);
  const expected = wanted.reduce((sum, { weights }) => sum + weights.bytes, 0);
  return loading('sae', context, { expected }, async (means) => {
    const infos = [];
    const failures = [];
    for (const sae of wanted) {
      try {
        infos.push(await loadDemoSae(context, sae, weightFormat, means));
      } catch (error) {
        if (wanted.length === 1 || context.signal.aborted || !costsOnePart(error)) throw error;
        await means.forget(error);
        failures.push({ sae, error });
      }
    }
    if (infos.length === 0) throw failures[0].error;
    for (const { sae, error } of failures) {
      onNotice({ code: 'sae-not-loaded', message: `The demo's SAE ${sae.id} was not loaded: ${error.message}`, sae: sae.id, reason: error.code });
    }
    return only === undefined ? infos : infos[0];
  }).catch((error) => {
    demo.forget();
    throw error;
  });
}

// True for an error of one file: not for a stop, a lost device or an engine that is gone.
function costsOnePart({ code }) {
  return typeof code === 'string' && code !== 'cancelled' && code !== 'device-lost';
}

async function loadDemoSae(context, { id, hook, bos, ...sae }, weightFormat, means) {
  const info = await loadOneSae(context, id, { hook, prependBos: bos, weightFormat }, await demoSaeParts(sae, means));
  saeOrigins.delete(id);
  loaded?.setSae(id, { demo: true, only: id });
  return { ...info, origin: null };
}

async function demoSaeParts({ cfg, weights }, { open, signal }) {
  const [settings, source] = await Promise.all([files.bytes(cfg, { signal }), open(weights)]);
  return { cfg: settings, weights: source };
}

// Opens the files of a model for `work(parts, {offer, from})`. `own`: what the demo's manifest has of it, where it is the demo's.
async function withModel(source, own, context, stage, work) {
  const offer = source.catalogue === undefined ? null : catalogueModel(await offered(context.signal), source.catalogue, source.revision);
  const from = own ?? offer?.source ?? source;
  chooseFiles([...Object.values(source.parts ?? {}).flat(), ...(source.files ?? [])]);
  return loading(stage, context, { expected: own?.parts.weights.bytes, base: own === null ? await mirror() : null }, async (means) => work(await modelFiles(from, means), { offer, from }));
}

// Opens the files of an SAE for `work(parts, {offer})`.
async function withSae(source, context, stage, work) {
  const offer = source.catalogue === undefined ? null : catalogueSae(await offered(context.signal), source);
  chooseFiles(source.files ?? []);
  return loading(stage, context, { base: await mirror() }, async (means) => work(await saeFiles(offer?.source ?? source, means), { offer }));
}

// What is loaded, opened once more: for its identity, which nothing but a scan needs, and for evaluations. `work` of an SAE also receives
// what is known of it beside its files.
const again = {
  async model(source, context, work) {
    return withModel(source, source.demo ? await demo.ofSaes(context.signal) : null, context, 'identify', work);
  },
  async sae(source, context, work) {
    if (!source.demo) return withSae(source, context, 'identify', (parts, { offer }) => work(parts, { hook: offer?.hook, centre: offer?.entry.centre, prependBos: offer?.entry.bos }));
    const [sae] = demoSaes(await demo.ofSaes(context.signal), source.only);
    return loading('identify', context, {}, async (means) => work(await demoSaeParts(sae, means), { hook: sae.hook, prependBos: sae.bos }));
  },
};

async function loadOneSae({ claim }, id, given, { pt, cfg, weights }) {
  claim(id);
  const stream = given.stream === 'auto' ? await mustStay(pt, cfg) : given.stream;
  const options = { ...given, stream };
  if (pt === undefined) return engine.loadSaelens(id, cfg, weights, options);
  return engine.loadPt(id, stream ? duringCalls(pt, () => call) : pt, cfg, options);
}

// True if an SAE does not fit whole, and can stay in its file.
async function mustStay(pt, cfg) {
  if (pt === undefined) return false;
  const config = await engine.inspectPt(pt, cfg);
  const shape = { ...config, dSae: config.nLatents };
  return canStay(pt, shape) && saeFits(saeDeviceBytes(shape), streamedDeviceBytes(shape), deviceMemory()).streamed;
}

async function run(caller, { id, method, args }) {
  const call = caller.begin(id, method, args);
  const { send } = call;
  sharing?.enter(call);
  const context = {
    progress: (stage, loaded, total, more) => {
      for (const one of sharing?.alike(call) ?? [call]) one.send('progress', { stage, loaded, total, ...more });
    },
    token: (token) => send('token', token),
    features: (features) => send('features', features),
    effects: (effects) => send('effects', effects),
    scan: (progress) => send('scan', progress),
    train: (progress) => send('train', progress),
    evaluate: (progress) => send('evaluate', progress),
    claim: () => {},
  };
  try {
    const value = method in beside ? await withoutTurn(call, context) : await queue.add(call, `The call of ${method}()`, (signal) => taken(call, { ...context, signal }));
    if (method === 'start') tellFallback(caller);
    caller.end(call, { value }, [...buffersIn(value)]);
  } catch (error) {
    if (error instanceof WebAssembly.RuntimeError) fatal(error.message);
    else caller.end(call, { error: toPlain(error) });
  } finally {
    sharing?.exit(call);
  }
}

// A call that needs no engine; it can be stopped all the same.
async function withoutTurn(call, { progress }) {
  const { method, args } = call;
  const controller = new AbortController();
  stops.set(call, () => controller.abort(cancelled(`The call of ${method}()`)));
  try {
    return await beside[method](args, controller.signal, progress);
  } finally {
    stops.delete(call);
  }
}

// A call that has its turn.
function taken(call, context) {
  const { method, args } = call;
  if (sharing === null) return called(method, args, context);
  return sharing.run(call, (claim = context.claim) => called(method, args, { ...context, claim }));
}

function cancel(call) {
  if (stops.has(call)) stops.get(call)();
  else if (queue.running === call && sharing !== null && sharing.alike(call).length > 1) {
    // Others want what it loads: it goes on for them.
    call.caller.leave(call, toPlain(cancelled(`The call of ${call.method}()`)));
    sharing.exit(call);
  } else queue.cancel(call);
}

// The error of a file that is read for a call reaches the caller unchanged.
async function called(method, args, context) {
  const own = { signal: context.signal, failed: null };
  call = own;
  try {
    return await methods[method](args, context);
  } catch (error) {
    throw own.failed ?? error;
  }
}

function receive(caller, data) {
  if (data.method !== undefined) run(caller, data);
  else if (data.cancel !== undefined) {
    const call = caller.calls.get(data.cancel);
    if (call !== undefined) cancel(call);
  } else if (data.ping !== undefined) caller.post({ pong: true });
  else if (data.lock !== undefined) hold(data.lock, caller.post);
  else if (data.prepare !== undefined) prepare(data.prepare);
  else if (data.proceed) proceed();
  else if (data.join !== undefined) join(caller, data.join);
}

if (sharing === null) {
  const page = new Caller(self);
  callers.add(page);
  self.onmessage = ({ data }) => receive(page, data);
} else {
  const alive = holdAlive(self);
  self.onconnect = ({ ports: [port] }) => {
    const caller = new Caller(port);
    port.onmessage = ({ data }) => receive(caller, data);
    caller.post({ hello: { alive, gpu: navigator.gpu !== undefined } });
  };
}

// Another one shares the worker, until the lock that it holds is free.
function join(caller, lock) {
  callers.add(caller);
  const leave = () => {
    callers.delete(caller);
    for (const call of caller.calls.values()) cancel(call);
    sharing.leave(caller);
    queue.add({}, 'Letting go', () => sharing.sweep()).catch(() => {}); // an engine that is gone holds nothing
  };
  navigator.locks.request(lock, leave).catch(() => {}); // the worker ends
}

// A panic in Rust ends in a trap that leaves the engine in no usable state: the page starts another worker. The engine's
// panic hook calls the first of these with the message; a trap without one (memory exhausted) arrives at the others.
const fatal = (message) => {
  tellAll({ fatal: String(message) });
  if (sharing !== null) self.close(); // nobody else can end it
};
self.saeExplorerPanicked = fatal;
self.addEventListener('error', (event) => fatal(event.message));
self.addEventListener('unhandledrejection', (event) => fatal(event.reason?.message ?? event.reason));

/**
 * Serves calls with an engine.
 * @param {Code} given
 * @param {(own: {again: object, engine: () => object, compiled: () => Promise<unknown>}) => {loaded: object, methods: object, beside: object}} [more]
 *   methods for the engine, and others that need none, beside those that every worker has
 */
export function serve(given, more) {
  code = given;
  if (more === undefined) return;
  const extra = more({ again, engine: () => engine, compiled });
  loaded = extra.loaded;
  Object.assign(methods, extra.methods);
  Object.assign(beside, extra.beside);
}
