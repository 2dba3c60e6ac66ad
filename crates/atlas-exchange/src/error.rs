//! Errors of exchange.

use thiserror::Error;

/// Errors of exporting and importing.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum Error {
    /// A file that is not JSON, or that ends early.
    #[error("{file} is not JSON: {why}")]
    NotJson {
        /// The file.
        file: String,
        /// What is wrong, with line and column.
        why: String,
    },
    /// A field with a value that it cannot have.
    #[error("{file}: {field} {why}")]
    Field {
        /// The file.
        file: String,
        /// The field, such as `features[3].frac_nonzero`.
        field: String,
        /// What is wrong with it, as the end of a sentence.
        why: String,
    },
    /// A file that is larger than any of its format.
    #[error("{file} has {bytes} bytes; files of this format have at most {most}")]
    TooLarge {
        /// The file.
        file: String,
        /// Its length.
        bytes: usize,
        /// The limit.
        most: usize,
    },
    /// A file of no known format.
    #[error(
        "{file} is neither a batch of SAEDashboard (it has no `features`) nor a file of OpenAI's viewer (it has no `top` with \
         `density`)"
    )]
    NoFormat {
        /// The file.
        file: String,
    },
    /// A file whose name does not say which feature it describes.
    #[error(
        "{file} does not say which feature it describes: files of OpenAI's viewer are named by its number, as 123.json"
    )]
    NoNumber {
        /// The file.
        file: String,
    },
    /// Files in which there is no feature.
    #[error("there is no feature in these files")]
    Nothing,
    /// A token of a record that the vocabulary does not have.
    #[error("latent {latent} of {set} has token {token}, and the vocabulary has {vocabulary}")]
    NoToken {
        /// The set.
        set: String,
        /// The latent.
        latent: u32,
        /// The token.
        token: u32,
        /// Tokens of the vocabulary.
        vocabulary: usize,
    },
    /// A value that JSON cannot hold.
    #[error("latent {latent} of {set} cannot be written: {why}")]
    Unwritable {
        /// The set.
        set: String,
        /// The latent.
        latent: u32,
        /// Why.
        why: String,
    },
}
