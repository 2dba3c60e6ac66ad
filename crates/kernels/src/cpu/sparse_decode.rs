//! CPU reference of `sparse_decode.wgsl`.

use crate::cpu::{Bindings, parallel, simd};

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
pub(crate) struct Parameters {
    pub rows: u32,
    pub k: u32,
    pub width: u32,
    pub row_words: u32,
    pub shard_first_row: u32,
    pub shard_rows: u32,
}

#[derive(Clone, Copy)]
pub(crate) struct Flags {
    pub weights_f16: bool,
    pub first_shard: bool,
    pub last_shard: bool,
}

pub(crate) fn run(parameters: &Parameters, flags: Flags, bindings: &Bindings<'_>) {
    let latents = bindings.u32(1);
    let activations = bindings.f32(2);
    let w_dec = bindings.f32(3);
    let b_dec = bindings.f32(4);
    let statistics = bindings.f32(5);
    let mut output = bindings.f32_mut(6);
    let (latents, activations) = (&*latents, &*activations);
    let (w_dec, b_dec, statistics) = (&*w_dec, &*b_dec, &*statistics);
    let (k, width) = (parameters.k as usize, parameters.width as usize);
    let rows = parameters.rows as usize;
    let nanoseconds = rows * k * width / 4;
    let output = &mut output[..rows * width];
    parallel::for_each_row(nanoseconds, output, width, |row, out| {
        if flags.first_shard {
            out.fill(0.0);
        }
        let slots = row * k..(row + 1) * k;
        for (latent, activation) in latents[slots.clone()].iter().zip(&activations[slots]) {
            let Some(shard_row) = latent.checked_sub(parameters.shard_first_row) else {
                continue;
            };
            if shard_row < parameters.shard_rows && *activation != 0.0 {
                let first = shard_row as usize * parameters.row_words as usize;
                simd::add_scaled(out, *activation, &w_dec[first..first + width]);
            }
        }
        if flags.last_shard {
            let (mean, deviation) = (statistics[row * 2], statistics[row * 2 + 1]);
            for (value, bias) in out.iter_mut().zip(b_dec) {
                *value = (*value + bias) * deviation + mean;
            }
        }
    });
}
