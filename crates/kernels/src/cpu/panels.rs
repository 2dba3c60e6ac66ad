//! Products of several rows, natively: the `gemm` crate on blocks of one size, which threads share.
//!
//! `gemm` computes with vectors along one dimension and broadcasts along the other. Vectors along the rows need only
//! the input transposed, which is small; vectors along the outputs would need all weights transposed, which takes as long as a
//! product with a few dozen rows. A block of fixed size always takes the same way through `gemm`, so that a result depends
//! neither on the number of threads nor on the other rows.

use std::ops::Range;

use crate::cpu::product::Product;
use crate::cpu::{parallel, simd};

/// Rows of a panel; the last one has fewer. With up to 64 rows and 64 outputs, `gemm` takes both operands as they are, and
/// sums over 512 inputs at a time.
const PANEL_ROWS: usize = 64;
/// The rows of a panel are padded to a multiple of this: whole vectors of AVX-512.
const VECTOR: usize = 16;
/// Outputs of a block. Their weights stay in the second-level cache while they meet all panels.
const BLOCK_OUTPUTS: usize = 32;
/// Multiplications and additions that a thread does in a nanosecond, as a rule.
const OPERATIONS_PER_NANOSECOND: usize = 80;

/// The input, transposed panel by panel: `[inputs, rows of the panel]`.
struct Panels {
    values: Vec<f32>,
    rows: usize,
    inputs: usize,
}

impl Panels {
    fn new(args: &Product<'_>) -> Self {
        let (rows, inputs) = (args.rows, args.inputs);
        let mut values = vec![0.0; rows.next_multiple_of(VECTOR) * inputs];
        if inputs > 0 {
            let parts = values
                .chunks_mut(PANEL_ROWS * inputs)
                .zip(args.input.chunks(PANEL_ROWS * inputs));
            parallel::for_each(
                rows * inputs,
                parts,
                || (),
                |(), (panel, input)| {
                    let width = panel.len() / inputs;
                    simd::write_columns(panel, width, 0, input);
                },
            );
        }
        Self {
            values,
            rows,
            inputs,
        }
    }

    /// Each panel's rows, and its values.
    fn iter(&self) -> impl Iterator<Item = (Range<usize>, &[f32])> {
        (0..self.rows).step_by(PANEL_ROWS).map(|first| {
            let rows = first..(first + PANEL_ROWS).min(self.rows);
            let padded = rows.len().next_multiple_of(VECTOR);
            (
                rows,
                &self.values[first * self.inputs..][..padded * self.inputs],
            )
        })
    }
}

/// Where the outputs go: rows `stride` apart.
struct Destination {
    first: *mut f32,
    stride: usize,
}

// SAFETY: only `write` uses the pointer, and its callers on different threads write different columns.
unsafe impl Sync for Destination {}

impl Destination {
    /// # Safety
    /// The place must lie inside the output, and no other thread may write there.
    unsafe fn write(&self, row: usize, column: usize, values: &[f32]) {
        // SAFETY: as promised by the caller; `values` is no part of the output, which is borrowed mutably.
        unsafe {
            let place = self.first.add(row * self.stride + column);
            std::ptr::copy_nonoverlapping(values.as_ptr(), place, values.len());
        }
    }
}

/// Writes the product to `output`, whose rows lie `stride` apart and start at `offset`, after `finish` was called with each
/// row's number, the first output's number, and some of the row's outputs from there on.
pub(crate) fn by_panels(
    args: &Product<'_>,
    output: &mut [f32],
    (stride, offset): (usize, usize),
    finish: impl Fn(usize, usize, &mut [f32]) + Sync,
) {
    let last_weight = (args.outputs - 1) * args.weight_stride + args.inputs;
    let last_output = offset + (args.rows - 1) * stride + args.outputs;
    assert!(args.weights.len() >= last_weight && output.len() >= last_output);
    assert!(args.rows == 1 || stride >= args.outputs);
    let panels = Panels::new(args);
    let destination = Destination {
        first: output[offset..].as_mut_ptr(),
        stride,
    };
    let operations = 2 * args.rows.next_multiple_of(VECTOR) * args.inputs * args.outputs;
    let block = PANEL_ROWS * BLOCK_OUTPUTS;
    parallel::for_each(
        operations / OPERATIONS_PER_NANOSECOND,
        (0..args.outputs).step_by(BLOCK_OUTPUTS),
        || (vec![0.0; block], vec![0.0; block]),
        |(columns, rows), first| {
            let outputs = first..(first + BLOCK_OUTPUTS).min(args.outputs);
            let count = outputs.len();
            for (panel_rows, panel) in panels.iter() {
                let padded = panel_rows.len().next_multiple_of(VECTOR);
                let columns = &mut columns[..count * padded];
                multiply(args, panel, outputs.clone(), columns);
                let rows = &mut rows[..count * padded];
                simd::write_columns(rows, count, 0, columns);
                for (row, values) in panel_rows.zip(rows.chunks_exact_mut(count)) {
                    finish(row, first, values);
                    // SAFETY: the assert above bounds the place, and these outputs are this thread's.
                    unsafe { destination.write(row, first, values) };
                }
            }
        },
    );
}

/// The product of one panel `[inputs, rows]` with some outputs: `[outputs, rows]`.
fn multiply(args: &Product<'_>, panel: &[f32], outputs: Range<usize>, columns: &mut [f32]) {
    let rows = columns.len() / outputs.len();
    let weights = &args.weights[outputs.start * args.weight_stride..];
    assert!(panel.len() == rows * args.inputs);
    assert!(weights.len() >= (outputs.len() - 1) * args.weight_stride + args.inputs);
    // SAFETY: the lengths bound every element that these shapes and strides reach.
    unsafe {
        gemm::gemm(
            rows,
            outputs.len(),
            args.inputs,
            columns.as_mut_ptr(),
            rows as isize,
            1,
            false,
            panel.as_ptr(),
            rows as isize,
            1,
            weights.as_ptr(),
            args.weight_stride as isize,
            1,
            0.0,
            1.0,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}
