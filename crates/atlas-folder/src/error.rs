//! Errors of atlases on disk.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Errors of writing and reading a folder.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no atlas.
    #[error("{} is not an atlas: it has no atlas.json{hint}", .path.display())]
    NoAtlas {
        /// The folder.
        path: PathBuf,
        /// What can be done, as the end of a sentence.
        hint: String,
    },
    /// A folder that is no atlas would have to be replaced.
    #[error("{} is there already and is not an atlas; nothing was written: give another name or remove it", .path.display())]
    NotReplaced {
        /// The folder or file.
        path: PathBuf,
    },
    /// A path that cannot be the name of a folder.
    #[error("{} is not the name of a folder that can be made", .path.display())]
    NoName {
        /// The path.
        path: PathBuf,
    },
    /// Another process writes the same atlas.
    #[error("another process is writing {}: wait for it, or give another name", .path.display())]
    Busy {
        /// The folder.
        path: PathBuf,
    },
    /// A file cannot be read.
    #[error("{} cannot be read: {source}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file cannot be written. What was there before is as it was.
    #[error("{} cannot be written: {source}", .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file of the atlas is damaged, or of a version that is not known.
    #[error("{}: {source}", .folder.display())]
    File {
        /// The atlas.
        folder: PathBuf,
        /// What is wrong.
        source: atlas::Error,
    },
    /// A feature set that the atlas does not have.
    #[error("there is no feature set {set} in {}; it has {known}", .folder.display())]
    NoSet {
        /// The atlas.
        folder: PathBuf,
        /// The id that was requested.
        set: String,
        /// The ids of its sets.
        known: String,
    },
    /// A latent that the set does not have.
    #[error("{set} has latents 0 to {last}; there is no {latent}")]
    NoLatent {
        /// The set.
        set: String,
        /// The latent that was requested.
        latent: u32,
        /// The last of its latents.
        last: u32,
    },
    /// A latent of which the files say nothing that the atlas was imported from.
    #[error(
        "latent {latent} of {set} is not in the atlas: the {format} files that it was imported from do not have it"
    )]
    NoRecord {
        /// The set.
        set: String,
        /// The latent.
        latent: u32,
        /// The format.
        format: String,
    },
}
