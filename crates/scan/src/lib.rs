//! Scans: documents through a model and its feature sets into one [`atlas::Tally`] per set, and the folder in which a scan is
//! kept.
//!
//! [`scan()`] divides documents into windows, runs them and adds their activations to tallies. [`identity`] says by hashes which
//! model, tokenizer and feature sets these are. [`ScanInfo`] describes a scan's folder. Its reading and writing ([`disk`]) are
//! for native programs; everything else is for the page as well.

mod describe;
#[cfg(not(target_arch = "wasm32"))]
pub mod disk;
mod division;
mod error;
pub mod identity;
mod in_memory;
mod info;
mod run;

pub use describe::{Described, counted, describe};
pub use division::{Origin, SHORTEST};
pub use error::Error;
pub use in_memory::atlas_files;
pub use info::{
    CorpusFile, CorpusKey, INDEX, Progress, ScanInfo, Shard, TallyFile, VERSION, decode_info,
    encode_info, set_name, tally_name,
};
pub use run::{Scan, check_context, scan};
