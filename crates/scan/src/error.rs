//! Errors of scans.

use thiserror::Error as ThisError;

/// Errors of scanning.
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
    /// A thread ended while it added values, and the tallies with it.
    #[error(
        "the thread that counts has ended early, and what it had counted is lost; the scan goes on from where it was last saved if it is started again"
    )]
    Bookkeeping,
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
}
