//! Models and sparse autoencoders of random weights, in full size and in the layouts in which people find the real ones,
//! for tests and measurements. The same files come from every machine, bit for bit, and they are written in
//! pieces, so that the largest takes no more memory than the smallest.

mod folder;
mod gpt2;
mod numbers;
mod sae;
mod safetensors;
mod stand_in;
mod tokenizer;
mod torch;

pub use gpt2::{MODEL_FILES, Size, write_model};
pub use numbers::{Numbers, Spread};
pub use sae::{Published, hollow_biases, write_hollow_sae, write_sae};
pub use stand_in::write_stand_in;

/// Changes whenever the numbers or the files do: folders in which they are kept carry it in their name.
pub const VERSION: u32 = 1;

/// Seed of all numbers.
pub const SEED: u64 = 20_260_101;
