//! Twin of `write_columns.wgsl`.

use crate::cpu::{Bindings, simd};
use crate::kernel::write_columns::{HEADER, Parameters};

pub(crate) fn run(parameters: &Parameters, bindings: &Bindings<'_>) {
    let strip = bindings.u32(1);
    let mut matrix = bindings.f32_mut(2);
    let [first_column, columns, first_row, rows] =
        [0, 1, 2, 3].map(|place: usize| strip[place] as usize);
    let row_words = parameters.row_words as usize;
    let weights = bytemuck::cast_slice(&strip[HEADER..][..columns * rows]);
    let rows = &mut matrix[first_row * row_words..][..rows * row_words];
    simd::write_columns(rows, row_words, first_column, weights);
}
