//! Logits, what is made of them on the device, and what comes back of them.

use gpt2::{Gpt2, HookPoint, Hooks};
use kernels::{
    Buffer, CrossEntropy, KlDivergence, ReadHandle, Readings, Recorder, STATISTICS_PER_ROW, TopK,
    cross_entropy, kl_divergence, topk,
};

use crate::Error;
use crate::pass::Inputs;
use crate::prompt::Prompt;
use crate::report::NextToken;
use crate::session::LoadedModel;

/// Logits are computed for as many rows at a time as fit this many bytes.
const LOGIT_BYTES: u64 = 64 << 20;

/// Logits of some rows, and what was made of them on the device.
struct LogitChunk {
    first: usize,
    rows: usize,
    logits: Buffer,
    statistics: Buffer,
    top: Option<(Buffer, Buffer)>,
    divergences: Option<Buffer>,
}

/// What to make of logits.
pub(crate) struct LogitsWanted<'a> {
    /// How many next tokens a row; 0 for none.
    pub(crate) top: usize,
    /// The clean logits to compare with.
    pub(crate) clean: Option<&'a Logits>,
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
    places: usize,
}

/// Records the logits of every row, their statistics, and what else is wanted. `replaced` stands at
/// `ln_final.hook_normalized`, where given.
pub(crate) fn record_logits(
    recorder: &mut Recorder,
    model: &Gpt2,
    inputs: &Inputs,
    resid: &Buffer,
    wanted: &LogitsWanted<'_>,
    hooks: &mut dyn Hooks,
) -> Result<Logits, Error> {
    let vocabulary = model.config().vocab_size;
    let rows = inputs.batch.rows();
    let budget = LOGIT_BYTES.min(recorder.device().max_binding_bytes());
    let at_a_time = ((budget / (vocabulary as u64 * 4).max(1)) as usize).clamp(1, rows.max(1));
    // A hook on the final LayerNorm sees all rows at once.
    let at_a_time = if hooks.wants(HookPoint::LnFinalNormalized) {
        rows
    } else {
        at_a_time
    };
    let mut chunks = Vec::new();
    for first in (0..rows).step_by(at_a_time) {
        let count = at_a_time.min(rows - first);
        let logits = recorder.scratch("logits", count * vocabulary)?;
        model.record_logits(recorder, resid, first..first + count, &logits, hooks)?;
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
                let clean = clean
                    .chunks
                    .iter()
                    .find(|chunk| chunk.first == first && chunk.rows == count)
                    .ok_or_else(|| {
                        Error::Model(gpt2::Error::Config("chunks of logits differ".to_owned()))
                    })?;
                let divergences = recorder.scratch("divergences", count)?;
                kl_divergence(
                    recorder,
                    &KlDivergence {
                        clean_logits: &clean.logits,
                        clean_statistics: &clean.statistics,
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
        chunks.push(LogitChunk {
            first,
            rows: count,
            logits,
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
    /// Asks for what was made of the logits; for the logits themselves with `whole`.
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
            places: self.top,
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
            if whole {
                let words = chunk.rows * self.vocabulary;
                reads.logits.push(recorder.read_back(&chunk.logits, words)?);
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
            let indices = readings.words(*indices).chunks_exact(self.places);
            let values = readings.f32(*values).chunks_exact(self.places);
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
    pub(crate) fn divergences(&self, readings: &Readings) -> Vec<f32> {
        // Rounding can leave a divergence of equal distributions a hair below zero.
        self.divergences
            .iter()
            .flat_map(|handle| readings.f32(*handle))
            .map(|divergence| divergence.max(0.0))
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

/// Mean loss: the prediction made at position 0 counts only where position 0 is a BOS.
pub(crate) fn mean_loss(prompt: &Prompt, token_losses: &[f32]) -> Option<f64> {
    crate::metrics::mean(counted_losses(prompt, token_losses))
}

/// The losses of the predictions that count.
pub(crate) fn counted_losses<'a>(prompt: &Prompt, token_losses: &'a [f32]) -> &'a [f32] {
    let skipped = usize::from(!prompt.starts_with_bos).min(token_losses.len());
    &token_losses[skipped..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_bos_the_first_prediction_does_not_count() {
        let with = Prompt {
            ids: vec![7, 1, 2],
            starts_with_bos: true,
        };
        let without = Prompt {
            ids: vec![7, 1, 2],
            starts_with_bos: false,
        };
        assert_eq!(mean_loss(&with, &[3.0, 1.0]), Some(2.0));
        assert_eq!(mean_loss(&without, &[3.0, 1.0]), Some(1.0));
        assert_eq!(mean_loss(&without, &[]), None);
    }
}
