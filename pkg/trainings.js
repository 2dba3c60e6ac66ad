// Trainings in the browser's own files (the origin private file system): checkpoints, each written aside and pointed to last.
//
// A training has a folder by its id: tokens.bin, which stays the same, and the folders 0 and 1 with a checkpoint each. 0.json says that the
// checkpoint in 0 is whole, and what it is; it is removed before a file in 0 is touched, and written when all are there. So at any
// moment one of the two is whole, from the first checkpoint on.

const FOLDER = 'sae-explorer-trainings';
const TOKENS = 'tokens.bin';
const PLACES = ['0', '1'];
/** What a person keeps of a training: an autoencoder in SAELens's layout, its settings and its log. */
const RESULT = ['cfg.json', 'sae_weights.safetensors', 'train.json', 'log.jsonl'];

/** The folder of all trainings; null where the browser has none for this page. */
async function root(create) {
  const storage = globalThis.navigator?.storage;
  if (storage?.getDirectory === undefined) return null;
  try {
    return await (await storage.getDirectory()).getDirectoryHandle(FOLDER, { create });
  } catch {
    return null; // nothing was stored, or this page may store nothing
  }
}

async function bytesOf(folder, name) {
  return new Uint8Array(await (await (await folder.getFileHandle(name)).getFile()).arrayBuffer());
}

/** What the pointer of a place says; null where there is none, or where it was cut off. */
async function pointer(folder, place) {
  try {
    const found = JSON.parse(new TextDecoder().decode(await bytesOf(folder, `${place}.json`)));
    return Number.isInteger(found.generation) ? { ...found, place } : null;
  } catch {
    return null;
  }
}

/** The pointer of the last whole checkpoint, or null. */
async function latest(folder) {
  const found = [];
  for (const place of PLACES) found.push(await pointer(folder, place));
  return found.filter((one) => one !== null).sort((one, other) => other.generation - one.generation)[0] ?? null;
}

async function removed(folder, name, options) {
  await folder.removeEntry(name, options).catch((error) => {
    if (error.name !== 'NotFoundError') throw error;
  });
}

/** Writes a file durably. In a worker; elsewhere browsers have no such access. */
async function write(folder, name, bytes) {
  const access = await (await folder.getFileHandle(name, { create: true })).createSyncAccessHandle();
  try {
    access.truncate(0);
    // A full disk writes a part, in some browsers.
    if (access.write(bytes, { at: 0 }) !== bytes.length) throw new DOMException('there is no room', 'QuotaExceededError');
    access.flush();
  } finally {
    access.close();
  }
}

/** The training of an id, for the worker that runs it. */
export class StoredTraining {
  #id;

  constructor(id) {
    this.#id = id;
  }

  /**
   * Stores a checkpoint in the place of the one before the last. `tokens.bin` is stored once, when it comes.
   * @param {{path: string, bytes: Uint8Array}[]} files
   * @param {object} info a description, for lists
   */
  async save(files, info) {
    const all = await root(true);
    if (all === null) throw new Error('this page has no files of its own in this browser (a private window, or a page without https)');
    const folder = await all.getDirectoryHandle(this.#id, { create: true });
    const before = await latest(folder);
    const place = before?.place === '0' ? '1' : '0';
    await removed(folder, `${place}.json`);
    const own = await folder.getDirectoryHandle(place, { create: true });
    for (const { path, bytes } of files) await write(path === TOKENS ? folder : own, path, bytes);
    const sizes = Object.fromEntries(files.map(({ path, bytes }) => [path, bytes.length]));
    const text = JSON.stringify({ generation: (before?.generation ?? 0) + 1, sizes, info });
    await write(folder, `${place}.json`, new TextEncoder().encode(text));
  }

  /** The files of the last whole checkpoint with the tokens, and its description; null where there is none. */
  async load() {
    return read(this.#id, null);
  }
}

async function read(id, only) {
  const folder = await (await root(false))?.getDirectoryHandle(id).catch(() => null);
  const found = folder === null || folder === undefined ? null : await latest(folder);
  if (found === null) return null;
  const own = await folder.getDirectoryHandle(found.place);
  const files = [];
  for (const path of only ?? Object.keys(found.sizes)) if (path !== TOKENS) files.push({ path, bytes: await bytesOf(own, path) });
  if (only === null) files.push({ path: TOKENS, bytes: await bytesOf(folder, TOKENS) });
  return { files, info: found.info };
}

/** Descriptions of all trainings, the newest first. */
export async function listTrainings() {
  const all = await root(false);
  const found = [];
  if (all === null) return found;
  for await (const [, folder] of all.entries()) {
    const info = folder.kind === 'directory' ? (await latest(folder))?.info : undefined;
    if (info !== undefined) found.push(info);
  }
  return found.sort((one, other) => other.savedAt - one.savedAt);
}

/** The autoencoder of a training, as files of a SAELens folder; null where there is none. */
export async function trainedFiles(id) {
  return (await read(id, RESULT))?.files ?? null;
}

/** What was measured of a training, as its log has it; null where there is no such training. A line that is damaged is left out. */
export async function trainingLog(id) {
  const found = await read(id, ['log.jsonl']);
  if (found === null) return null;
  const records = [];
  for (const line of new TextDecoder().decode(found.files[0].bytes).split('\n')) {
    try {
      const { step, tokens, lr, fvu, loss, aux_loss: auxLoss = null, l0, dead, tokens_per_second: tokensPerSecond, step_tokens_per_second: stepTokensPerSecond } = JSON.parse(line);
      records.push({ step, tokens, lr, fvu, loss, auxLoss, l0, dead, tokensPerSecond, stepTokensPerSecond });
    } catch {
      // The last line ends with a newline, and one of another version is no line.
    }
  }
  return records;
}

/** Removes a training. */
export async function removeTraining(id) {
  const all = await root(false);
  if (all !== null) await removed(all, id, { recursive: true });
}
