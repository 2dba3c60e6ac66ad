//! Training of sparse autoencoders (TopK and what followed it, JumpReLU, ReLU with L1) on activations that the caller
//! provides: configuration, order of data, one step on the CPU or as kernels on a GPU, checkpoints. No model, no network.
//!
//! A step costs what the active latents cost: gradients are in closed form and sparse, walked latent by latent, so that no sum
//! depends on the number of threads. The same settings, activations and machine give the same bits, also where a run was
//! interrupted and resumed.
//!
//! The recipe is that of Gao et al., Scaling and evaluating sparse autoencoders (arXiv 2406.04093), with the places where its
//! released code, or other trainers, differ as options of [`Config`].

mod above;
mod adam;
mod auxiliary;
mod batch_topk;
pub mod checkpoint;
mod config;
mod decode;
mod device;
mod encode;
mod error;
mod export;
mod gradients;
mod initial;
mod input;
mod log;
mod machine;
mod order;
mod parameters;
mod random;
mod schedule;
mod selection;
mod sparsity;
mod sums;
mod threshold;
mod trainer;
mod training;
mod vectors;

#[cfg(not(target_arch = "wasm32"))]
pub use checkpoint::Folder;
pub use checkpoint::LOG;
pub use config::{
    Activation, Config, DecoderNorm, InputNormalization, PreBiasStart, decode_config,
    decode_settings,
};
pub use device::{Clock, DeviceTrainer};
pub use error::Error;
pub use export::Origin;
pub use input::{InputStatistics, statistics};
pub use log::{Measured, Record};
pub use machine::machine;
pub use order::{Order, Take};
pub use parameters::Parameters;
pub use random::{Purpose, Random};
pub use schedule::learning_rate;
pub use trainer::Trainer;
pub use training::Training;
