//! CPU reference of `splice.wgsl`.

use crate::cpu::Bindings;

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
pub(crate) struct Parameters {
    pub rows: u32,
    pub width: u32,
}

pub(crate) fn run(parameters: &Parameters, bindings: &Bindings<'_>) {
    let input = bindings.f32(1);
    let replacement = bindings.f32(2);
    let mask = bindings.u32(3);
    let mut output = bindings.f32_mut(4);
    let width = parameters.width as usize;
    for row in 0..parameters.rows as usize {
        let source = if mask[row] == 0 { &input } else { &replacement };
        let values = row * width..(row + 1) * width;
        output[values.clone()].copy_from_slice(&source[values]);
    }
}
