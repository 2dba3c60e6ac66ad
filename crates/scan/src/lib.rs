//! Scans: documents through a model and its feature sets into one [`atlas::Tally`] per set.
//!
//! [`scan()`] divides documents into windows, runs them and adds their activations to tallies. [`identity`] says by hashes which
//! model, tokenizer and feature sets these are. [`describe()`] adds what the weights say. The crate `scan-folder` has a scan's state and
//! the folder in which it is kept.

mod bookkeeping;
mod describe;
mod division;
mod error;
pub mod identity;
mod in_memory;
mod run;

pub use describe::{Described, counted, describe};
pub use division::{Origin, SHORTEST};
pub use error::Error;
pub use in_memory::atlas_files;
pub use run::{Seconds, check_context, scan};
