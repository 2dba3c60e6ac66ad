//! Typed functions of the kernels, one per kernel: each checks shapes, and records the dispatch with its CPU reference.

pub(crate) mod add;
pub(crate) mod all;
pub(crate) mod apply_edits;
pub(crate) mod attention;
pub(crate) mod attention_pattern;
pub(crate) mod attention_tiled;
pub(crate) mod check;
pub(crate) mod copy;
pub(crate) mod cross_entropy;
pub(crate) mod edit_conditions;
pub(crate) mod embedding;
pub(crate) mod gate;
pub(crate) mod gather_rows;
pub(crate) mod kl_divergence;
pub(crate) mod latent_statistics;
pub(crate) mod layer_norm;
pub(crate) mod linear;
pub(crate) mod matmul;
pub(crate) mod matmul_direct;
pub(crate) mod norm_scale;
pub(crate) mod product;
pub(crate) mod sae_normalize;
pub(crate) mod scale_shift;
pub(crate) mod shader;
pub(crate) mod source;
pub(crate) mod sparse_decode;
pub(crate) mod splice;
pub(crate) mod topk;
pub(crate) mod write_columns;

pub(crate) use check::{dimension, flag, require, threads};
pub(crate) use shader::{Shader, shader};
