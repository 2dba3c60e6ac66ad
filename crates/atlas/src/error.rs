//! Errors of the atlas.

use thiserror::Error;

/// Errors of collecting, merging, writing and reading.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum Error {
    /// Two tallies or atlases that do not belong together.
    #[error("these do not belong together: their {what} differ ({one} and {other})")]
    Differs {
        /// What differs, a plural such as `models`.
        what: &'static str,
        /// Of the one.
        one: String,
        /// Of the other.
        other: String,
    },
    /// A file whose content is not that which its index names.
    #[error("{path} is damaged: {why}")]
    Damaged {
        /// The file.
        path: String,
        /// What is wrong with it.
        why: String,
    },
    /// A file in a version of the format that this program does not know.
    #[error("{path} is in version {version} of the format; this program reads version {known}")]
    Version {
        /// The file.
        path: String,
        /// Its version.
        version: u32,
        /// The version that can be read.
        known: u32,
    },
    /// A value that is not a number among the activations.
    #[error("latent {latent} of {set} is {value} at token {position} of document {document}")]
    NotANumber {
        /// The feature set.
        set: String,
        /// The latent.
        latent: u32,
        /// The value.
        value: f32,
        /// The document.
        document: u64,
        /// The token in the document.
        position: u32,
    },
    /// Data of a wrong shape, by a fault of the caller.
    #[error("{what}: {got} in the place of {expected}")]
    Shape {
        /// What has the wrong shape.
        what: &'static str,
        /// The number that is there.
        got: usize,
        /// The number that should be there.
        expected: usize,
    },
    /// Something that cannot be written down.
    #[error("{what} cannot be written: {why}")]
    Unwritable {
        /// What.
        what: String,
        /// Why not.
        why: String,
    },
}
