//! CPU reference of `decode_levels.wgsl`.

use crate::cpu::{Bindings, levels, simd};

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
pub(crate) struct Parameters {
    pub rows: u32,
    pub k: u32,
    pub width: u32,
    pub row_words: u32,
    pub shard_first_row: u32,
    pub shard_rows: u32,
    pub levels: u32,
    pub main_level: u32,
}

#[derive(Clone, Copy)]
pub(crate) struct Flags {
    pub by_rank: bool,
    pub first_shard: bool,
    pub last_shard: bool,
    pub add_targets: bool,
}

pub(crate) fn run(parameters: &Parameters, flags: Flags, bindings: &Bindings<'_>) {
    let latents = bindings.u32(1);
    let activations = bindings.f32(2);
    let table = bindings.u32(3);
    let targets = bindings.f32(4);
    let w_dec = bindings.f32(5);
    let mut gradients = bindings.f32_mut(6);
    let mut residuals = bindings.f32_mut(7);
    let mut squares = bindings.f32_mut(8);
    let (k, width) = (parameters.k as usize, parameters.width as usize);
    let levels = levels::Levels {
        table: &table,
        count: parameters.levels as usize,
        by_rank: flags.by_rank,
    };
    for row in 0..parameters.rows as usize {
        let gradients = &mut gradients[row * levels.count * width..][..levels.count * width];
        if flags.first_shard {
            gradients.fill(0.0);
        }
        let slots = row * k..(row + 1) * k;
        let active = levels::active(&latents[slots.clone()], &activations[slots], usize::MAX);
        for (slot, latent, activation) in active {
            let Some(shard_row) = latent.checked_sub(parameters.shard_first_row) else {
                continue;
            };
            if shard_row < parameters.shard_rows {
                let sum = &mut gradients[levels.of(latent, slot) * width..][..width];
                let first = shard_row as usize * parameters.row_words as usize;
                simd::add_scaled(sum, activation, &w_dec[first..first + width]);
            }
        }
        if flags.last_shard {
            let residual = &mut residuals[row * width..][..width];
            let squares = &mut squares[row * levels.count..][..levels.count];
            let target = &targets[row * width..][..width];
            let sign = if flags.add_targets { 1.0 } else { -1.0 };
            finish(
                (levels, parameters.main_level as usize),
                (gradients, target, sign),
                (residual, squares),
            );
        }
    }
}

/// Makes the gradients of a row out of each level's own sum.
fn finish(
    (levels, main): (levels::Levels<'_>, usize),
    (gradients, target, sign): (&mut [f32], &[f32], f32),
    (residual, squares): (&mut [f32], &mut [f32]),
) {
    let width = target.len();
    let mut sum: Vec<f32> = target.iter().map(|value| sign * value).collect();
    for (level, own) in gradients.chunks_exact_mut(width).enumerate() {
        for (own, sum) in own.iter_mut().zip(&mut sum) {
            *sum += *own;
            *own = *sum;
        }
        squares[level] = sum.iter().map(|value| value * value).sum();
        if level == main {
            residual.copy_from_slice(&sum);
        }
    }
    sum.fill(0.0);
    for (level, own) in gradients.chunks_exact_mut(width).enumerate().rev() {
        for (own, sum) in own.iter_mut().zip(&mut sum) {
            *sum += 2.0 * levels.weight(level) * *own;
            *own = *sum;
        }
    }
}
