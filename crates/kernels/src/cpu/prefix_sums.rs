//! CPU reference of `prefix_sums.wgsl`.

use crate::cpu::Bindings;

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
pub(crate) struct Parameters {
    pub count: u32,
    pub stride: u32,
}

pub(crate) fn run(parameters: &Parameters, bindings: &Bindings<'_>) {
    let input = bindings.u32(1);
    let mut sums = bindings.u32_mut(2);
    let mut before = 0;
    for i in 0..parameters.count as usize {
        sums[i] = before;
        before += input[i * parameters.stride as usize];
    }
    sums[parameters.count as usize] = before;
}
