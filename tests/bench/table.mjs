// Numbers for people: medians, ratios and aligned tables.

/** The middle value; the mean of the two middle ones of an even count. */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

/** Milliseconds with about three digits. */
export function milliseconds(value) {
  if (value === undefined) return '–';
  return `${value >= 100 ? value.toFixed(0) : value.toPrecision(3)} ms`;
}

/** Bytes as MiB. */
export function mebibytes(bytes) {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}

/** How many times as fast `ours` is: `theirs / ours`. */
export function ratio(ours, theirs) {
  return ours === undefined || theirs === undefined ? '–' : `${(theirs / ours).toPrecision(3)}×`;
}

/** Prints rows of strings below a title, the first column to the left and the others to the right. */
export function print(title, rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => [...row[column]].length)));
  console.log(`\n${title}`);
  rows.forEach((row, index) => {
    const cells = row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column])));
    console.log(`  ${cells.join('  ')}`);
    if (index === 0) console.log(`  ${widths.map((width) => '─'.repeat(width)).join('  ')}`);
  });
}
