//! Errors of a training over texts.

/// Errors of a training over texts.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The training refused.
    #[error(transparent)]
    Training(#[from] train::Error),
    /// The engine refused.
    #[error(transparent)]
    Engine(#[from] explorer::Error),
    /// The texts cannot be read.
    #[error(transparent)]
    Corpus(#[from] corpus::Error),
    /// A context that cannot be.
    #[error(
        "a context of {context} tokens cannot be: a window has from {least} to {most} tokens of this model, a BOS included"
    )]
    Context {
        /// As it was given.
        context: usize,
        /// The least.
        least: usize,
        /// The model's.
        most: usize,
    },
    /// A model without the BOS that was asked for.
    #[error("a BOS was asked for, and this model's tokenizer has none")]
    NoBos,
    /// Stored windows that are not what was stored.
    #[error("the stored tokens are damaged: {why}")]
    Tokens {
        /// Why.
        why: String,
    },
}
