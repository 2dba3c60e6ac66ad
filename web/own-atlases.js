// Atlases that a person has made here: files in the cache storage of this browser, each under an address of its own below the page's.

import { site } from './site.js';

const STORE = 'sae-explorer-atlases';
const FOLDER = 'own-atlas';
const INDEX = 'atlas.json';

const address = (path) => new URL(path, site.base()).href;

async function store() {
  if (globalThis.caches === undefined) throw new Error('this page cannot store anything: browsers allow it over https only');
  return caches.open(STORE);
}

async function addresses(id) {
  const folder = address(id === undefined ? `${FOLDER}/` : `${FOLDER}/${id}/`);
  const requests = await (await store()).keys();
  return requests.map(({ url }) => url).filter((url) => url.startsWith(folder));
}

export const ownAtlases = {
  /** The ids of all atlases. */
  async list() {
    const found = await addresses();
    const folder = address(`${FOLDER}/`);
    return found.filter((url) => url.endsWith(`/${INDEX}`)).map((url) => url.slice(folder.length, -INDEX.length - 1));
  },

  /** Stores an atlas, its index last: without that there is none. What could not be stored as a whole leaves nothing. */
  async save(id, files) {
    const own = await store();
    try {
      for (const { path, bytes } of files) await own.put(address(`${FOLDER}/${id}/${path}`), new Response(bytes));
    } catch (error) {
      await this.remove(id);
      throw error;
    }
  },

  /** A file, by its address relative to the page. */
  async read(path) {
    const found = await (await store()).match(address(path));
    if (found === undefined) throw new Error('it is not in this browser');
    return new Uint8Array(await found.arrayBuffer());
  },

  /** All files of an atlas. */
  async files(id) {
    const own = await store();
    const folder = address(`${FOLDER}/${id}/`);
    const list = [];
    for (const url of await addresses(id)) list.push({ path: url.slice(folder.length), bytes: new Uint8Array(await (await own.match(url)).arrayBuffer()) });
    return list;
  },

  /** Removes an atlas, its index first. */
  async remove(id) {
    const own = await store();
    await own.delete(address(`${FOLDER}/${id}/${INDEX}`));
    for (const url of await addresses(id)) await own.delete(url);
  },
};
