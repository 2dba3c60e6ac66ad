// `<sae-explorer>` as a site has it, `sae-explorer.js`: figures come from the site that this script is from.

import { define } from './pkg/figure-element.js';

define(new URL('./', import.meta.url).href);
