//! CPU reference of `layer_norm.wgsl`.

use crate::cpu::{Bindings, parallel, simd};

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
pub(crate) struct Parameters {
    pub rows: u32,
    pub width: u32,
    pub input_first_row: u32,
    pub epsilon: f32,
}

pub(crate) fn run(parameters: &Parameters, bindings: &Bindings<'_>) {
    let width = parameters.width as usize;
    let input = bindings.f32(1);
    let weight_bias = bindings.f32(2);
    let mut output = bindings.f32_mut(3);
    let first = parameters.input_first_row as usize * width;
    let words = parameters.rows as usize * width;
    rows(
        &input[first..first + words],
        &weight_bias[..2 * width],
        parameters.epsilon,
        &mut output[..words],
    );
}

/// Rows of as many values as there are weights; `weight_bias` has twice as many.
pub(crate) fn rows(input: &[f32], weight_bias: &[f32], epsilon: f32, output: &mut [f32]) {
    let width = weight_bias.len() / 2;
    let nanoseconds = 2 * input.len();
    parallel::for_each_row(nanoseconds, output, width, |row, out| {
        self::row(&input[row * width..][..width], weight_bias, epsilon, out);
    });
}

/// One row: `(x - mean) / √(variance + epsilon) · weight + bias`.
fn row(input: &[f32], weight_bias: &[f32], epsilon: f32, output: &mut [f32]) {
    let width = input.len();
    let mean = input.iter().sum::<f32>() / width as f32;
    for (out, value) in output.iter_mut().zip(input) {
        *out = value - mean;
    }
    let variance = simd::dot(output, output) / width as f32;
    let scale = 1.0 / (variance + epsilon).sqrt();
    let (weight, bias) = weight_bias.split_at(width);
    for ((out, weight), bias) in output.iter_mut().zip(weight).zip(bias) {
        *out = *out * scale * weight + bias;
    }
}
