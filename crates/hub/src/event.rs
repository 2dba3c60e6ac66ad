//! Reports of a hub's work, for whoever shows progress.

use std::path::Path;
use std::time::Duration;

/// A step of a hub's work; `name` is the file's address as people write it.
#[derive(Debug, Clone, PartialEq)]
pub enum Event<'a> {
    /// Another process downloads the same file.
    Waiting {
        /// The file.
        name: &'a str,
    },
    /// A download begins or is resumed.
    Started {
        /// The file.
        name: &'a str,
        /// Bytes that an earlier download left.
        from: u64,
        /// The file's size, if the host states it.
        bytes: Option<u64>,
    },
    /// Bytes have arrived.
    Advanced {
        /// The file.
        name: &'a str,
        /// Bytes that are in the cache.
        loaded: u64,
        /// The file's size, if the host states it.
        bytes: Option<u64>,
    },
    /// A try failed, and another follows after a wait.
    Retrying {
        /// The file.
        name: &'a str,
        /// Why.
        reason: String,
        /// The time until the next try.
        wait: Duration,
    },
    /// The file is in the cache.
    Finished {
        /// The file.
        name: &'a str,
        /// Its size.
        bytes: u64,
    },
    /// The file is in Hugging Face's own cache and is read there.
    InHfCache {
        /// The file.
        name: &'a str,
        /// The commit that the file is of, 40 hexadecimal digits.
        commit: &'a str,
        /// The cache's folder.
        folder: &'a Path,
    },
    /// The host cannot be reached, and the cached file is used.
    Unreachable {
        /// The file.
        name: &'a str,
        /// Why.
        reason: String,
    },
}
