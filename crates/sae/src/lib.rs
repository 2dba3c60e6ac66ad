//! Sparse autoencoders on a device: encode, decode, and edits with the error term kept.
//!
//! An autoencoder is described by numbers alone: where it is attached and where its files came from is not its concern.

mod encode;
mod error;
mod select;
mod weights;

pub use encode::{ConditionTable, EditTable, Encoding};
pub use error::Error;
pub use kernels::Normalization;
pub use select::select;
pub use weights::{Architecture, Config, GateWeights, Sae, Vectors, WeightSource, Weights};
