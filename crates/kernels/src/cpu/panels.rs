//! Products of several rows, natively: the `gemm` crate on blocks of one size, which threads share.
//!
//! Vectors lie along the rows: see `lanes.rs`. Vectors along the outputs would need all weights transposed, which takes as long
//! as a product with a few dozen rows. Blocks of fixed size always take the same way through `gemm`, so that a result
//! depends neither on the number of threads nor on the other rows.

use std::ops::Range;

use wide::f32x4;

use crate::cpu::destination::Destination;
use crate::cpu::epilogue::Epilogue;
use crate::cpu::lanes::{Right, VECTOR, multiply};
use crate::cpu::operands::Product;
use crate::cpu::scratch::{Scratch, scratch};
use crate::cpu::{parallel, simd};

/// Rows of a panel; the last one has fewer.
const PANEL_ROWS: usize = 64;
/// Outputs that `gemm` computes at a time. Their weights stay in the second-level cache while they meet all panels; eight
/// times the six columns of its kernel, so that none is half empty.
const BLOCK_OUTPUTS: usize = 48;
/// The most outputs that a thread takes at a time: the rows of a wide output lie pages apart, and the longer the pieces that are
/// written of each, the fewer pages are looked up.
const MOST_OUTPUTS: usize = 4 * BLOCK_OUTPUTS;
/// Multiplications and additions that a thread does in a nanosecond, as a rule.
const OPERATIONS_PER_NANOSECOND: usize = 80;

/// The input, transposed panel by panel: `[inputs, rows of the panel]`.
struct Panels {
    values: Scratch,
    rows: usize,
    inputs: usize,
}

impl Panels {
    fn new(args: &Product<'_>) -> Self {
        let (rows, inputs) = (args.rows, args.inputs);
        let mut values = scratch(rows.next_multiple_of(VECTOR) * inputs);
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

/// Writes the product to `output`, whose rows lie `stride` apart and start at `offset`, each output passed through `epilogue`.
pub(crate) fn by_panels(
    args: &Product<'_>,
    output: &mut [f32],
    (stride, offset): (usize, usize),
    epilogue: &Epilogue<'_>,
) {
    assert!(args.rows == 1 || stride >= args.outputs);
    let panels = Panels::new(args);
    let destination = Destination::new(output);
    let operations = 2 * args.rows.next_multiple_of(VECTOR) * args.inputs * args.outputs;
    let nanoseconds = operations / OPERATIONS_PER_NANOSECOND;
    let at_once = parallel::rows_at_once(args.outputs, nanoseconds)
        .next_multiple_of(BLOCK_OUTPUTS)
        .min(MOST_OUTPUTS);
    parallel::for_each(
        nanoseconds,
        (0..args.outputs).step_by(at_once),
        || (scratch(PANEL_ROWS * at_once), scratch(VECTOR * at_once)),
        |(columns, rows), first| {
            let count = at_once.min(args.outputs - first);
            for (panel_rows, panel) in panels.iter() {
                let lanes = panel_rows.len().next_multiple_of(VECTOR);
                let columns = &mut columns[..count * lanes];
                for (block, columns) in columns.chunks_mut(BLOCK_OUTPUTS * lanes).enumerate() {
                    let weights = Right {
                        values: &args.weights
                            [(first + block * BLOCK_OUTPUTS) * args.weight_stride..],
                        row_stride: 1,
                        column_stride: args.weight_stride,
                    };
                    multiply((panel, lanes, args.inputs), &weights, true, columns);
                }
                let place = offset + panel_rows.start * stride + first;
                let write = |row: usize, values: &mut [f32]| {
                    let place = place + row * stride;
                    epilogue.apply(values, first, place);
                    // SAFETY: rows do not overlap, and these outputs of theirs are this thread's.
                    unsafe { destination.write(place, values) };
                };
                by_rows(columns, (lanes, panel_rows.len()), rows, write);
            }
        },
    );
}

/// Hands the rows of a panel `[outputs, lanes]` to `write`, each with its number in the panel.
fn by_rows(
    columns: &[f32],
    (lanes, count): (usize, usize),
    rows: &mut [f32],
    write: impl Fn(usize, &mut [f32]),
) {
    let outputs = columns.len() / lanes;
    simd::vectorised(
        #[inline(always)]
        || {
            for first in (0..count).step_by(VECTOR) {
                transpose_lanes(columns, (lanes, first), rows);
                let some = rows.chunks_exact_mut(outputs).zip(first..count);
                some.for_each(|(values, row)| write(row, values));
            }
        },
    );
}

/// Transposes a vector of lanes, from `first` on, of columns `[outputs, lanes]` into rows `[VECTOR, outputs]`.
#[inline(always)]
fn transpose_lanes(columns: &[f32], (lanes, first): (usize, usize), rows: &mut [f32]) {
    let outputs = columns.len() / lanes;
    let mut fours = columns.chunks_exact(4 * lanes);
    for (four, columns) in fours.by_ref().enumerate() {
        let columns: [&[[f32; 4]]; 4] =
            std::array::from_fn(|i| columns[i * lanes + first..][..VECTOR].as_chunks().0);
        let [a, b, c, d] = columns;
        let quads = a.iter().zip(b).zip(c).zip(d);
        for (quad, (((one, two), three), last)) in quads.enumerate() {
            let values = [one, two, three, last].map(|values| f32x4::from(*values));
            for (i, values) in f32x4::transpose(values).into_iter().enumerate() {
                let place = (quad * 4 + i) * outputs + four * 4;
                rows[place..place + 4].copy_from_slice(&values.to_array());
            }
        }
    }
    let rest = fours.remainder();
    for (column, values) in (outputs - rest.len() / lanes..).zip(rest.chunks_exact(lanes)) {
        for (row, value) in values[first..first + VECTOR].iter().enumerate() {
            rows[row * outputs + column] = *value;
        }
    }
}
