//! CPU reference of `gate.wgsl`.

use crate::cpu::{Bindings, parallel};

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
pub(crate) struct Parameters {
    pub words: u32,
    pub n: u32,
    pub invocations: u32,
}

pub(crate) fn run(parameters: &Parameters, gated: bool, bindings: &Bindings<'_>) {
    let threshold = bindings.f32(1);
    let scale = bindings.f32(2);
    let bias = bindings.f32(3);
    let mut values = bindings.f32_mut(4);
    let (threshold, scale, bias) = (&*threshold, &*scale, &*bias);
    let words = parameters.words as usize;
    let values = &mut values[..words];
    parallel::for_each_row(words, values, parameters.n as usize, |_, row| {
        for (column, value) in row.iter_mut().enumerate() {
            let (open, magnitude) = if gated {
                (
                    *value + threshold[column] > 0.0,
                    *value * scale[column] + bias[column],
                )
            } else {
                (*value > threshold[column], *value)
            };
            // A NaN stays one, so that it is reported.
            if !value.is_nan() {
                *value = if open { magnitude.max(0.0) } else { 0.0 };
            }
        }
    });
}
