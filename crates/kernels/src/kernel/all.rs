//! The list of all shaders.

use crate::kernel::shader::Shader;
use crate::kernel::{
    add, apply_edits, attention, attention_pattern, attention_tiled, copy, cross_entropy,
    edit_conditions, embedding, gate, gather_rows, kl_divergence, latent_statistics, layer_norm,
    linear, matmul, matmul_direct, norm_scale, sae_normalize, scale_shift, sparse_decode, splice,
    topk, write_columns,
};

/// Every kernel's shader, for checks that go over all of them.
pub static SHADERS: [&Shader; 25] = [
    &add::SHADER,
    &apply_edits::SHADER,
    &attention::SHADER,
    &attention_pattern::SHADER,
    &attention_tiled::SHADER,
    &copy::SHADER,
    &cross_entropy::SHADER,
    &edit_conditions::SHADER,
    &embedding::SHADER,
    &gate::SHADER,
    &gather_rows::SHADER,
    &kl_divergence::SHADER,
    &latent_statistics::SHADER,
    &layer_norm::SHADER,
    &linear::SHADER,
    &matmul::SHADER,
    &matmul_direct::SHADER,
    &matmul::SMALL_SHADER,
    &norm_scale::SHADER,
    &sae_normalize::SHADER,
    &scale_shift::SHADER,
    &sparse_decode::SHADER,
    &splice::SHADER,
    &topk::SHADER,
    &write_columns::SHADER,
];
