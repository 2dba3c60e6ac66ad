//! The outputs of a run, read back.

use std::ops::Range;

use kernels::{ReadHandle, Readings, STATISTICS_PER_ROW};
use wire::NextToken;

use crate::error::Error;
use crate::tokens::Vocabulary;

/// Requested read-backs of logits and what is made of them.
pub(crate) struct HeadReads {
    pub(crate) chunks: Vec<ChunkReads>,
    /// Logits of the rows that are shown.
    pub(crate) shown: Option<ReadHandle>,
    /// Next tokens per row.
    top: usize,
    vocabulary: usize,
}

/// Of the rows whose logits were computed at a time.
pub(crate) struct ChunkReads {
    pub(crate) statistics: ReadHandle,
    pub(crate) top: Option<(ReadHandle, ReadHandle)>,
    pub(crate) divergences: Option<ReadHandle>,
    pub(crate) logits: Option<ReadHandle>,
}

impl HeadReads {
    pub(crate) fn new(top: usize, vocabulary: usize) -> Self {
        Self {
            chunks: Vec::new(),
            shown: None,
            top,
            vocabulary,
        }
    }

    /// The results of all wanted rows.
    pub(crate) fn take(&self, readings: &Readings) -> HeadOutput {
        let mut output = HeadOutput {
            top: self.top,
            vocabulary: self.vocabulary,
            statistics: Vec::new(),
            likeliest: Vec::new(),
            divergences: Vec::new(),
            logits: Vec::new(),
            shown: self
                .shown
                .map_or_else(Vec::new, |shown| readings.f32(shown).to_vec()),
        };
        for chunk in &self.chunks {
            let statistics = readings.f32(chunk.statistics);
            output
                .statistics
                .extend_from_slice(statistics.as_chunks::<STATISTICS_PER_ROW>().0);
            if let Some((indices, values)) = chunk.top {
                let indices = readings.words(indices).iter().copied();
                let values = readings.f32(values).iter().copied();
                output.likeliest.extend(indices.zip(values));
            }
            if let Some(divergences) = chunk.divergences {
                output
                    .divergences
                    .extend_from_slice(readings.f32(divergences));
            }
            if let Some(logits) = chunk.logits {
                output.logits.extend_from_slice(readings.f32(logits));
            }
        }
        output
    }
}

/// Results made of the logits of the wanted rows.
#[derive(Debug, Clone)]
pub(crate) struct HeadOutput {
    top: usize,
    vocabulary: usize,
    /// As [`kernels::cross_entropy`] leaves them.
    statistics: Vec<[f32; STATISTICS_PER_ROW]>,
    /// `[rows, top]`: tokens and their logits, the likeliest first.
    likeliest: Vec<(u32, f32)>,
    divergences: Vec<f32>,
    logits: Vec<f32>,
    shown: Vec<f32>,
}

impl HeadOutput {
    /// Next tokens that are listed per row.
    pub(crate) fn top(&self) -> usize {
        self.top
    }

    /// True if the logits themselves were read back.
    pub(crate) fn has_logits(&self) -> bool {
        !self.logits.is_empty()
    }

    fn row(&self, row: usize) -> Result<&[f32; STATISTICS_PER_ROW], Error> {
        self.statistics.get(row).ok_or(Error::NoSuchIndex {
            what: "the row of logits",
            index: row,
            count: self.statistics.len(),
        })
    }

    /// log Σ exp of a row's logits. `position` is the row's, for messages.
    ///
    /// # Errors
    /// [`Error::NotANumber`], [`Error::NoSuchIndex`].
    pub(crate) fn log_sum_exp(&self, row: usize, position: usize) -> Result<f32, Error> {
        let value = self.row(row)?[1];
        if value.is_finite() {
            return Ok(value);
        }
        Err(Error::NotANumber {
            what: "the log-sum-exp of the logits".to_owned(),
            position,
        })
    }

    /// Loss of the token that follows a row. `position` is the row's, for messages.
    ///
    /// # Errors
    /// [`Error::NotANumber`], [`Error::NoSuchIndex`].
    pub(crate) fn loss(&self, row: usize, position: usize) -> Result<f32, Error> {
        self.log_sum_exp(row, position)?;
        Ok(self.row(row)?[3])
    }

    /// Loss of every token of a sequence but the first, `[tokens - 1]`. `rows` are the sequence's.
    ///
    /// # Errors
    /// [`Error::NotANumber`] with the position.
    pub(crate) fn token_losses(&self, rows: Range<usize>) -> Result<Vec<f32>, Error> {
        let mut losses = Vec::with_capacity(rows.len());
        for (position, row) in rows.enumerate() {
            self.log_sum_exp(row, position)?;
            losses.push(self.row(row)?[3]);
        }
        // The last token predicts nothing that is there.
        losses.pop();
        Ok(losses)
    }

    /// A row's likeliest next tokens and their logits.
    pub(crate) fn likeliest(&self, row: usize) -> impl Iterator<Item = (u32, f32)> {
        let listed = self.likeliest.get(row * self.top..(row + 1) * self.top);
        let listed = listed.unwrap_or_default().iter().copied();
        listed.filter(|(id, _)| *id != u32::MAX)
    }

    /// The `top` likeliest next tokens after each of some rows.
    ///
    /// # Errors
    /// [`Error::NoSuchIndex`].
    pub(crate) fn next_tokens(
        &self,
        rows: Range<usize>,
        top: usize,
        vocabulary: &Vocabulary,
    ) -> Result<Vec<Vec<NextToken>>, Error> {
        rows.map(|row| {
            let log_sum = self.row(row)?[1];
            let listed = self.likeliest(row).take(top);
            Ok(listed
                .map(|(id, logit)| vocabulary.next_token(id, logit, log_sum))
                .collect())
        })
        .collect()
    }

    /// KL(base ‖ this run) after each of some rows; none where it was not computed.
    ///
    /// # Errors
    /// [`Error::NotANumber`] with the position.
    pub(crate) fn divergences(&self, rows: Range<usize>) -> Result<Vec<f32>, Error> {
        let divergences = self.divergences.get(rows).unwrap_or_default();
        let checked = divergences.iter().enumerate();
        checked
            .map(|(position, divergence)| match divergence.is_finite() {
                // Where it is computed by the textbook, rounding can leave it a hair below zero.
                true => Ok(divergence.max(0.0)),
                false => Err(Error::NotANumber {
                    what: "the KL divergence from the clean run".to_owned(),
                    position,
                }),
            })
            .collect()
    }

    /// The logits of some rows, `[rows, vocabulary]`, where they were read back.
    pub(crate) fn logits(&self, rows: Range<usize>) -> &[f32] {
        let words = rows.start * self.vocabulary..rows.end * self.vocabulary;
        self.logits.get(words).unwrap_or_default()
    }

    /// The logits of the row that is shown at a place, `[vocabulary]`.
    ///
    /// # Errors
    /// [`Error::NoSuchIndex`].
    pub(crate) fn shown(&self, place: usize) -> Result<&[f32], Error> {
        let words = place * self.vocabulary..(place + 1) * self.vocabulary;
        self.shown.get(words).ok_or(Error::NoSuchIndex {
            what: "the shown row of logits",
            index: place,
            count: self.shown.len() / self.vocabulary.max(1),
        })
    }
}
