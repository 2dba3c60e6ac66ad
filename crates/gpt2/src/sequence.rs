//! Sequences of a run, and their rows of a cache.

/// One sequence of a run, or the continuation of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sequence<'a> {
    /// Its tokens in this run, at least one.
    pub tokens: &'a [u32],
    /// Position of the first of them.
    pub first_position: usize,
    /// Rows of its past in the cache; `None` where it has none.
    pub cache: Option<CacheSlot>,
    /// Row of a reference run that its first row corresponds to, and so on; `None`: its rows' own numbers.
    pub source_first: Option<usize>,
    /// One of its rows that corresponds to another row of the reference run instead: its number, and that row.
    pub replaced: Option<(usize, usize)>,
}

impl<'a> Sequence<'a> {
    /// A whole sequence: from position 0 on, without a past.
    pub fn new(tokens: &'a [u32]) -> Self {
        Self {
            tokens,
            first_position: 0,
            cache: None,
            source_first: None,
            replaced: None,
        }
    }
}

/// A sequence's rows of a cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheSlot {
    /// First row.
    pub first: usize,
    /// Tokens that it holds before this run. Those of a run that appends follow.
    pub past: usize,
}
