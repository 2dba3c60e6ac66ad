// What of the catalogue the browser stores: the model and the SAE that a stored file belongs to, and the stored bytes of each entry.

import { parseLink } from './hub.js';

/** Id of the demo, whose files lie beside its manifest. */
const DEMO = 'demo';

/** The path of one layer of a release in its repository. */
export function layerPath({ path, paths }, layer) {
  return paths?.[layer] ?? path.replaceAll('{L}', String(layer));
}

/**
 * Owners of stored files by their addresses.
 * @param {{models: object[], saes: object[]}} catalogue
 * @param {{mirror: string | null, demo: string | null}} places `demo`: address of the demo's manifest
 * @returns {(url: string) => {model: string | null, sae: string | null, layer: number | null}} all null for what the catalogue
 *   does not name
 */
export function owners({ models, saes }, { mirror, demo }) {
  const folder = demo === null ? null : new URL('.', demo).href;
  return (url) => {
    if (folder !== null && url.startsWith(folder)) return { model: DEMO, sae: null, layer: null };
    const at = placeOf(url, mirror);
    const model = models.find(({ repo, path = '' }) => repo === at?.repo && isInside(at.path, path));
    if (model !== undefined) return { model: model.id, sae: null, layer: null };
    for (const sae of saes.filter(({ repo }) => repo === at?.repo)) {
      const layer = sae.layers.find((layer) => isOf(at.path, layerPath(sae, layer)));
      if (layer !== undefined) return { model: sae.model, sae: sae.id, layer };
    }
    return { model: null, sae: null, layer: null };
  };
}

/**
 * Stored bytes of the catalogue's entries: for each model its own, for each release those of each of its layers, in their order.
 * @param {{models: object[], saes: object[]}} catalogue
 * @param {{url: string, storedBytes: number}[]} files
 */
export function withStored({ models, saes }, files, owner) {
  const sums = new Map();
  for (const { url, storedBytes } of files) {
    const key = keyOf(owner(url));
    sums.set(key, (sums.get(key) ?? 0) + storedBytes);
  }
  // Files of an earlier version may lie there as well.
  const stored = (bytes, of) => Math.min(bytes, sums.get(keyOf(of)) ?? 0);
  return {
    models: models.map((model) => ({ ...model, storedBytes: stored(model.bytes, { model: model.id, sae: null, layer: null }) })),
    saes: saes.map((sae) => ({ ...sae, storedBytes: sae.layers.map((layer) => stored(sae.bytes, { model: sae.model, sae: sae.id, layer })) })),
  };
}

const keyOf = ({ model, sae, layer }) => JSON.stringify([model, sae, layer]);

function placeOf(url, mirror) {
  try {
    const place = parseLink(url, mirror);
    return place.repo === undefined ? null : place;
  } catch {
    return null;
  }
}

const isInside = (path, folder) => folder === '' || path === folder || path.startsWith(`${folder}/`);

// A .pt file has its description beside it.
const isOf = (path, where) => isInside(path, where) || path === `${where.replace(/\.[^./]*$/, '')}_cfg.json`;
