//! GPT-2 on a device: config, weights, batched forward, KV-cached decode, hook points.
//!
//! Activations are `[sequences × tokens, width]`; a batch is equal-length sequences. The crate does not know that
//! sparse autoencoders exist: whoever wants to read or edit an activation gives [`Hooks`].

mod block;
mod config;
mod decode;
mod error;
mod forward;
mod hook_names;
mod hooks;
mod tokens;
mod weights;

pub use config::{AttentionScale, Config};
pub use decode::{Cache, Decoder};
pub use error::Error;
pub use forward::{FinalStream, Start};
pub use hook_names::UnknownHook;
pub use hooks::{HookPoint, Hooks, NoHooks};
pub use tokens::Batch;
pub use weights::{Gpt2, WeightSource};
