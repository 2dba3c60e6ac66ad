//! The CPU device's products, selections and threads on slices of the caller's own memory, for computations that are no plan of
//! kernels: training. The same code as the kernels' CPU references, so that the same numbers give the same bits.

use crate::cpu::epilogue::{Activation, Epilogue};
use crate::cpu::operands::Product;
use crate::cpu::{parallel, product, topk};

pub use crate::cpu::parallel::for_each;
pub use crate::cpu::screen::Screen;
pub use crate::cpu::simd::vectorised;

/// Threads that share the work of [`for_each`]: as many as `rayon` has in this place.
pub fn threads() -> usize {
    parallel::available()
}

/// `output[r, n] = Σ_i input[r, i] · weights[n, i] + bias[n]`, with `input` `[rows, inputs]`, `weights` `[outputs, inputs]` and
/// `bias` `[outputs]`. A row's bits depend neither on the number of threads nor, from two rows on, on the other rows.
///
/// # Panics
/// Where a slice is shorter than its shape says.
pub fn affine(
    (input, inputs): (&[f32], usize),
    (weights, bias): (&[f32], &[f32]),
    output: &mut [f32],
) {
    let outputs = bias.len();
    let rows = output.len() / outputs.max(1);
    assert!(input.len() >= rows * inputs && weights.len() >= outputs * inputs);
    let args = Product {
        input: &input[..rows * inputs],
        rows,
        inputs,
        weights,
        weight_stride: inputs,
        outputs,
    };
    let epilogue = Epilogue {
        bias: Some(bias),
        activation: Activation::None,
        residual: None,
    };
    product::product(&args, output, (outputs, 0), &epilogue);
}

/// The `k` largest of each row of `values` `[rows, n]`, the largest first and of equal ones the lower index first, as
/// indices and ReLU of the values, both `[rows, k]`; an index is `u32::MAX` where there are fewer than `k`. Returns the first row
/// that holds a NaN.
///
/// # Panics
/// Where a slice is shorter than its shape says, or `n` or `k` is 0.
pub fn top_k(
    (values, n): (&[f32], usize),
    k: usize,
    indices: &mut [u32],
    tops: &mut [f32],
) -> Option<usize> {
    let rows = values.len() / n;
    let mut nans = vec![0; rows];
    topk::rows(
        (values, n, n),
        (k, true),
        (&mut indices[..rows * k], &mut tops[..rows * k]),
        &mut nans,
    );
    nans.iter().position(|count| *count > 0)
}
