//! Logits and the results made of them on the device: losses, next tokens, divergences.

use gpt2::{Gpt2, Hooks};
use kernels::{
    Buffer, CrossEntropy, KlDivergence, ReadHandle, Readings, Recorder, STATISTICS_PER_ROW, TopK,
    cross_entropy, kl_divergence, topk,
};

use crate::Error;
use crate::pass::Inputs;
use crate::report::NextToken;
use crate::session::LoadedModel;

/// Logits are computed for as many rows at a time as fit this many bytes.
const LOGIT_BYTES: u64 = 64 << 20;

/// Results of some rows' logits on the device.
struct LogitChunk {
    first: usize,
    rows: usize,
    /// The logits themselves, where they are kept.
    logits: Option<Buffer>,
    statistics: Buffer,
    top: Option<(Buffer, Buffer)>,
    divergences: Option<Buffer>,
}

/// Results to make of logits.
pub(crate) struct LogitsWanted<'a> {
    /// How many next tokens per row; 0 for none.
    pub(crate) top: usize,
    /// The clean logits to compare with.
    pub(crate) clean: Option<&'a Logits>,
    /// Whether the logits of all rows stay on the device, to be compared with or read back; else one chunk's memory serves
    /// all. They are large: 206 MB for 1,024 tokens of GPT-2.
    pub(crate) keep: bool,
}

/// Logits of all rows, in chunks.
pub(crate) struct Logits {
    chunks: Vec<LogitChunk>,
    vocabulary: usize,
    top: usize,
}

/// Read-backs of [`Logits`].
pub(crate) struct LogitReads {
    statistics: Vec<ReadHandle>,
    top: Vec<(ReadHandle, ReadHandle)>,
    divergences: Vec<ReadHandle>,
    logits: Vec<ReadHandle>,
    /// Next tokens per row.
    top_width: usize,
}

/// Records the logits of every row, their statistics, and the other results wanted.
pub(crate) fn record_logits(
    recorder: &mut Recorder,
    model: &Gpt2,
    inputs: &Inputs,
    resid: &Buffer,
    wanted: &LogitsWanted<'_>,
    hooks: &mut dyn Hooks,
) -> Result<Logits, Error> {
    let vocabulary = model.config().vocab_size;
    let rows = inputs.rows.rows();
    let budget = LOGIT_BYTES.min(recorder.device().max_binding_bytes());
    let at_a_time = ((budget / (vocabulary as u64 * 4).max(1)) as usize).clamp(1, rows.max(1));
    let stream = model.record_final_norm(recorder, resid, rows, hooks)?;
    let mut chunks = Vec::new();
    let mut reused = None;
    for first in (0..rows).step_by(at_a_time) {
        let count = at_a_time.min(rows - first);
        let logits = match (wanted.keep, &reused) {
            (false, Some(logits)) => Buffer::clone(logits),
            _ => recorder.scratch("logits", count * vocabulary)?,
        };
        model.record_unembedding(recorder, &stream, first..first + count, &logits)?;
        let statistics = recorder.scratch("logit statistics", count * STATISTICS_PER_ROW)?;
        cross_entropy(
            recorder,
            &CrossEntropy {
                logits: &logits,
                targets: &inputs.targets,
                first_target: first,
                rows: count,
                vocabulary,
                statistics: &statistics,
            },
        )?;
        let top = match wanted.top {
            0 => None,
            k => Some(record_top(recorder, &logits, count, vocabulary, k)?),
        };
        let divergences = match wanted.clean {
            None => None,
            Some(clean) => {
                let (clean_logits, clean_statistics) = clean.chunk(first, count)?;
                let divergences = recorder.scratch("divergences", count)?;
                kl_divergence(
                    recorder,
                    &KlDivergence {
                        clean_logits,
                        clean_statistics,
                        clean_rows: None,
                        edited_logits: &logits,
                        edited_statistics: &statistics,
                        rows: count,
                        vocabulary,
                        divergences: &divergences,
                    },
                )?;
                Some(divergences)
            }
        };
        if !wanted.keep {
            reused.get_or_insert_with(|| logits.clone());
        }
        chunks.push(LogitChunk {
            first,
            rows: count,
            logits: wanted.keep.then_some(logits),
            statistics,
            top,
            divergences,
        });
    }
    Ok(Logits {
        chunks,
        vocabulary,
        top: wanted.top,
    })
}

