//! The kernels on a GPU against their CPU references, and both against plain sums in `f64`.
//!
//! One module a subject, in one binary so that the GPU's libraries are linked once. Where no adapter can be had the
//! GPU half is left out, loudly; with `SAE_EXPLORER_REQUIRE_GPU=1` that is a failure instead.

mod attention;
mod common;
mod edit_conditions;
mod edit_table;
mod edits;
mod embedding;
mod latent_statistics;
mod linear;
mod linear_topk;
mod losses;
mod matrix;
mod norms;
mod observations;
mod plans;
mod profile;
mod rows;
mod sae;
mod shaders;
mod threads;
mod topk;
mod tour;
mod training;
mod words;
