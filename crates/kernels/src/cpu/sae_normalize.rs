//! CPU reference of `sae_normalize.wgsl`.

use crate::cpu::{Bindings, parallel};

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
pub(crate) struct Parameters {
    pub rows: u32,
    pub width: u32,
    pub factor: f32,
}

/// Normalization of every row before encoding, under SAELens's names; undone after decoding.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Normalization {
    /// `none`.
    None,
    /// `layer_norm`: centred, divided by the unbiased deviation plus 1e-5.
    LayerNorm,
    /// `constant_norm_rescale`: scaled to the norm √width.
    ConstantNorm,
    /// Centred: what an autoencoder saw that was trained on a model whose writing weights were centred.
    Centred,
    /// `expected_average_only_in`: multiplied by a constant, which must be finite and above 0.
    Scaled(f32),
}

pub(crate) fn run(
    parameters: &Parameters,
    normalization: Normalization,
    subtract_b_dec: bool,
    bindings: &Bindings<'_>,
) {
    let input = bindings.f32(1);
    let b_dec = bindings.f32(2);
    let mut output = bindings.f32_mut(3);
    let mut statistics = bindings.f32_mut(4);
    let (input, b_dec) = (&*input, &*b_dec);
    let width = parameters.width as usize;
    if width == 0 {
        return;
    }
    let rows = parameters.rows as usize;
    let nanoseconds = 4 * rows * width;
    let at_once = parallel::rows_at_once(rows, nanoseconds);
    let parts = output[..rows * width]
        .chunks_mut(at_once * width)
        .zip(statistics[..rows * 2].chunks_mut(at_once * 2))
        .zip(input.chunks(at_once * width));
    parallel::for_each(
        nanoseconds,
        parts,
        || (),
        |(), ((output, statistics), input)| {
            let rows = output
                .chunks_exact_mut(width)
                .zip(input.chunks_exact(width));
            for ((out, values), statistics) in rows.zip(statistics.as_chunks_mut::<2>().0) {
                *statistics = row(normalization, values, subtract_b_dec.then_some(b_dec), out);
            }
        },
    );
}

/// One row; returns its mean and deviation.
fn row(
    normalization: Normalization,
    values: &[f32],
    b_dec: Option<&[f32]>,
    out: &mut [f32],
) -> [f32; 2] {
    let width = values.len();
    let (mut mean, mut deviation, mut divisor) = (0.0, 1.0, 1.0);
    if matches!(
        normalization,
        Normalization::LayerNorm | Normalization::Centred
    ) {
        mean = values.iter().sum::<f32>() / width as f32;
    }
    if normalization == Normalization::LayerNorm {
        let squares: f32 = values.iter().map(|value| (value - mean).powi(2)).sum();
        deviation = (squares / (width - 1) as f32).sqrt();
        divisor = deviation + 1e-5;
    }
    if normalization == Normalization::ConstantNorm {
        let squares: f32 = values.iter().map(|value| value * value).sum();
        deviation = (squares / width as f32).sqrt();
        divisor = if deviation > 0.0 { deviation } else { 1.0 };
    }
    if let Normalization::Scaled(factor) = normalization {
        deviation = 1.0 / factor;
        divisor = deviation;
    }
    for (out, value) in out.iter_mut().zip(values) {
        *out = (value - mean) / divisor;
    }
    for (out, bias) in out.iter_mut().zip(b_dec.into_iter().flatten()) {
        *out -= bias;
    }
    [mean, deviation]
}
