//! Files of an atlas: an index in JSON, and beside it one folder per feature set with a table of all its features, shards with
//! their records, coordinates and an index of tokens. docs/atlas.md describes them.
//!
//! A binary file is a header of 16 bytes (`SAEATLAS`, the version, the kind, both as little-endian u32) and a zlib stream of
//! the value as postcard writes it. Equal values give equal bytes.

mod binary;
mod index;
mod json;
mod layout;

pub use binary::{Binary, decode, encode};
pub use index::{all_files, decode_info, encode_info};
pub use json::{decode_index, encode_index, is_name};
pub use layout::{Written, file_info, shard_of, write_set, write_vocabulary};

/// Version of the format.
pub const VERSION: u32 = 1;

/// Features per shard: some 100 KB, of which a page of a feature loads one.
pub const SHARD_SIZE: u32 = 64;

/// Name of the index.
pub const INDEX: &str = "atlas.json";
