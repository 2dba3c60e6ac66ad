//! Products of several rows in wasm: blocks of registers, four lanes at a time.

use std::ops::Range;

use crate::cpu::operands::{Product, block};

/// The product in blocks of registers, and in blocks of weights that stay in cache.
pub(crate) fn by_blocks(args: &Product<'_>, output: &mut [f32], stride: usize, offset: usize) {
    let outputs_at_once = (CACHED_WEIGHTS / args.inputs.max(1))
        .next_multiple_of(BLOCK_OUTPUTS)
        .max(BLOCK_OUTPUTS);
    for first_output in (0..args.outputs).step_by(outputs_at_once) {
        let outputs = first_output..(first_output + outputs_at_once).min(args.outputs);
        let mut rows = 0..args.rows;
        while !rows.is_empty() {
            let taken = match rows.len() {
                1 => rows_by_blocks::<1, BLOCK_OUTPUTS>,
                2 | 3 => rows_by_blocks::<2, BLOCK_OUTPUTS>,
                _ => rows_by_blocks::<4, BLOCK_OUTPUTS>,
            }(args, rows.start, outputs.clone(), output, stride, offset);
            rows.start += taken;
        }
    }
}

/// Weights that all rows use before the next are taken: 256 KiB, which a second-level cache holds.
pub(crate) const CACHED_WEIGHTS: usize = 1 << 16;

/// Outputs of a block. With four rows that makes 8 sums, which leave room in 16 registers for the operands and for a
/// product on its way into a sum; 12 sums do not, and are twice as slow for being put aside.
const BLOCK_OUTPUTS: usize = 2;

/// The products of `ROWS` rows with some outputs; returns `ROWS`.
fn rows_by_blocks<const ROWS: usize, const OUTPUTS: usize>(
    args: &Product<'_>,
    first_row: usize,
    outputs: Range<usize>,
    output: &mut [f32],
    stride: usize,
    offset: usize,
) -> usize {
    let inputs: [&[f32]; ROWS] = std::array::from_fn(|row| args.input_row(first_row + row));
    let mut write = |outputs: Range<usize>, sums: &[[f32; OUTPUTS]; ROWS]| {
        for (row, sums) in sums.iter().enumerate() {
            let place = offset + (first_row + row) * stride + outputs.start;
            output[place..place + outputs.len()].copy_from_slice(&sums[..outputs.len()]);
        }
    };
    let mut n = outputs.start;
    while n + OUTPUTS <= outputs.end {
        let weights = std::array::from_fn(|i| args.weight_row(n + i));
        write(n..n + OUTPUTS, &block::<ROWS, OUTPUTS>(inputs, weights));
        n += OUTPUTS;
    }
    while n < outputs.end {
        let sums = block::<ROWS, 1>(inputs, [args.weight_row(n)]);
        write(n..n + 1, &sums.map(|[sum]| [sum; OUTPUTS]));
        n += 1;
    }
    ROWS
}
