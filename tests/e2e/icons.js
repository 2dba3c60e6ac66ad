// Draws the icons of the installed page, web/icon-*.png, from the SVG files beside them: `npm run icons`.

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { launch } from './support/chromium.js';
import { root } from './support/server.js';

const ICONS = [['icon', 192, 'icon-192'], ['icon', 512, 'icon-512'], ['icon-maskable', 512, 'icon-maskable']];

const browser = await launch({ webgpu: false });
for (const [source, size, name] of ICONS) {
  const svg = await readFile(join(root, 'web', `${source}.svg`), 'utf8');
  const page = await browser.newPage({ viewport: { width: size, height: size } });
  await page.setContent(`<body style="margin: 0">${svg.replace('<svg ', `<svg style="display: block" width="${size}" height="${size}" `)}</body>`);
  await writeFile(join(root, 'web', `${name}.png`), await page.screenshot({ omitBackground: true }));
  await page.close();
}
await browser.close();
