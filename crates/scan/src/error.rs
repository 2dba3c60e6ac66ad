//! Errors of scans.

use std::io;
use std::path::PathBuf;

use thiserror::Error as ThisError;

/// Errors of scanning, and of a scan's folder.
#[derive(Debug, ThisError)]
#[non_exhaustive]
pub enum Error {
    /// A tally or an index refuses.
    #[error(transparent)]
    Atlas(#[from] atlas::Error),
    /// The engine refuses.
    #[error(transparent)]
    Engine(#[from] explorer::Error),
    /// The corpus cannot be read.
    #[error(transparent)]
    Corpus(#[from] corpus::Error),
    /// A context that cannot be.
    #[error("a context of {context} tokens: it must be from {least} to {most}, a BOS included")]
    Context {
        /// Tokens of a window, a BOS included.
        context: u32,
        /// The fewest.
        least: usize,
        /// Those of the model.
        most: usize,
    },
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
}
