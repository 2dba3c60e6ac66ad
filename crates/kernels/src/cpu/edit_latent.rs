//! Twin of `edit_latent.wgsl`.

use crate::cpu::{Bindings, simd};
use crate::kernel::edit_latent::Parameters;

pub(crate) fn run(parameters: &Parameters, bindings: &Bindings<'_>) {
    let input = bindings.f32(1);
    let latents = bindings.u32(2);
    let activations = bindings.f32(3);
    let statistics = bindings.f32(4);
    let mask = bindings.u32(5);
    let w_dec = bindings.f32(6);
    let mut output = bindings.f32_mut(7);
    let (k, width) = (parameters.k as usize, parameters.width as usize);
    let direction = &w_dec[parameters.first_word as usize..][..width];
    for row in 0..parameters.rows as usize {
        let places = row * width..(row + 1) * width;
        output[places.clone()].copy_from_slice(&input[places.clone()]);
        if mask[row] == 0 {
            continue;
        }
        let current = latents[row * k..(row + 1) * k]
            .iter()
            .position(|latent| *latent == parameters.latent)
            .map_or(0.0, |place| activations[row * k + place]);
        let change = (parameters.value - current) * statistics[row * 2 + 1];
        if change != 0.0 {
            simd::add_scaled(&mut output[places], change, direction);
        }
    }
}
