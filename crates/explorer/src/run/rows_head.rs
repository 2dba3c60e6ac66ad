//! The logits of rows that were chosen after their run: their final LayerNorm's outputs, from the caller's memory.

use gpt2::FinalStream;
use kernels::{Buffer, Plan};

use crate::error::Error;
use crate::run::clean::CleanPass;
use crate::run::executor::Executor;
use crate::run::head::{self, BaseLogits, Head, record_head};
use crate::run::output::{HeadOutput, HeadReads};
use crate::run::spec::{HeadRows, HeadSpec};
use crate::store::model::LoadedModel;

/// A row whose logits are wanted.
#[derive(Clone, Copy)]
pub(crate) struct WantedRow<'a> {
    /// `[d_model]`: the output of the final LayerNorm.
    pub(crate) stream: &'a [f32],
    /// The clean pass's row that it is compared with.
    pub(crate) source: usize,
    /// The token that follows it.
    pub(crate) target: Option<u32>,
}

/// The unembedding of so many rows, compared with a clean pass. It can be run any number of times.
pub(crate) struct RowsHead {
    plan: Plan,
    rows: usize,
    width: usize,
    stream: Buffer,
    targets: Buffer,
    sources: Vec<Buffer>,
    reads: HeadReads,
}

impl RowsHead {
    /// For `rows` rows; with `read` their logits are read back.
    ///
    /// # Errors
    /// [`Error::Device`].
    pub(crate) fn new(
        executor: &Executor,
        model: &LoadedModel,
        pass: &CleanPass,
        (rows, read): (usize, bool),
    ) -> Result<Self, Error> {
        let device = executor.device();
        let mut recorder = executor.recorder();
        let config = model.model.config();
        let chunks = head::chunks(&recorder, config.vocab_size, rows);
        let stream = device.buffer("chosen rows", rows * config.n_embd)?;
        let targets = device.buffer("targets", rows)?;
        let sources = chunks
            .iter()
            .map(|rows| device.buffer("rows to compare with", *rows));
        let sources = sources.collect::<Result<Vec<_>, _>>()?;
        let n_layers = config.n_layer;
        let resid = pass.run.resid.get(n_layers);
        let base = BaseLogits {
            kept: pass.run.kept_logits.as_ref(),
            resid: resid.ok_or_else(|| Error::missing("the last residual stream"))?,
        };
        let spec = HeadSpec {
            rows: HeadRows::All,
            top: 0,
            compare: true,
            keep: false,
            read,
            shown: 0,
        };
        let args = Head {
            model: &model.model,
            stream: &FinalStream::of_normed(&stream),
            spec: &spec,
            chunks: &chunks,
            targets: &targets,
            sources: &sources,
            shown: None,
            base: Some(base),
        };
        let (reads, _) = record_head(&mut recorder, &args)?;
        Ok(Self {
            plan: recorder.finish(),
            rows,
            width: config.n_embd,
            stream,
            targets,
            sources,
            reads,
        })
    }

    /// The results of at most as many rows as it is for; those behind are of no row.
    ///
    /// # Errors
    /// [`Error::Device`].
    pub(crate) async fn run(&self, wanted: &[WantedRow<'_>]) -> Result<HeadOutput, Error> {
        let mut stream = vec![0; self.rows * self.width];
        let mut sources = vec![0; self.rows];
        let mut targets = vec![u32::MAX; self.rows];
        let places = stream.chunks_exact_mut(self.width).zip(&mut sources);
        for (((values, source), target), row) in places.zip(&mut targets).zip(wanted) {
            for (word, value) in values.iter_mut().zip(row.stream) {
                *word = value.to_bits();
            }
            *source = row.source as u32;
            *target = row.target.unwrap_or(u32::MAX);
        }
        self.stream.write(0, &stream)?;
        self.targets.write(0, &targets)?;
        let mut rest = sources.as_slice();
        for buffer in &self.sources {
            let (chunk, others) = rest.split_at(buffer.words().min(rest.len()));
            buffer.write(0, chunk)?;
            rest = others;
        }
        Ok(self.reads.take(&self.plan.run().await?))
    }
}
