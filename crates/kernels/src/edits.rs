//! The edit table: changes of latents as `apply_edits` reads them.

use std::ops::Range;

/// Words of an edit table before its first edit; word 0 is the number of edits, the others are reserved.
pub const EDIT_HEADER: usize = 4;

/// Words per edit: set, sequence, first position, end position, latent, operation, value, reserved.
pub const EDIT_WORDS: usize = 8;

/// The sequence of an edit that applies to every sequence.
pub const ALL_SEQUENCES: u32 = u32::MAX;

/// The new value of an edited latent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum EditOperation {
    /// The given value.
    Set(f32),
    /// The old value plus the given one.
    Add(f32),
    /// The old value times the given one.
    Scale(f32),
}

/// One row of an edit table.
#[derive(Debug, Clone, PartialEq)]
pub struct Edit {
    /// The feature set of the latent; a dispatch applies the edits of one set.
    pub set: u32,
    /// The number of the sequence, as the row table has it; `None` for every sequence.
    pub sequence: Option<u32>,
    /// Positions in the sequence.
    pub positions: Range<u32>,
    /// Index of the latent in its set.
    pub latent: u32,
    /// Its new value.
    pub operation: EditOperation,
}

impl Edit {
    /// The edit as a row of the table.
    pub fn words(&self) -> [u32; EDIT_WORDS] {
        let (operation, value) = match self.operation {
            EditOperation::Set(value) => (0, value),
            EditOperation::Add(value) => (1, value),
            EditOperation::Scale(value) => (2, value),
        };
        [
            self.set,
            self.sequence.unwrap_or(ALL_SEQUENCES),
            self.positions.start,
            self.positions.end,
            self.latent,
            operation,
            value.to_bits(),
            0,
        ]
    }

    /// A table of edits: header and rows, to write into a buffer of at least as many words.
    pub fn table(edits: &[Self]) -> Vec<u32> {
        let mut words = Vec::new();
        Self::write_table(edits, &mut words);
        words
    }

    /// As [`Edit::table`], in the place of the words that are there.
    pub fn write_table(edits: &[Self], words: &mut Vec<u32>) {
        words.clear();
        // More edits than a u32 counts do not fit any buffer.
        words.extend([u32::try_from(edits.len()).unwrap_or(u32::MAX), 0, 0, 0]);
        words.extend(edits.iter().flat_map(Self::words));
    }
}
