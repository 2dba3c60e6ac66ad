// Files and folders that are dropped anywhere on the page.

import { droppedFiles } from './pkg/index.js';

/** Tells `told` about the files of each drop; `over` about whether some are being held over the page. */
export function watchDrops(told, over) {
  const carries = ({ dataTransfer }) => dataTransfer?.types.includes('Files') ?? false;
  document.addEventListener('dragover', (event) => {
    if (!carries(event)) return;
    event.preventDefault();
    over(true);
  });
  document.addEventListener('dragleave', (event) => {
    // Only where the pointer leaves the window; between two elements there is another one that it comes to.
    if (event.relatedTarget === null) over(false);
  });
  document.addEventListener('drop', async (event) => {
    if (!carries(event)) return;
    event.preventDefault();
    over(false);
    told(await droppedFiles(event.dataTransfer));
  });
}
