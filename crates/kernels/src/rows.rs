//! The row table: tokens, positions and sequences of a run's rows, as the kernels read them.
//!
//! A run's rows are packed, sequence after sequence, each with its own length. Its table is a buffer `[rows, ROW_WORDS]`
//! of u32 that is written for each run, so that one recorded plan for so many rows serves any division into sequences.

/// Words per row of the table.
pub const ROW_WORDS: usize = 8;

/// Word of a row: its token.
pub const TOKEN: usize = 0;
/// Word of a row: its position, which the position embedding is read at.
pub const POSITION: usize = 1;
/// Word of a row: the row of this run where its sequence begins.
pub const FIRST_ROW: usize = 2;
/// Word of a row: the row of the cache where its sequence's past begins.
pub const CACHE_FIRST: usize = 3;
/// Word of a row: the number of cached keys before its sequence's first row.
pub const PAST: usize = 4;
/// Word of a row: the number of its sequence in the run.
pub const SEQUENCE: usize = 5;
/// Word of a row: the row of a reference run that it corresponds to.
pub const SOURCE: usize = 6;

/// One row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Row {
    /// The token.
    pub token: u32,
    /// Position of the token, which the position embedding is read at.
    pub position: u32,
    /// Row of this run where the row's sequence begins.
    pub first_row: u32,
    /// Row of the cache where the sequence's past begins.
    pub cache_first: u32,
    /// Number of cached keys before the sequence's first row.
    pub past: u32,
    /// Number of the sequence in the run.
    pub sequence: u32,
    /// Row of a reference run that this row corresponds to; the row itself where there is none.
    pub source: u32,
}

impl Row {
    /// The row as the table holds it. The last word is reserved and 0.
    pub fn words(self) -> [u32; ROW_WORDS] {
        let mut words = [0; ROW_WORDS];
        words[TOKEN] = self.token;
        words[POSITION] = self.position;
        words[FIRST_ROW] = self.first_row;
        words[CACHE_FIRST] = self.cache_first;
        words[PAST] = self.past;
        words[SEQUENCE] = self.sequence;
        words[SOURCE] = self.source;
        words
    }
}

/// The table of one sequence without a past, which begins at position 0: `[tokens, ROW_WORDS]`.
pub fn one_sequence(tokens: &[u32]) -> Vec<u32> {
    let rows = tokens.iter().zip(0..).flat_map(|(&token, row)| {
        Row {
            token,
            position: row,
            source: row,
            ..Row::default()
        }
        .words()
    });
    rows.collect()
}
