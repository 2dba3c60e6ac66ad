//! The list of all shaders.

use crate::kernel::shader::Shader;
use crate::kernel::{
    adam_rows, add, apply_edits, attention, attention_pattern, attention_tiled, column_sums, copy,
    cross_entropy, decode_levels, edit_conditions, embedding, fill, gate, gather_rows,
    kl_divergence, latent_activity, latent_gradients, latent_statistics, layer_norm, linear,
    mask_columns, matmul, matmul_direct, norm_scale, sae_normalize, scale_shift, sparse_decode,
    splice, topk, transpose_codes, write_columns,
};

/// Every kernel's shader, for checks that go over all of them.
pub static SHADERS: [&Shader; 35] = [
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
    &adam_rows::SHADER,
    &column_sums::SHADER,
    &decode_levels::SHADER,
    &fill::SHADER,
    &latent_activity::SHADER,
    &latent_gradients::SHADER,
    &mask_columns::SHADER,
    &transpose_codes::MARK_SHADER,
    &transpose_codes::SCATTER_SHADER,
    &transpose_codes::SUMS_SHADER,
    &write_columns::SHADER,
];
