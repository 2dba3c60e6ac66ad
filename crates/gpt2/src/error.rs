//! What can go wrong in the model.

/// An error of the model.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The device failed.
    #[error(transparent)]
    Device(#[from] kernels::Error),
    /// A weight could not be had.
    #[error("weight {tensor}: {reason}")]
    Weight {
        /// The tensor's key.
        tensor: String,
        /// What its source said.
        reason: String,
    },
    /// The configuration does not describe a GPT-2.
    #[error("configuration: {0}")]
    Config(String),
    /// More tokens than the context has positions.
    #[error("{tokens} tokens; the model's context has {limit} positions")]
    ContextFull {
        /// Tokens asked for.
        tokens: usize,
        /// Positions of the model.
        limit: usize,
    },
    /// A token that the vocabulary does not have.
    #[error("token {token} of a vocabulary of {vocab_size}")]
    UnknownToken {
        /// The token.
        token: u32,
        /// Size of the vocabulary.
        vocab_size: usize,
    },
    /// No tokens at all.
    #[error("no tokens")]
    Empty,
}

impl Error {
    /// A weight that could not be had.
    pub(crate) fn weight(tensor: &str, reason: String) -> Self {
        Self::Weight {
            tensor: tensor.to_owned(),
            reason,
        }
    }
}
