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
