//! Errors of the model.

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
        /// The source's error.
        reason: String,
    },
    /// The configuration does not describe a GPT-2.
    #[error("configuration: {0}")]
    Config(String),
    /// More tokens than the context has positions.
    #[error(
        "sequence {sequence} would have {tokens} tokens; the model's context has {limit} positions"
    )]
    ContextFull {
        /// The sequence's number in the run.
        sequence: usize,
        /// Its tokens, past ones included.
        tokens: usize,
        /// Positions of the model.
        limit: usize,
    },
    /// A token that the vocabulary does not have.
    #[error("sequence {sequence} holds the token {token}; the vocabulary has {vocab_size} tokens")]
    UnknownToken {
        /// The sequence's number in the run.
        sequence: usize,
        /// The token.
        token: u32,
        /// Size of the vocabulary.
        vocab_size: usize,
    },
    /// No tokens at all.
    #[error("no tokens")]
    Empty,
    /// A sequence of a run has no tokens.
    #[error("sequence {sequence} has no tokens")]
    EmptySequence {
        /// The sequence's number in the run.
        sequence: usize,
    },
    /// Another number of tokens than the row table was made for.
    #[error("the sequences have {tokens} tokens together; the row table is for {rows}")]
    RowCount {
        /// Tokens of all sequences.
        tokens: usize,
        /// Rows of the table.
        rows: usize,
    },
    /// Several tokens of one sequence for a row table of one token per sequence.
    #[error("sequence {sequence} has {tokens} tokens; the row table is for one token per sequence")]
    NotOneRow {
        /// The sequence's number in the run.
        sequence: usize,
        /// Its tokens.
        tokens: usize,
    },
    /// The row of a reference run is too large a number for the device.
    #[error(
        "sequence {sequence} corresponds to row {row} of another run and those after it; rows are numbered with 32 bits"
    )]
    SourceRow {
        /// The sequence's number in the run.
        sequence: usize,
        /// The row that its first one corresponds to.
        row: usize,
    },
    /// A sequence has a past, and the run no cache.
    #[error("sequence {sequence} continues {past} cached tokens, but the run has no cache")]
    NoCache {
        /// The sequence's number in the run.
        sequence: usize,
        /// Its cached tokens.
        past: usize,
    },
    /// A run appends to a cache, and a sequence has no rows in it.
    #[error("sequence {sequence} has no rows of the cache that the run appends to")]
    NoCacheSlot {
        /// The sequence's number in the run.
        sequence: usize,
    },
    /// A sequence's rows of the cache lie beyond its end.
    #[error("sequence {sequence} needs the cache up to row {needed}; it has {capacity} rows")]
    CacheTooShort {
        /// The sequence's number in the run.
        sequence: usize,
        /// The end of its rows.
        needed: usize,
        /// Rows of the cache.
        capacity: usize,
    },
    /// A sequence would append to the cache where another one reads or appends.
    #[error("sequences {other} and {sequence} share rows of the cache that one of them appends to")]
    CacheOverlap {
        /// The later sequence's number in the run.
        sequence: usize,
        /// The earlier one's.
        other: usize,
    },
    /// There is no such block to start at.
    #[error("a pass cannot start at block {layer}; the model has {blocks} blocks")]
    NoBlock {
        /// The block requested.
        layer: usize,
        /// Blocks of the model; a pass may start after the last.
        blocks: usize,
    },
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
