//! CPU reference of `copy.wgsl`.

use crate::cpu::Bindings;

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
pub(crate) struct Parameters {
    pub words: u32,
    pub input_offset: u32,
    pub output_offset: u32,
    pub invocations: u32,
}

pub(crate) fn run(parameters: &Parameters, bindings: &Bindings<'_>) {
    let words = parameters.words as usize;
    bindings.u32_mut(2)[parameters.output_offset as usize..][..words]
        .copy_from_slice(&bindings.u32(1)[parameters.input_offset as usize..][..words]);
}
