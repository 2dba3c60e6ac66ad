//! Training of a small GPT-2 on text, as the demo's model was trained: configuration, tokenizer, order of data, one step on the CPU,
//! checkpoints that are finished folders in Hugging Face's layout.
//!
//! Gradients come from automatic differentiation (the crate `burn-tensor` on its backend Flex). The rows of a batch are divided in parts of
//! a fixed number of rows, each part is differentiated on one thread, and the parts' gradients are summed in their order: no bit depends
//! on the number of threads. What follows a gradient, clipping by the norm of all of them and AdamW, is here, because burn clips each
//! tensor by itself.
//!
//! Batches are named by their number alone, so nothing of the order is saved: a resumed training has the bytes of one that was not
//! interrupted.

pub mod checkpoint;
mod config;
mod data;
mod error;
mod export;
mod initial;
mod layout;
mod log;
mod memory;
mod network;
mod optimizer;
mod schedule;
mod tokenizer;
mod trainer;

pub use config::{Config, decode};
pub use data::{Corpus, Order, held_out};
pub use error::Error;
pub use export::model_files;
pub use initial::weights_at_start;
pub use layout::{Layout, Slot};
pub use log::{Measured, Record};
pub use network::Model;
pub use optimizer::{clip_factor, norm};
pub use schedule::learning_rate;
pub use tokenizer::TokenizerFiles;
pub use trainer::Trainer;
