//! The row table: a buffer `[rows, ROW_WORDS]` of u32 that describes each row of a run. The constants are the words of a row.

/// Words per row.
pub const ROW_WORDS: usize = 8;
/// The token's id.
pub const TOKEN: usize = 0;
/// The token's position in its sequence.
pub const POSITION: usize = 1;
/// The row in this run of the first token of the row's sequence.
pub const FIRST_ROW: usize = 2;
/// The row of the cache that holds the first position of the sequence.
pub const CACHE_FIRST: usize = 3;
/// Positions of the sequence that the cache holds from before this run.
pub const PAST: usize = 4;
/// The number of the sequence.
pub const SEQUENCE: usize = 5;
/// The row of a reference run that this row corresponds to.
pub const SOURCE: usize = 6;
