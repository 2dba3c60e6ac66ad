//! Mathematics of evaluating sparse autoencoders, on slices in memory: no model, no device, no files.
//!
//! Definitions are those of `docs/metrics.md`; each function names the source of its formula.

pub mod density;
mod linear;
pub mod logistic;
pub mod pre_activations;
pub mod random;
pub mod refine;
pub mod scaling;
pub mod sparse_probe;
pub mod sparsity;
pub mod tasks;
pub mod threshold;
