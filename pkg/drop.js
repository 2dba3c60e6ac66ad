// Files and folders that were dropped on a page.

/** Folders in folders in folders are not how models are kept, and a dropped disk would never end. */
const MAX_FILES = 10_000;

/**
 * The files of a drop, those of folders with their paths in them. Call it in the handler of the drop event: browsers
 * empty the DataTransfer after that.
 * @param {DataTransfer} transfer
 * @returns {Promise<{file: File, path: string}[]>}
 */
export async function droppedFiles(transfer) {
  const entries = [...(transfer.items ?? [])].filter(({ kind }) => kind === 'file').map((item) => item.webkitGetAsEntry?.() ?? item.getAsFile());
  const found = [];
  const pending = entries.length > 0 ? entries.filter((entry) => entry !== null) : [...transfer.files];
  while (pending.length > 0 && found.length < MAX_FILES) {
    const entry = pending.shift();
    if (entry.isDirectory) pending.push(...(await children(entry)));
    else if (entry.isFile) {
      // A file that has vanished in the meantime, or may not be read, is passed by.
      const file = await new Promise((resolve) => entry.file(resolve, () => resolve(null)));
      if (file !== null) found.push({ file, path: entry.fullPath.replace(/^\//, '') });
    } else found.push({ file: entry, path: entry.webkitRelativePath || entry.name });
  }
  return found;
}

// A directory's entries come in batches, the last of which is empty.
async function children(directory) {
  const reader = directory.createReader();
  const all = [];
  for (;;) {
    const batch = await new Promise((resolve) => reader.readEntries(resolve, () => resolve([])));
    if (batch.length === 0) return all;
    all.push(...batch);
  }
}
