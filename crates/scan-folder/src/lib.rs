//! The folder in which a scan is kept. [`ScanInfo`] describes it, [`Scan`] is a scan while it runs, [`check_shards`] says whether
//! several are the shards of one. Reading and writing ([`disk`]) are for native programs; everything else is for the page as well.

#[cfg(not(target_arch = "wasm32"))]
pub mod disk;
mod error;
mod info;
mod shards;
mod state;

pub use error::Error;
pub use info::{
    CorpusFile, CorpusKey, INDEX, Progress, ScanInfo, Shard, TallyFile, VERSION, decode_info,
    encode_info, set_name, tally_name,
};
pub use shards::{Part, check_shards};
pub use state::Scan;
