//! `output[r, n] = Σ_k input[r, k] · weights[n, k]`: the matrix product behind both product kernels.

use crate::cpu::epilogue::Epilogue;
use crate::cpu::operands::{Product, block};
use crate::cpu::parallel;

/// Writes the product to `output`, whose rows lie `stride` apart and start at `offset`, each output passed through `epilogue`.
pub(crate) fn product(
    args: &Product<'_>,
    output: &mut [f32],
    (stride, offset): (usize, usize),
    epilogue: &Epilogue<'_>,
) {
    if args.rows == 0 || args.outputs == 0 {
        return;
    }
    if args.rows == 1 {
        return by_parts(
            args,
            &mut output[offset..][..args.outputs],
            |first, part| {
                epilogue.apply(part, first, offset + first);
            },
        );
    }
    #[cfg(not(target_arch = "wasm32"))]
    crate::cpu::panels::by_panels(args, output, (stride, offset), epilogue);
    #[cfg(target_arch = "wasm32")]
    {
        crate::cpu::blocks::by_blocks(args, output, stride, offset);
        for row in 0..args.rows {
            let place = offset + row * stride;
            epilogue.apply(&mut output[place..][..args.outputs], 0, place);
        }
    }
}

/// The product of one row, each thread with a part of the outputs, which it hands to `finish` with the first one's number.
fn by_parts(args: &Product<'_>, output: &mut [f32], finish: impl Fn(usize, &mut [f32]) + Sync) {
    let nanoseconds = args.inputs * args.outputs / WEIGHTS_PER_NANOSECOND;
    let part = args.outputs.div_ceil(parallel::threads(nanoseconds));
    parallel::for_each(
        nanoseconds,
        output.chunks_mut(part).enumerate(),
        || (),
        |(), (number, output)| {
            let first = number * part;
            let args = Product {
                weights: &args.weights[first * args.weight_stride..],
                outputs: output.len(),
                ..*args
            };
            by_streams(&args, output);
            finish(first, output);
        },
    );
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

/// Streams of weights for one row.
const STREAMS: usize = 4;

/// Weights that a thread multiplies one row with in a nanosecond where it finds them in a cache.
const WEIGHTS_PER_NANOSECOND: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::blocks::{CACHED_WEIGHTS, by_blocks};
    use crate::cpu::epilogue::NOTHING;
    use crate::cpu::panels::by_panels;

    fn numbers(count: usize) -> Vec<f32> {
        (0..count)
            .map(|i| ((i * 37 + 11) % 64) as f32 / 32.0 - 1.0)
            .collect()
    }

    /// The loops that a browser runs, and that every machine runs for one row, agree with the library that this machine runs
    /// for several.
    #[test]
    fn blocks_and_streams_agree_with_panels() {
        for (rows, inputs, outputs) in [
            (1, 1, 1),
            (1, 33, 3),
            (1, 64, 50),
            (1, 7, 8),
            (2, 1, 1),
            (2, 0, 3),
            (2, 2, 33),
            (3, 5, 7),
            (4, 8, 3),
            (6, 33, 20),
            (9, 64, 50),
            (130, 70, 65),
            (67, 40, 1000),
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
            let mut by_own_code = by_library.clone();
            by_panels(&args, &mut by_library, (stride, offset), &NOTHING);
            if rows == 1 {
                by_streams(&args, &mut by_own_code[offset..][..outputs]);
            } else {
                by_blocks(&args, &mut by_own_code, stride, offset);
            }
            for (place, (a, b)) in by_own_code.iter().zip(&by_library).enumerate() {
                let tolerance = 1e-5 * (inputs as f32).max(1.0);
                assert!(
                    (a - b).abs() <= tolerance,
                    "{rows}×{inputs}×{outputs}: {a}, {b} at {place}"
                );
            }
        }
    }

    /// A row of a batch comes out as it does in a smaller one.
    #[test]
    fn a_row_does_not_depend_on_the_others() {
        let (inputs, outputs) = (1030, 65);
        let (input, weights) = (numbers(150 * inputs), numbers(outputs * 1032));
        let rows_of = |first: usize, rows: usize| {
            let mut output = vec![0.0; rows * outputs];
            let args = Product {
                input: &input[first * inputs..][..rows * inputs],
                rows,
                inputs,
                weights: &weights,
                weight_stride: 1032,
                outputs,
            };
            product(&args, &mut output, (outputs, 0), &NOTHING);
            output
        };
        let all = rows_of(0, 150);
        for (first, rows) in [(0, 2), (3, 16), (20, 17), (60, 64), (80, 70)] {
            let expected = &all[first * outputs..][..rows * outputs];
            assert!(rows_of(first, rows) == expected, "{rows} rows from {first}");
        }
    }
}
