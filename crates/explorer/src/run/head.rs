//! Logits and the results made of them on the device: losses, next tokens, divergences.

use gpt2::{FinalStream, Gpt2};
use kernels::{
    Buffer, CrossEntropy, GatherRows, KlDivergence, ReadHandle, Recorder, RowIndex,
    STATISTICS_PER_ROW, TopK, cross_entropy, gather_rows, kl_divergence, topk,
};

use crate::error::Error;
use crate::run::output::{ChunkReads, HeadReads};
use crate::run::spec::{HeadRows, HeadSpec};

/// Logits are computed for as many rows at a time as fit this many bytes, and kept for comparisons only where all fit.
const LOGIT_BYTES: u64 = 64 << 20;

/// Logits that stay on the device.
pub(crate) struct KeptLogits {
    /// `[rows, vocabulary]`.
    logits: Buffer,
    /// `[rows, 4]` of [`cross_entropy`].
    statistics: Buffer,
}

/// The run to compare with.
pub(crate) struct BaseLogits<'a> {
    /// Its logits, where they were kept.
    pub(crate) kept: Option<&'a KeptLogits>,
    /// Its last residual stream `[base rows, d_model]`, from which its logits are computed again where they were not.
    pub(crate) resid: &'a Buffer,
}

/// Numbers of rows whose logits are computed at a time.
pub(crate) fn chunks(recorder: &Recorder, vocabulary: usize, rows: usize) -> Vec<usize> {
    let budget = LOGIT_BYTES.min(recorder.device().max_binding_bytes());
    let at_a_time = ((budget / (vocabulary as u64 * 4).max(1)) as usize).clamp(1, rows.max(1));
    let starts = (0..rows).step_by(at_a_time);
    starts.map(|first| at_a_time.min(rows - first)).collect()
}

/// The number of rows whose logits are wanted of a run of `rows`.
pub(crate) fn wanted_rows(head: &HeadSpec, rows: usize) -> usize {
    match head.rows {
        HeadRows::All => rows,
        HeadRows::Chosen(count) => count,
    }
}

/// The arguments of [`record_head`].
pub(crate) struct Head<'a> {
    pub(crate) model: &'a Gpt2,
    /// The unembedding's input, of the wanted rows alone.
    pub(crate) stream: &'a FinalStream,
    pub(crate) spec: &'a HeadSpec,
    pub(crate) chunks: &'a [usize],
    /// `[wanted]`.
    pub(crate) targets: &'a Buffer,
    /// The base's rows, per chunk.
    pub(crate) sources: &'a [Buffer],
    /// `[shown]`: rows whose logits are read back beside the other results; of a single chunk.
    pub(crate) shown: Option<&'a Buffer>,
    pub(crate) base: Option<BaseLogits<'a>>,
}

/// Records the logits of the wanted rows, their statistics, and the other results; requests the read-backs.
///
/// # Errors
/// [`Error::Device`].
pub(crate) fn record_head(
    recorder: &mut Recorder,
    head: &Head<'_>,
) -> Result<(HeadReads, Option<KeptLogits>), Error> {
    let vocabulary = head.model.config().vocab_size;
    let top = head.spec.top.min(vocabulary);
    let mut reads = HeadReads::new(top, vocabulary);
    let mut kept = None;
    // What is read back needs memory of its own; the rest takes turns in one chunk's.
    let keep = head.spec.keep && head.chunks.len() == 1;
    let largest = head.chunks.first().copied().unwrap_or(0);
    let shared = match keep || head.spec.read {
        true => None,
        false => Some(recorder.scratch("logits", largest * vocabulary)?),
    };
    let comparison = match &head.base {
        Some(base) if head.spec.compare => Some(Comparison::new(recorder, head, base, largest)?),
        _ => None,
    };
    let mut first = 0;
    for (chunk, &rows) in head.chunks.iter().enumerate() {
        let logits = match &shared {
            Some(logits) => logits.clone(),
            None if keep => recorder.kept("logits", rows * vocabulary)?,
            None => recorder.scratch("logits", rows * vocabulary)?,
        };
        let statistics = match keep {
            true => recorder.kept("logit statistics", rows * STATISTICS_PER_ROW)?,
            false => recorder.scratch("logit statistics", rows * STATISTICS_PER_ROW)?,
        };
        let range = first..first + rows;
        head.model
            .record_unembedding(recorder, head.stream, range, &logits)?;
        record_statistics(recorder, head, (first, rows), &logits, &statistics)?;
        if let Some(index) = head.shown {
            let shown = chosen_rows(recorder, &logits, index, vocabulary)?;
            reads.shown = Some(recorder.read_back(&shown, shown.words())?);
        }
        let divergences = match (&comparison, head.sources.get(chunk)) {
            (Some(comparison), Some(sources)) => {
                let edited = (&logits, &statistics);
                Some(comparison.record(recorder, head, (first, rows), sources, edited)?)
            }
            _ => None,
        };
        let likeliest = match top {
            0 => None,
            k => Some(record_top(recorder, &logits, rows, vocabulary, k)?),
        };
        reads.chunks.push(ChunkReads {
            statistics: recorder.read_back(&statistics, rows * STATISTICS_PER_ROW)?,
            top: match &likeliest {
                None => None,
                Some((indices, values)) => Some((
                    recorder.read_back(indices, rows * top)?,
                    recorder.read_back(values, rows * top)?,
                )),
            },
            divergences: match &divergences {
                None => None,
                Some(divergences) => Some(recorder.read_back(divergences, rows)?),
            },
            logits: match head.spec.read {
                true => Some(recorder.read_back(&logits, rows * vocabulary)?),
                false => None,
            },
        });
        if keep {
            kept = Some(KeptLogits { logits, statistics });
        }
        first += rows;
    }
    Ok((reads, kept))
}

