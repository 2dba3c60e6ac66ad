//! Twin of `sae_normalize.wgsl`.

use crate::cpu::Bindings;
use crate::kernel::sae_normalize::{Normalization, Parameters};

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
    let width = parameters.width as usize;
    for row in 0..parameters.rows as usize {
        let values = &input[row * width..(row + 1) * width];
        let out = &mut output[row * width..(row + 1) * width];
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
        if subtract_b_dec {
            for (out, bias) in out.iter_mut().zip(b_dec.iter()) {
                *out -= bias;
            }
        }
        statistics[row * 2] = mean;
        statistics[row * 2 + 1] = deviation;
    }
}
