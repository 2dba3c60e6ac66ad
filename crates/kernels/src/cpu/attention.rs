//! Twin of `attention.wgsl`.

use crate::cpu::{Bindings, simd};
use crate::kernel::attention::Parameters;

pub(crate) fn run(parameters: &Parameters, use_position: bool, bindings: &Bindings<'_>) {
    let tokens = bindings.u32(1);
    let qkv = bindings.f32(2);
    let mut output = bindings.f32_mut(3);
    let head_dim = parameters.head_dim as usize;
    let d_model = parameters.n_heads as usize * head_dim;
    let stride = 3 * d_model;
    let tokens_per_sequence = parameters.tokens_per_sequence as usize;
    let mut query = vec![0.0; head_dim];
    let mut scores = Vec::new();
    for row in 0..parameters.rows as usize {
        let (first_row, query_row) = if use_position {
            (0, tokens[0] as usize + row)
        } else {
            (row / tokens_per_sequence * tokens_per_sequence, row)
        };
        for head in 0..parameters.n_heads as usize {
            let column = head * head_dim;
            for (scaled, value) in query
                .iter_mut()
                .zip(&qkv[query_row * stride + column..][..head_dim])
            {
                *scaled = value * parameters.scale;
            }
            scores.clear();
            scores.extend(
                (first_row..=query_row).map(|key| {
                    simd::dot(&query, &qkv[key * stride + d_model + column..][..head_dim])
                }),
            );
            let largest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let sum = simd::exponentials(&mut scores, largest);
            let out = &mut output[row * d_model + column..][..head_dim];
            out.fill(0.0);
            for (score, key) in scores.iter().zip(first_row..) {
                simd::add_scaled(
                    out,
                    score / sum,
                    &qkv[key * stride + 2 * d_model + column..][..head_dim],
                );
            }
        }
    }
}
