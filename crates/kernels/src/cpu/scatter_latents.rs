//! CPU reference of `scatter_latents.wgsl`.

use crate::cpu::{Bindings, levels};

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
pub(crate) struct Parameters {
    pub slots: u32,
    pub k: u32,
    pub d_sae: u32,
    pub mark_words: u32,
    pub levels: u32,
    pub invocations: u32,
}

pub(crate) fn run(parameters: &Parameters, by_rank: bool, bindings: &Bindings<'_>) {
    let latents = bindings.u32(1);
    let activations = bindings.f32(2);
    let firsts = bindings.u32(4);
    let table = bindings.u32(5);
    let mut entries = bindings.u32_mut(6);
    let (slots, k) = (parameters.slots as usize, parameters.k as usize);
    let d_sae = parameters.d_sae as usize;
    let levels = levels::Levels {
        table: &table,
        count: parameters.levels as usize,
        by_rank,
    };
    // The next place of each latent: slots come by row.
    let mut next = firsts[..d_sae].to_vec();
    for (slot, latent, activation) in
        levels::active(&latents[..slots], &activations[..slots], d_sae)
    {
        let place = &mut next[latent as usize];
        let entry = &mut entries[*place as usize * 2..][..2];
        let level = levels.of(latent, slot % k);
        entry[0] = (slot / k * levels.count + level) as u32;
        entry[1] = activation.to_bits();
        *place += 1;
    }
}
