//! CPU reference of `latent_gradients.wgsl`.

use crate::cpu::{Bindings, simd};

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
pub(crate) struct Parameters {
    pub width: u32,
    pub row_words: u32,
    pub levels: u32,
    pub shard_first_row: u32,
    pub shard_rows: u32,
}

pub(crate) fn run(parameters: &Parameters, add: bool, bindings: &Bindings<'_>) {
    let firsts = bindings.u32(1);
    let entries = bindings.u32(2);
    let gradients = bindings.f32(3);
    let inputs = bindings.f32(4);
    let w_dec = bindings.f32(5);
    let mut dw_dec = bindings.f32_mut(6);
    let mut dw_enc = bindings.f32_mut(7);
    let mut db_enc = bindings.f32_mut(8);
    let width = parameters.width as usize;
    for shard_row in 0..parameters.shard_rows as usize {
        let latent = parameters.shard_first_row as usize + shard_row;
        let place = shard_row * parameters.row_words as usize;
        let decoder = &mut dw_dec[place..place + width];
        let encoder = &mut dw_enc[place..place + width];
        if !add {
            decoder.fill(0.0);
            encoder.fill(0.0);
            db_enc[latent] = 0.0;
        }
        let direction = &w_dec[place..place + width];
        let range = firsts[latent] as usize * 2..firsts[latent + 1] as usize * 2;
        for [entry, bits] in entries[range].as_chunks::<2>().0 {
            let gradient = &gradients[*entry as usize * width..][..width];
            let products = gradient.iter().zip(direction).map(|(a, b)| a * b);
            let in_activation: f32 = products.sum();
            let row = (entry / parameters.levels) as usize;
            simd::add_scaled(decoder, f32::from_bits(*bits), gradient);
            simd::add_scaled(encoder, in_activation, &inputs[row * width..][..width]);
            db_enc[latent] += in_activation;
        }
    }
}
