//! Errors of an evaluation over texts.

/// Errors of an evaluation over texts.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The engine refused.
    #[error(transparent)]
    Engine(#[from] explorer::Error),
    /// The texts cannot be read.
    #[error(transparent)]
    Corpus(#[from] corpus::Error),
    /// An autoencoder's file is not what it should be.
    #[error(transparent)]
    File(Box<formats::Error>),
    /// A context that cannot be.
    #[error(transparent)]
    Context(train_run::Error),
    /// Texts of which no window can be made.
    #[error(
        "{files}: there is no document of {least} tokens or more, which a window needs; give more text, or let more tokens be read"
    )]
    NoWindows {
        /// Their files.
        files: String,
        /// Tokens of the shortest window.
        least: usize,
    },
    /// It was stopped while the texts were read.
    #[error("stopped while the text was read; nothing was evaluated")]
    StoppedReading,
    /// A number that is none.
    #[error("{what} is not a number")]
    NotANumber {
        /// Which.
        what: String,
    },
}
