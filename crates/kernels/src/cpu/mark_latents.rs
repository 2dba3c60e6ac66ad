//! CPU reference of `mark_latents.wgsl`.

use crate::cpu::{Bindings, levels};

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
pub(crate) struct Parameters {
    pub slots: u32,
    pub k: u32,
    pub d_sae: u32,
    pub mark_words: u32,
    pub invocations: u32,
}

pub(crate) fn run(parameters: &Parameters, bindings: &Bindings<'_>) {
    let latents = bindings.u32(1);
    let activations = bindings.f32(2);
    let mut marks = bindings.u32_mut(3);
    let slots = parameters.slots as usize;
    let d_sae = parameters.d_sae as usize;
    for (slot, latent, _) in levels::active(&latents[..slots], &activations[..slots], d_sae) {
        let row = slot / parameters.k as usize;
        let first = latent as usize * parameters.mark_words as usize;
        marks[first] += 1;
        marks[first + 1 + row / 32] |= 1 << (row % 32);
    }
}
