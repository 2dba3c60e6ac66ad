//! Errors of training a model: each names the setting, the value and what to do.

use std::path::PathBuf;

/// Errors of training a model.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting that cannot be, the folder of a training, its state, or a file.
    #[error(transparent)]
    Training(#[from] train::Error),
    /// Too little text.
    #[error(
        "the text that is trained on has {rows} rows of {length} tokens, fewer than one batch of {batch}: give more text, a smaller batch, or a smaller n_positions"
    )]
    TooFew {
        /// Rows that there are.
        rows: u64,
        /// Tokens of a row.
        length: usize,
        /// Rows of a batch.
        batch: usize,
    },
    /// A tokenizer without the token that begins documents.
    #[error(
        "the tokenizer has no <|endoftext|>, with which every document begins: use GPT-2's, or --vocabulary to make one of the text"
    )]
    NoEndOfText,
    /// A vocabulary that the text does not give.
    #[error(
        "the text gives a vocabulary of {found} tokens, not {wanted}: give more text, or --vocabulary {found}"
    )]
    Vocabulary {
        /// The one that was asked for.
        wanted: usize,
        /// The one that the text gives.
        found: usize,
    },
    /// The tokenizer cannot be made.
    #[error("the tokenizer cannot be made: {0}")]
    Tokenizer(String),
    /// A folder without a tokenizer.
    #[error(
        "{} has no tokenizer: tokenizer.json, or vocab.json with merges.txt, is needed", .path.display()
    )]
    NoTokenizer {
        /// The folder.
        path: PathBuf,
    },
    /// A loss or a gradient that is no number.
    #[error(
        "the {what} is {value} at step {step}: training has diverged; the last checkpoint is as it was. Use a lower learning rate (lr), or a longer rise (warmup_steps)"
    )]
    Diverged {
        /// `loss`, or `norm of the gradient`.
        what: &'static str,
        /// Which step.
        step: u64,
        /// The value.
        value: f64,
    },
    /// A token that the vocabulary lacks.
    #[error("token {token} is not one of the vocabulary's {vocabulary}")]
    Token {
        /// Its id.
        token: u32,
        /// Tokens of the vocabulary.
        vocabulary: usize,
    },
    /// Rows of another length.
    #[error("{found} tokens are not rows of {length}")]
    Rows {
        /// Tokens that were given.
        found: usize,
        /// Tokens of a row.
        length: usize,
    },
    /// The network failed.
    #[error("the network failed: {0}")]
    Network(String),
    /// A tokenizer's files, or the model's.
    #[error(transparent)]
    Format(#[from] formats::Error),
}
