//! CPU reference of `write_columns.wgsl`.

use crate::cpu::{Bindings, simd};

/// Words before a strip's weights: first column, columns, first row in the shard, rows.
pub(crate) const HEADER: usize = 4;

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
pub(crate) struct Parameters {
    pub row_words: u32,
}

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
