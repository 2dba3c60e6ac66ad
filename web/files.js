// Files that are dropped on the page, folders with everything in them.

/** Tells `told` about the files of each drop, as an array; `over` about whether some are being held over the page. */
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
    // The list is empty as soon as the event is over.
    const items = [...event.dataTransfer.items].filter(({ kind }) => kind === 'file');
    const entries = items.map((item) => item.webkitGetAsEntry?.() ?? item.getAsFile());
    told((await Promise.all(entries.map((entry) => filesIn(entry)))).flat());
  });
}

async function filesIn(entry) {
  if (entry === null) return [];
  if (entry instanceof File) return [entry];
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => entry.file(resolve, reject)).catch(() => null);
    if (file === null) return [];
    // As with a folder that is picked: the path tells which files belong together.
    Object.defineProperty(file, 'webkitRelativePath', { value: entry.fullPath.replace(/^\//, '') });
    return [file];
  }
  const reader = entry.createReader();
  const inside = [];
  // A reader gives a hundred at a time.
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject)).catch(() => []);
    if (some.length === 0) break;
    inside.push(...some);
  }
  return (await Promise.all(inside.map((one) => filesIn(one)))).flat();
}
