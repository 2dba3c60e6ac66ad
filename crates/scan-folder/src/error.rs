//! Errors of scans' folders.

use std::io;
use std::path::PathBuf;

use thiserror::Error as ThisError;

/// Errors of reading and writing a scan's folder, and of shards that are not those of one scan.
#[derive(Debug, ThisError)]
#[non_exhaustive]
pub enum Error {
    /// A tally or an index refuses.
    #[error(transparent)]
    Atlas(#[from] atlas::Error),
    /// A file that cannot be read.
    #[error("{} cannot be read: {source}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file that cannot be written.
    #[error("{} cannot be written: {source}", .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A disk that is full.
    #[error(
        "{} does not fit: it needs {needed} bytes, and the disk has {free} left; what was written before is whole, so make room and start the same scan again: it goes on from there", .path.display()
    )]
    DiskFull {
        /// The file or folder that was to be written.
        path: PathBuf,
        /// Bytes that it needs.
        needed: u64,
        /// Bytes that are free.
        free: u64,
    },
    /// A folder with another scan.
    #[error(
        "{} holds another scan: the {what} differ ({there} there, {here} here); name another folder, or remove this one", .path.display()
    )]
    OtherScan {
        /// The folder.
        path: PathBuf,
        /// What differs, a plural.
        what: &'static str,
        /// In the folder.
        there: String,
        /// Of this scan.
        here: String,
    },
    /// A folder in which another process writes.
    #[error("another process scans into {}; wait for it, or name another folder", .path.display())]
    InUse {
        /// The folder.
        path: PathBuf,
    },
    /// A folder without a scan.
    #[error("{} holds no scan: {INDEX} is missing; name the folder that `scan --out` wrote", .path.display(), INDEX = crate::INDEX)]
    NoScan {
        /// The folder.
        path: PathBuf,
    },
    /// A scan that has not ended.
    #[error(
        "the scan in {} has not ended: run the same command again, and it goes on where it stopped", .path.display()
    )]
    Unfinished {
        /// The folder.
        path: PathBuf,
    },
    /// Shards of different scans.
    #[error("{} and {} are not shards of one scan: their {what} differ ({one} and {other})", .first.display(), .second.display())]
    Shards {
        /// A shard.
        first: PathBuf,
        /// Another one.
        second: PathBuf,
        /// What differs, a plural.
        what: &'static str,
        /// Of the first.
        one: String,
        /// Of the second.
        other: String,
    },
    /// A part of the corpus that was scanned twice.
    #[error("{} and {} are both shard {shard} of the corpus: give each once", .first.display(), .second.display())]
    Overlap {
        /// A shard.
        first: PathBuf,
        /// Another one.
        second: PathBuf,
        /// Number and count, as `0/4`.
        shard: String,
    },
    /// Parts of the corpus without a shard.
    #[error(
        "shards {missing} of the corpus are missing: give all {of}, or scan those with --shard"
    )]
    MissingShards {
        /// Their numbers, as `1/4, 3/4`.
        missing: String,
        /// Number of shards.
        of: u32,
    },
}
