//! CPU reference of `add.wgsl`.

use crate::cpu::Bindings;

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
pub(crate) struct Parameters {
    pub words: u32,
    pub invocations: u32,
}

pub(crate) fn run(parameters: &Parameters, bindings: &Bindings<'_>) {
    let left = bindings.f32(1);
    let right = bindings.f32(2);
    let mut output = bindings.f32_mut(3);
    for ((out, left), right) in output
        .iter_mut()
        .zip(left.iter())
        .zip(right.iter())
        .take(parameters.words as usize)
    {
        *out = left + right;
    }
}