/// Records the logits of some rows of a stream, and requests them: `index [rows]` names the rows.
///
/// # Errors
/// [`Error::Device`].
pub(crate) fn record_shown(
    recorder: &mut Recorder,
    model: &Gpt2,
    stream: &FinalStream,
    index: &Buffer,
) -> Result<ReadHandle, Error> {
    let rows = index.words();
    let words = rows * model.config().vocab_size;
    let chosen = stream.gather(recorder, index, rows, model.config().n_embd)?;
    let logits = recorder.scratch("shown logits", words)?;
    model.record_unembedding(recorder, &chosen, 0..rows, &logits)?;
    Ok(recorder.read_back(&logits, words)?)
}

/// Records the choice of some rows `[index]` of a matrix.
fn chosen_rows(
    recorder: &mut Recorder,
    matrix: &Buffer,
    index: &Buffer,
    width: usize,
) -> Result<Buffer, Error> {
    let rows = index.words();
    let output = recorder.scratch("shown logits", rows * width)?;
    gather_rows(
        recorder,
        &GatherRows {
            input: matrix,
            index: RowIndex::List(index),
            rows,
            width,
            output: &output,
        },
    )?;
    Ok(output)
}

fn record_statistics(
    recorder: &mut Recorder,
    head: &Head<'_>,
    (first, rows): (usize, usize),
    logits: &Buffer,
    statistics: &Buffer,
) -> Result<(), Error> {
    Ok(cross_entropy(
        recorder,
        &CrossEntropy {
            logits,
            targets: head.targets,
            first_target: first,
            rows,
            vocabulary: head.model.config().vocab_size,
            statistics,
        },
    )?)
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

/// The base's logits, as they are compared with.
enum Comparison<'a> {
    Kept(&'a KeptLogits),
    /// Computed again for each chunk's rows.
    Again {
        resid: &'a Buffer,
        logits: Buffer,
        statistics: Buffer,
    },
}

impl<'a> Comparison<'a> {
    fn new(
        recorder: &Recorder,
        head: &Head<'_>,
        base: &BaseLogits<'a>,
        rows: usize,
    ) -> Result<Self, Error> {
        let vocabulary = head.model.config().vocab_size;
        Ok(match base.kept {
            Some(kept) => Self::Kept(kept),
            None => Self::Again {
                resid: base.resid,
                logits: recorder.scratch("clean logits", rows * vocabulary)?,
                statistics: recorder
                    .scratch("clean logit statistics", rows * STATISTICS_PER_ROW)?,
            },
        })
    }

    /// Records KL(base ‖ this run), `[rows]`. `sources [rows]` are the base's rows.
    fn record(
        &self,
        recorder: &mut Recorder,
        head: &Head<'_>,
        (first, rows): (usize, usize),
        sources: &Buffer,
        (edited_logits, edited_statistics): (&Buffer, &Buffer),
    ) -> Result<Buffer, Error> {
        let vocabulary = head.model.config().vocab_size;
        let divergences = recorder.scratch("divergences", rows)?;
        let (clean_logits, clean_statistics, clean_rows) = match self {
            Self::Kept(kept) => (&kept.logits, &kept.statistics, Some(sources)),
            Self::Again {
                resid,
                logits,
                statistics,
            } => {
                let width = head.model.config().n_embd;
                let chosen = recorder.scratch("clean stream", rows * width)?;
                gather_rows(
                    recorder,
                    &GatherRows {
                        input: resid,
                        index: RowIndex::List(sources),
                        rows,
                        width,
                        output: &chosen,
                    },
                )?;
                let stream = FinalStream::of_residual(&chosen);
                head.model
                    .record_unembedding(recorder, &stream, 0..rows, logits)?;
                record_statistics(recorder, head, (first, rows), logits, statistics)?;
                (logits, statistics, None)
            }
        };
        kl_divergence(
            recorder,
            &KlDivergence {
                clean_logits,
                clean_statistics,
                clean_rows,
                edited_logits,
                edited_statistics,
                rows,
                vocabulary,
                divergences: &divergences,
            },
        )?;
        Ok(divergences)
    }
}

/// Records a logit lens: the likeliest tokens and the loss of `next [rows]` that a residual stream `[rows, d_model]` would
/// give through the final LayerNorm and the unembedding (nostalgebraist, "interpreting GPT: the logit lens", 2020).
///
/// # Errors
/// [`Error::Device`].
pub(crate) fn record_lens(
    recorder: &mut Recorder,
    model: &Gpt2,
    (resid, rows): (&Buffer, usize),
    next: &Buffer,
    top: usize,
) -> Result<HeadReads, Error> {
    let spec = HeadSpec {
        rows: HeadRows::All,
        top,
        compare: false,
        keep: false,
        read: false,
        shown: 0,
    };
    let chunks = chunks(recorder, model.config().vocab_size, rows);
    let head = Head {
        model,
        stream: &FinalStream::of_residual(resid),
        spec: &spec,
        chunks: &chunks,
        targets: next,
        sources: &[],
        shown: None,
        base: None,
    };
    Ok(record_head(recorder, &head)?.0)
}
