//! The atlas: what each feature of a model does over a corpus.
//!
//! A scan reads a corpus window by window and adds each window's activations to a [`Tally`], one per feature set. Tallies of
//! parts of a corpus merge to exactly the tally of the whole, in any order. A finished tally becomes one [`FeatureRecord`] per
//! latent; the records of a set lie in shards that any static host serves, with a table of all features and an index beside
//! them ([`files`]).
//!
//! This crate knows neither models nor files on disk: activations and bytes are handed in, bytes are handed out.

mod activations;
pub mod association;
mod content;
pub mod error;
pub mod files;
pub mod info;
pub mod label;
pub mod record;
pub mod table;
pub mod tally;
#[cfg(feature = "testing")]
pub mod testing;

pub use content::Content;
pub use error::Error;
pub use info::{
    AtlasInfo, CorpusInfo, DocumentInfo, Imported, ModelKey, Quantity, SetInfo, SetKind, Settings,
};
pub use record::FeatureRecord;
pub use tally::Tally;
