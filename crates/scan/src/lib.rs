//! Scans: documents through a model and its feature sets into one [`atlas::Tally`] per set, and the folder in which a scan is
//! kept.
//!
//! [`ScanInfo`] describes a scan's folder. Its reading and writing ([`disk`]) are for native programs; everything else is for
//! the page as well.

#[cfg(not(target_arch = "wasm32"))]
pub mod disk;
mod error;
mod info;

pub use error::Error;
pub use info::{
    CorpusFile, CorpusKey, INDEX, Progress, ScanInfo, SetKey, Shard, TallyFile, VERSION,
    decode_info, encode_info, tally_name,
};
