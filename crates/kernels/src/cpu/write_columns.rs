//! Twin of `write_columns.wgsl`.

use crate::cpu::Bindings;
use crate::kernel::write_columns::{HEADER, Parameters};

pub(crate) fn run(parameters: &Parameters, bindings: &Bindings<'_>) {
    let strip = bindings.u32(1);
    let mut matrix = bindings.u32_mut(2);
    let [first_column, columns, first_row, rows] =
        [0, 1, 2, 3].map(|place: usize| strip[place] as usize);
    let row_words = parameters.row_words as usize;
    // In blocks of rows, so that the cache lines that one column begins are still there for the next.
    const BLOCK: usize = 32;
    for block in (0..rows).step_by(BLOCK) {
        for column in 0..columns {
            let stored = &strip[HEADER + column * rows..][..rows];
            for row in block..rows.min(block + BLOCK) {
                matrix[(first_row + row) * row_words + first_column + column] = stored[row];
            }
        }
    }
}
