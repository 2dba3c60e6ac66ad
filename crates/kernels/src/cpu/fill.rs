//! CPU reference of `fill.wgsl`.

use crate::cpu::Bindings;

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
pub(crate) struct Parameters {
    pub words: u32,
    pub value: u32,
    pub invocations: u32,
}

pub(crate) fn run(parameters: &Parameters, bindings: &Bindings<'_>) {
    bindings.u32_mut(1)[..parameters.words as usize].fill(parameters.value);
}
