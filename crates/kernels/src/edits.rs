//! The edit table: changes of latents as `apply_edits` reads them.

use std::ops::Range;

/// Words of an edit table before its first edit; word 0 is the number of edits, the others are reserved.
pub const EDIT_HEADER: usize = 4;

/// Words per edit: set, sequence, first position, end position, latent, operation, value, condition (from 1; 0 for none).
pub const EDIT_WORDS: usize = 8;

/// Words per condition: set, latent, bound, reserved.
pub const CONDITION_WORDS: usize = 4;

/// A gate of a row whose condition does not hold: its edits do not apply.
pub const GATE_CLOSED: u32 = 0;
/// A gate of a row whose condition holds.
pub const GATE_OPEN: u32 = 1;
/// A gate of a row whose condition is not known: its edits make the row NaN.
pub const GATE_UNDEFINED: u32 = 2;

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
    /// Number of the condition in the table of conditions under which it applies; `None` for always.
    pub condition: Option<u32>,
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
            self.condition.map_or(0, |condition| condition + 1),
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

/// One row of a table of conditions: it holds at a row of a run where the latent is above the bound.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EditCondition {
    /// The feature set of the latent.
    pub set: u32,
    /// Index of the latent in its set.
    pub latent: u32,
    /// The bound.
    pub above: f32,
}

impl EditCondition {
    /// Writes a table of conditions, header and rows, in the place of the words that are there.
    pub fn write_table(conditions: &[Self], words: &mut Vec<u32>) {
        words.clear();
        words.extend([u32::try_from(conditions.len()).unwrap_or(u32::MAX), 0, 0, 0]);
        let rows = conditions.iter();
        words.extend(rows.flat_map(|row| [row.set, row.latent, row.above.to_bits(), 0]));
    }
}
