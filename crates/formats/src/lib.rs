//! Model, tokenizer and sparse autoencoder files in, typed tensors out; autoencoders back into files.
//!
//! Bytes come from a [`source::ByteSource`] in parts, and values go out in parts, so that nothing needs a whole model in
//! memory. Nothing here speaks to a network, starts a thread or knows of a device, so that the crate is the same natively
//! and in a browser. Every input is treated as hostile: a
//! length that a header states is compared with the bytes at hand before anything is allocated for it, nothing that
//! a file contains is ever executed, and every refusal is an [`Error`] that names the file, the tensor, the shape or
//! the value at fault.

mod error;
pub mod gpt2;
mod pickle;
pub mod sae;
mod settings;
pub mod source;
pub mod tensors;
pub mod tokenizer;
mod torch;
mod unique;

pub use error::{Error, Result};
