// `import 'sae-explorer/element'` defines `<sae-explorer>`. The package has no site in it: each figure says with `site` where it comes
// from, or `SaeExplorerElement.site` says it for all.

import { SaeExplorerElement, define } from './figure-element.js';

define();

export { SaeExplorerElement };
