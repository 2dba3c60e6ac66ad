//! CPU reference of `attention_pattern.wgsl`.

use crate::cpu::attention_inputs::{self, Keys};
use crate::cpu::{Bindings, simd};

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
pub(crate) struct Parameters {
    pub attention: attention_inputs::Parameters,
    pub keys: u32,
}

pub(crate) fn run(parameters: &Parameters, use_cache: bool, bindings: &Bindings<'_>) {
    let rows = bindings.u32(1);
    let qkv = bindings.f32(2);
    let cache = bindings.f32(3);
    let mut pattern = bindings.f32_mut(4);
    let attention = &parameters.attention;
    let (n_heads, head_dim) = (attention.n_heads as usize, attention.head_dim as usize);
    let width = parameters.keys as usize;
    let mut query = vec![0.0; head_dim];
    let mut scores = Vec::new();
    for row in 0..attention.rows as usize {
        let keys = Keys::of(&rows, row, n_heads * head_dim, use_cache);
        for head in 0..n_heads {
            let place = (row, head * head_dim);
            keys.scores(
                (&qkv, &cache),
                place,
                attention.scale,
                &mut query,
                &mut scores,
            );
            let largest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let sum = simd::exponentials(&mut scores, largest);
            let out = &mut pattern[(row * n_heads + head) * width..][..width];
            out.fill(0.0);
            for (out, score) in out.iter_mut().zip(&scores) {
                *out = score / sum;
            }
        }
    }
}
