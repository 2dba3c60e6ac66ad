// The demo of the site under test, as its manifest lists it: tests name nothing of it that another demo would not have.

import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';

import { dist, root } from './server.js';

export const manifest = JSON.parse(await readFile(join(dist, 'demo/demo.json'), 'utf8'));

/** The recorded trace that the page shows first. */
export const recorded = JSON.parse(await readFile(join(dist, 'demo/recorded.json'), 'utf8'));

/** Ids of the SAEs, in the order in which the page shows them. */
export const SAES = manifest.saes.map(({ id }) => id);

const files = await readdir(join(root, 'tests/fixtures'));

/** Names of the prompts that PyTorch's numbers are there for. */
export const FIXTURES = files.filter((name) => name.endsWith('.safetensors')).map((name) => name.replace('.safetensors', '')).filter((name) => files.includes(`${name}.json`));

/** The `.pt` file that the SAE of a layer was made from. It is no part of the site; tests open it as a file of their own. */
export const ptFile = (layer) => join(root, `tests/fixtures/openai/layer_${layer}.pt`);

/** Takes the atlas out of a server's site: lists of a prompt then rank by the prompt alone. */
export function withoutAtlas(server) {
  server.files.set('demo/demo.json', Buffer.from(JSON.stringify({ ...manifest, atlas: undefined })));
}
