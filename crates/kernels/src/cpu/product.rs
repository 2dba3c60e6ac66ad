//! `output[r, n] = Σ_k input[r, k] · weights[n, k]`: the matrix product behind both product kernels.

use std::ops::Range;

/// The operands of a product. Rows of the weights lie `weight_stride` apart.
pub(crate) struct Product<'a> {
    pub(crate) input: &'a [f32],
    pub(crate) rows: usize,
    pub(crate) inputs: usize,
    pub(crate) weights: &'a [f32],
    pub(crate) weight_stride: usize,
    pub(crate) outputs: usize,
}

impl Product<'_> {
    fn input_row(&self, row: usize) -> &[f32] {
        &self.input[row * self.inputs..(row + 1) * self.inputs]
    }

    fn weight_row(&self, output: usize) -> &[f32] {
        &self.weights[output * self.weight_stride..][..self.inputs]
    }
}

/// Writes the product to `output`, whose rows lie `stride` apart and start at `offset`.
pub(crate) fn product(args: &Product<'_>, output: &mut [f32], stride: usize, offset: usize) {
    if args.rows == 0 || args.outputs == 0 {
        return;
    }
    #[cfg(not(target_arch = "wasm32"))]
    if args.rows > 1 {
        return library(args, output, stride, offset);
    }
    if args.rows == 1 {
        return by_streams(args, &mut output[offset..][..args.outputs]);
    }
    by_blocks(args, output, stride, offset);
}

/// The product of one row, which reads each weight once and so takes as long as memory takes to bring the weights. They
/// are read as a few streams, each a part of the matrix from its beginning to its end: processors fetch ahead of those.
/// Read as a few neighbouring rows at a time, they come at half the speed.
fn by_streams(args: &Product<'_>, output: &mut [f32]) {
    let input = [args.input_row(0)];
    let part = args.outputs / STREAMS;
    for n in 0..part {
        let weights = std::array::from_fn(|stream| args.weight_row(stream * part + n));
        let [sums] = block::<1, STREAMS>(input, weights);
        for (stream, sum) in sums.into_iter().enumerate() {
            output[stream * part + n] = sum;
        }
    }
    for (n, output) in output.iter_mut().enumerate().skip(STREAMS * part) {
        [[*output]] = block(input, [args.weight_row(n)]);
    }
}

/// The product in blocks of registers, and in blocks of weights that stay in cache.
fn by_blocks(args: &Product<'_>, output: &mut [f32], stride: usize, offset: usize) {
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

/// Natively the `matrixmultiply` crate does it: packed, blocked for the caches, AVX or NEON as the processor has.
#[cfg(not(target_arch = "wasm32"))]
fn library(args: &Product<'_>, output: &mut [f32], stride: usize, offset: usize) {
    let last_weight = (args.outputs - 1) * args.weight_stride + args.inputs;
    let last_output = offset + (args.rows - 1) * stride + args.outputs;
    assert!(args.input.len() >= args.rows * args.inputs);
    assert!(args.weights.len() >= last_weight && output.len() >= last_output);
    // SAFETY: the asserts above bound every element that these shapes and strides reach.
    unsafe {
        matrixmultiply::sgemm(
            args.rows,
            args.inputs,
            args.outputs,
            1.0,
            args.input.as_ptr(),
            args.inputs as isize,
            1,
            args.weights.as_ptr(),
            1,
            args.weight_stride as isize,
            0.0,
            output.as_mut_ptr().add(offset),
            stride as isize,
            1,
        );
    }
}

/// Weights that all rows use before the next are taken: 256 KiB, which a second-level cache holds.
const CACHED_WEIGHTS: usize = 1 << 16;

/// Outputs of a block. With four rows that makes 8 sums, which leave room in 16 registers for the operands and for a
/// product on its way into a sum; 12 sums do not, and are twice as slow for being put aside.
const BLOCK_OUTPUTS: usize = 2;

/// Streams of weights for one row.
const STREAMS: usize = 4;

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

/// All dot products of `ROWS` input rows with `OUTPUTS` weight rows, four lanes at a time.
#[inline(always)]
fn block<const ROWS: usize, const OUTPUTS: usize>(
    inputs: [&[f32]; ROWS],
    weights: [&[f32]; OUTPUTS],
) -> [[f32; OUTPUTS]; ROWS] {
    use wide::f32x4;
    let length = inputs[0].len();
    let vectors = length / 4;
    // Slices of one known length let the compiler drop the bounds checks from the loop.
    let x: [&[[f32; 4]]; ROWS] = inputs.map(|row| &row.as_chunks::<4>().0[..vectors]);
    let w: [&[[f32; 4]]; OUTPUTS] = weights.map(|row| &row.as_chunks::<4>().0[..vectors]);
    let mut sums = [[f32x4::ZERO; OUTPUTS]; ROWS];
    for v in 0..vectors {
        let weights: [f32x4; OUTPUTS] = std::array::from_fn(|n| f32x4::from(w[n][v]));
        for r in 0..ROWS {
            let input = f32x4::from(x[r][v]);
            for n in 0..OUTPUTS {
                sums[r][n] += input * weights[n];
            }
        }
    }
    std::array::from_fn(|r| {
        std::array::from_fn(|n| {
            let tail: f32 = (vectors * 4..length)
                .map(|k| inputs[r][k] * weights[n][k])
                .sum();
            sums[r][n].reduce_add() + tail
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a browser runs, and what every machine runs for one row, against the library that this machine runs for several.
    #[test]
    fn blocks_and_streams_agree_with_the_library() {
        let numbers = |count: usize| -> Vec<f32> {
            (0..count)
                .map(|i| ((i * 37 + 11) % 64) as f32 / 32.0 - 1.0)
                .collect()
        };
        for (rows, inputs, outputs) in [
            (1, 1, 1),
            (1, 33, 3),
            (1, 64, 50),
            (1, 7, 8),
            (2, 1, 1),
            (3, 5, 7),
            (4, 8, 3),
            (6, 33, 20),
            (9, 64, 50),
            (7, CACHED_WEIGHTS / 2, 8),
        ] {
            let weight_stride = inputs.next_multiple_of(4);
            let (input, weights) = (numbers(rows * inputs), numbers(outputs * weight_stride));
            let args = Product {
                input: &input,
                rows,
                inputs,
                weights: &weights,
                weight_stride,
                outputs,
            };
            let (stride, offset) = (outputs + 2, 1);
            let mut by_library = vec![5.0; rows * stride];
            let mut by_blocks = by_library.clone();
            library(&args, &mut by_library, stride, offset);
            if rows == 1 {
                by_streams(&args, &mut by_blocks[offset..][..outputs]);
            } else {
                super::by_blocks(&args, &mut by_blocks, stride, offset);
            }
            for (place, (a, b)) in by_blocks.iter().zip(&by_library).enumerate() {
                let tolerance = 1e-5 * (inputs as f32).max(1.0);
                assert!(
                    (a - b).abs() <= tolerance,
                    "{rows}×{inputs}×{outputs}: {a}, {b} at {place}"
                );
            }
        }
    }
}
