// The examples of the package's README, which tests run as they stand there.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { root } from './server.js';

const readme = await readFile(join(root, 'pkg/README.md'), 'utf8');

/**
 * The first code block of a language below a heading.
 * @param {string} heading without its `#`
 * @param {string} language as it stands behind the three backticks
 */
export function example(heading, language) {
  const [, section] = readme.split(new RegExp(`^#+ ${heading}\n`, 'm'));
  if (section === undefined) throw new Error(`pkg/README.md has no section "${heading}"`);
  const own = section.split(/^#{1,3} (?=[A-Z])/m)[0];
  const block = new RegExp(`\`\`\`${language}\n([\\s\\S]*?)\`\`\``).exec(own);
  if (block === null) throw new Error(`pkg/README.md has no ${language} example below "${heading}"`);
  return block[1];
}
