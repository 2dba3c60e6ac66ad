//! CPU reference of `scale_shift.wgsl`.

use crate::cpu::Bindings;

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
pub(crate) struct Parameters {
    pub rows: u32,
    pub width: u32,
}

pub(crate) fn run(parameters: &Parameters, bindings: &Bindings<'_>) {
    let input = bindings.f32(1);
    let weight_bias = bindings.f32(2);
    let mut output = bindings.f32_mut(3);
    let width = parameters.width as usize;
    let (weight, bias) = weight_bias[..2 * width].split_at(width);
    for (input, output) in input
        .chunks_exact(width)
        .zip(output.chunks_exact_mut(width))
        .take(parameters.rows as usize)
    {
        for (((out, x), weight), bias) in output.iter_mut().zip(input).zip(weight).zip(bias) {
            *out = x * weight + bias;
        }
    }
}
