//! GPT-2 on a device: config, weights, batched forward passes, KV caches, hook points.
//!
//! Activations are `[rows, width]`: the tokens of all sequences of a run, packed one after the other ([`RowTable`]). The
//! crate does not know that sparse autoencoders exist: whoever wants to read or edit an activation gives [`Hooks`].

mod block;
mod cache;
mod config;
mod error;
mod forward;
mod hook_names;
mod hooks;
mod observe;
mod rows;
mod sequence;
mod weights;

pub use cache::{Cache, CacheUse};
pub use config::{AttentionScale, Config};
pub use error::Error;
pub use forward::{FinalStream, Pass, Start};
pub use hook_names::UnknownHook;
pub use hooks::{HookPoint, Hooks, NoHooks};
pub use observe::{Norm, Observation, UnknownObservation};
pub use rows::RowTable;
pub use sequence::{CacheSlot, Sequence};
pub use weights::{Gpt2, WeightSource};
