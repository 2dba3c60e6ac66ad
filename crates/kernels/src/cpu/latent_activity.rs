//! CPU reference of `latent_activity.wgsl`.

use crate::cpu::Bindings;

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
pub(crate) struct Parameters {
    pub d_sae: u32,
    pub levels: u32,
    pub main_level: u32,
    pub dead_steps: u32,
    pub threshold: u32,
    pub invocations: u32,
}

pub(crate) fn run(parameters: &Parameters, bindings: &Bindings<'_>) {
    let firsts = bindings.u32(1);
    let entries = bindings.u32(2);
    let now = bindings.u32(3)[0];
    let mut last_active = bindings.u32_mut(4);
    let mut activity = bindings.f32_mut(5);
    for latent in 0..parameters.d_sae as usize {
        let range = firsts[latent] as usize * 2..firsts[latent + 1] as usize * 2;
        let entries = entries[range].as_chunks::<2>().0;
        let inside = entries
            .iter()
            .filter(|[place, _]| place % parameters.levels <= parameters.main_level);
        let is_active = inside.clone().any(|[_, bits]| *bits > parameters.threshold);
        let last = &mut last_active[latent];
        if is_active {
            *last = now;
        }
        let is_dead = now.wrapping_sub(*last) > parameters.dead_steps;
        activity[latent * 2] = f32::from(u8::from(is_dead));
        activity[latent * 2 + 1] = inside.count() as f32;
    }
}