fn record_top(
    recorder: &mut Recorder,
    logits: &Buffer,
    rows: usize,
    vocabulary: usize,
    k: usize,
) -> Result<(Buffer, Buffer), Error> {
    let indices = recorder.scratch("likeliest tokens", rows * k)?;
    let values = recorder.scratch("their logits", rows * k)?;
    let nan_counts = recorder.scratch("NaN counts", rows)?;
    topk(
        recorder,
        &TopK {
            values: logits,
            rows,
            n: vocabulary,
            k,
            relu: false,
            top_indices: &indices,
            top_values: &values,
            nan_counts: &nan_counts,
        },
    )?;
    Ok((indices, values))
}

impl Logits {
    /// The kept logits and the statistics of a chunk.
    fn chunk(&self, first: usize, rows: usize) -> Result<(&Buffer, &Buffer), Error> {
        let mut chunks = self.chunks.iter();
        let found = chunks.find(|chunk| chunk.first == first && chunk.rows == rows);
        found
            .and_then(|chunk| Some((chunk.logits.as_ref()?, &chunk.statistics)))
            .ok_or(Error::NoSuchIndex {
                what: "the clean logits from row",
                index: first,
                count: self.chunks.len(),
            })
    }

    /// Requests the results; and the logits themselves, where they are kept, with `whole`.
    pub(crate) fn read_back(
        &self,
        recorder: &mut Recorder,
        whole: bool,
    ) -> Result<LogitReads, Error> {
        let mut reads = LogitReads {
            statistics: Vec::new(),
            top: Vec::new(),
            divergences: Vec::new(),
            logits: Vec::new(),
            top_width: self.top,
        };
        for chunk in &self.chunks {
            let statistics = chunk.rows * STATISTICS_PER_ROW;
            reads
                .statistics
                .push(recorder.read_back(&chunk.statistics, statistics)?);
            if let Some((indices, values)) = &chunk.top {
                let words = chunk.rows * self.top;
                reads.top.push((
                    recorder.read_back(indices, words)?,
                    recorder.read_back(values, words)?,
                ));
            }
            if let Some(divergences) = &chunk.divergences {
                reads
                    .divergences
                    .push(recorder.read_back(divergences, chunk.rows)?);
            }
            if let Some(logits) = chunk.logits.as_ref().filter(|_| whole) {
                let words = chunk.rows * self.vocabulary;
                reads.logits.push(recorder.read_back(logits, words)?);
            }
        }
        Ok(reads)
    }
}

impl LogitReads {
    /// Loss of every token but the first, `[tokens - 1]`.
    ///
    /// # Errors
    /// [`Error::NotANumber`] naming the position.
    pub(crate) fn token_losses(&self, readings: &Readings) -> Result<Vec<f32>, Error> {
        let rows = self
            .statistics
            .iter()
            .flat_map(|handle| readings.f32(*handle).as_chunks::<STATISTICS_PER_ROW>().0);
        let mut losses = Vec::new();
        for (position, statistics) in rows.enumerate() {
            if !statistics[1].is_finite() {
                return Err(Error::NotANumber {
                    what: "the log-sum-exp of the logits".to_owned(),
                    position,
                });
            }
            losses.push(statistics[3]);
        }
        // The last token predicts nothing that is there.
        losses.pop();
        Ok(losses)
    }

    /// The likeliest next tokens after every token.
    pub(crate) fn next_tokens(
        &self,
        readings: &Readings,
        model: &LoadedModel,
    ) -> Vec<Vec<NextToken>> {
        let mut rows = Vec::new();
        for (statistics, (indices, values)) in self.statistics.iter().zip(&self.top) {
            let statistics = readings
                .f32(*statistics)
                .as_chunks::<STATISTICS_PER_ROW>()
                .0;
            let indices = readings.words(*indices).chunks_exact(self.top_width);
            let values = readings.f32(*values).chunks_exact(self.top_width);
            for ((statistics, ids), logits) in statistics.iter().zip(indices).zip(values) {
                rows.push(
                    ids.iter()
                        .zip(logits)
                        .filter(|(id, _)| **id != u32::MAX)
                        .map(|(id, logit)| model.next_token(*id, *logit, statistics[1]))
                        .collect(),
                );
            }
        }
        rows
    }

    /// KL(clean ‖ edited) after every token.
    ///
    /// # Errors
    /// [`Error::NotANumber`] naming the position.
    pub(crate) fn divergences(&self, readings: &Readings) -> Result<Vec<f32>, Error> {
        let rows = self
            .divergences
            .iter()
            .flat_map(|handle| readings.f32(*handle));
        rows.enumerate()
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

    /// The logits, `[tokens, vocabulary]`, where they were asked for.
    pub(crate) fn logits(&self, readings: &Readings) -> Vec<f32> {
        self.logits
            .iter()
            .flat_map(|handle| readings.f32(*handle))
            .copied()
            .collect()
    }
}
