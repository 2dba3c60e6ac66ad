//! Products of several rows, natively: the `gemm` crate on blocks of one size, which threads share.
//!
//! Vectors lie along the rows: see `lanes.rs`. Vectors along the outputs would need all weights transposed, which takes as long
//! as a product with a few dozen rows. Blocks of fixed size always take the same way through `gemm`, so that a result
//! depends neither on the number of threads nor on the other rows.

use std::ops::Range;

use crate::cpu::destination::Destination;
use crate::cpu::lanes::{Right, VECTOR, multiply};
use crate::cpu::operands::Product;
use crate::cpu::{parallel, simd};

/// Rows of a panel; the last one has fewer.
const PANEL_ROWS: usize = 64;
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

/// Writes the product to `output`, whose rows lie `stride` apart and start at `offset`, after `finish` was called with each
/// row's number, the first output's number, and some of the row's outputs from there on.
pub(crate) fn by_panels(
    args: &Product<'_>,
    output: &mut [f32],
    (stride, offset): (usize, usize),
    finish: impl Fn(usize, usize, &mut [f32]) + Sync,
) {
    assert!(args.rows == 1 || stride >= args.outputs);
    let panels = Panels::new(args);
    let destination = Destination::new(output);
    let operations = 2 * args.rows.next_multiple_of(VECTOR) * args.inputs * args.outputs;
    let block = PANEL_ROWS * BLOCK_OUTPUTS;
    parallel::for_each(
        operations / OPERATIONS_PER_NANOSECOND,
        (0..args.outputs).step_by(BLOCK_OUTPUTS),
        || (vec![0.0; block], vec![0.0; block]),
        |(columns, rows), first| {
            let outputs = first..(first + BLOCK_OUTPUTS).min(args.outputs);
            let count = outputs.len();
            let weights = Right {
                values: &args.weights[first * args.weight_stride..],
                row_stride: 1,
                column_stride: args.weight_stride,
            };
            for (panel_rows, panel) in panels.iter() {
                let padded = panel_rows.len().next_multiple_of(VECTOR);
                let columns = &mut columns[..count * padded];
                multiply((panel, padded, args.inputs), &weights, true, columns);
                let rows = &mut rows[..count * padded];
                simd::write_columns(rows, count, 0, columns);
                for (row, values) in panel_rows.zip(rows.chunks_exact_mut(count)) {
                    finish(row, first, values);
                    // SAFETY: rows do not overlap, and these outputs of theirs are this thread's.
                    unsafe { destination.write(offset + row * stride + first, values) };
                }
            }
        },
    );
}
