//! CPU reference of `norm_scale.wgsl`.

use crate::cpu::Bindings;

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
pub(crate) struct Parameters {
    pub rows: u32,
    pub width: u32,
    pub epsilon: f32,
}

pub(crate) fn run(parameters: &Parameters, bindings: &Bindings<'_>) {
    let width = parameters.width as usize;
    let input = bindings.f32(1);
    let mut scales = bindings.f32_mut(2);
    for (row, scale) in input
        .chunks_exact(width)
        .zip(&mut scales[..parameters.rows as usize])
    {
        let mean = row.iter().sum::<f32>() / width as f32;
        let squares: f32 = row.iter().map(|value| (value - mean).powi(2)).sum();
        *scale = (squares / width as f32 + parameters.epsilon).sqrt();
    }
}
