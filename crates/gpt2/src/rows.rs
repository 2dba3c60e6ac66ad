//! Sequences on their way to the device: the row table of a run.

use std::cell::RefCell;

use kernels::Buffer;
use kernels::rows::{ROW_WORDS, Row};

use crate::cache::{Appended, CacheUse};
use crate::error::Error;
use crate::sequence::Sequence;
use crate::weights::Gpt2;

/// The rows of a run: a buffer `[rows, ROW_WORDS]` (see [`kernels::rows`]) that is made once and written for each run.
/// One recorded plan serves every division of the rows into sequences.
pub struct RowTable {
    buffer: Buffer,
    rows: usize,
    one_row_each: bool,
    scratch: RefCell<Scratch>,
}

/// Memory that writing uses again.
#[derive(Default)]
struct Scratch {
    words: Vec<u32>,
    appended: Vec<Appended>,
}

impl RowTable {
    /// For runs of `rows` tokens in all.
    ///
    /// # Errors
    /// [`Error::Empty`] for no rows, and as [`kernels::Device::buffer`].
    pub fn new(model: &Gpt2, rows: usize) -> Result<Self, Error> {
        if rows == 0 {
            return Err(Error::Empty);
        }
        Ok(Self {
            buffer: model.device.buffer("row table", rows * ROW_WORDS)?,
            rows,
            one_row_each: false,
            scratch: RefCell::default(),
        })
    }

    /// For runs of so many sequences with one token each, as in decoding. Attention divides such a run better when it knows.
    ///
    /// # Errors
    /// As [`RowTable::new`].
    pub fn one_row_each(model: &Gpt2, sequences: usize) -> Result<Self, Error> {
        Ok(Self {
            one_row_each: true,
            ..Self::new(model, sequences)?
        })
    }

    /// Tokens of a run.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The table on the device, `[rows, ROW_WORDS]` u32.
    pub fn buffer(&self) -> &Buffer {
        &self.buffer
    }

    pub(crate) fn has_one_row_each(&self) -> bool {
        self.one_row_each
    }

    /// Checks sequences and writes them for the next run of every plan that reads this table. `cache` is what the plan was
    /// recorded with. Nothing is written where an error is returned.
    ///
    /// # Errors
    /// [`Error::Empty`], [`Error::EmptySequence`], [`Error::ContextFull`], [`Error::UnknownToken`], [`Error::RowCount`],
    /// [`Error::NotOneRow`], [`Error::SourceRow`]; with a cache [`Error::NoCacheSlot`], [`Error::CacheTooShort`],
    /// [`Error::CacheOverlap`]; without, [`Error::NoCache`].
    pub fn write(
        &self,
        model: &Gpt2,
        sequences: &[Sequence<'_>],
        cache: CacheUse<'_>,
    ) -> Result<(), Error> {
        if sequences.is_empty() {
            return Err(Error::Empty);
        }
        let mut scratch = self.scratch.borrow_mut();
        let Scratch { words, appended } = &mut *scratch;
        words.clear();
        let mut first_row = 0;
        for (number, sequence) in sequences.iter().enumerate() {
            self.check(model, number, sequence)?;
            let slot = cache.check_slot(number, sequence)?;
            let source = sequence.source_first.unwrap_or(first_row);
            let last_source = source.checked_add(sequence.tokens.len() - 1);
            let too_large = |row: usize| u32::try_from(row).is_err();
            let (place, replacement) = sequence.replaced.unwrap_or((usize::MAX, 0));
            for (row, wrong) in [
                (source, last_source.is_none_or(too_large)),
                (replacement, too_large(replacement)),
            ] {
                if wrong {
                    return Err(Error::SourceRow {
                        sequence: number,
                        row,
                    });
                }
            }
            // Before more words are kept than the table has.
            let tokens = first_row + sequence.tokens.len();
            if tokens <= self.rows {
                for (i, &token) in sequence.tokens.iter().enumerate() {
                    let row = Row {
                        token,
                        position: (sequence.first_position + i) as u32,
                        first_row: first_row as u32,
                        cache_first: slot.first as u32,
                        past: slot.past as u32,
                        sequence: number as u32,
                        source: if i == place { replacement } else { source + i } as u32,
                    };
                    words.extend_from_slice(&row.words());
                }
            }
            first_row = tokens;
        }
        if first_row != self.rows {
            return Err(Error::RowCount {
                tokens: first_row,
                rows: self.rows,
            });
        }
        cache.check_overlaps(sequences, appended)?;
        Ok(self.buffer.write(0, words)?)
    }

    fn check(&self, model: &Gpt2, number: usize, sequence: &Sequence<'_>) -> Result<(), Error> {
        let config = &model.config;
        if sequence.tokens.is_empty() {
            return Err(Error::EmptySequence { sequence: number });
        }
        if self.one_row_each && sequence.tokens.len() != 1 {
            return Err(Error::NotOneRow {
                sequence: number,
                tokens: sequence.tokens.len(),
            });
        }
        let end = sequence
            .first_position
            .saturating_add(sequence.tokens.len());
        if end > config.n_positions {
            return Err(Error::ContextFull {
                sequence: number,
                tokens: end,
                limit: config.n_positions,
            });
        }
        let mut tokens = sequence.tokens.iter();
        match tokens.find(|token| **token as usize >= config.vocab_size) {
            Some(token) => Err(Error::UnknownToken {
                sequence: number,
                token: *token,
                vocab_size: config.vocab_size,
            }),
            None => Ok(()),
        }
    }
}
