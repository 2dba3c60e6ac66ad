//! Ablations of a prompt in batches. Each runs only the positions that it can change: those from the first one on at which
//! its feature is active.

use super::clean::Active;
use gpt2::HookPoint;
use wire::Operation;

use crate::analysis::edit_table::{capacity, operation, runs};
use crate::analysis::question::{Question, Source};
use crate::analysis::suffixes::{Past, Suffixes, suffix};
use crate::error::Error;
use crate::features::set::Prepared;
use crate::run::clean::CleanPass;
use crate::run::compile::Parts;
use crate::run::executor::Submitted;
use crate::run::input::RunInput;
use crate::run::spec::{CacheMode, HeadRows, HeadSpec, RunSpec, SetAt, StartAt, Tap};
use crate::store::feature_set::LoadedSet;
use crate::tokens::Prompt;

/// A feature that is set to 0.
#[derive(Clone, Copy)]
pub(super) struct Ablation {
    pub(super) latent: u32,
    pub(super) active: Active,
}

/// What a batch of runs ends with.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The logits of all rows, compared with the clean run's.
    Logits,
    /// The outputs of the final LayerNorm, `[rows, d_model]`, as the first tap.
    Stream,
}

/// The means to run ablations of a feature set's latents.
pub(super) struct Ablations<'a> {
    question: &'a Question<'a>,
    prompt: &'a Prompt,
    pass: &'a CleanPass,
    set: &'a LoadedSet,
    coder: Prepared<'a>,
    /// The chosen positions, in runs.
    positions: Vec<std::ops::Range<u32>>,
    /// Nothing where no block follows.
    past: Option<Past<'a>>,
}

impl<'a> Ablations<'a> {
    /// For the chosen positions of a prompt. `latents` are those that will be ablated.
    ///
    /// # Errors
    /// [`Error::File`], [`Error::Cancelled`], [`Error::Device`].
    pub(super) async fn new(
        question: &'a Question<'a>,
        (prompt, pass): (&'a Prompt, &'a CleanPass),
        set: &'a LoadedSet,
        chosen: &[bool],
        latents: Vec<u32>,
    ) -> Result<Self, Error> {
        let coder = question.prepared(set, Source::Pass(pass), latents).await?;
        Ok(Self {
            question,
            prompt,
            pass,
            set,
            coder,
            positions: runs(chosen),
            past: past(question, prompt, pass, set).await?,
        })
    }

    /// Rows of the largest batch.
    pub(super) fn rows(&self) -> usize {
        self.question.batch_rows().max(self.prompt.ids.len())
    }

    /// Starts the runs of a batch. They end with all logits, or with the outputs of the final LayerNorm, read back.
    ///
    /// # Errors
    /// [`Error::Cancelled`], [`Error::Device`].
    pub(super) async fn submit(&self, batch: &[Ablation], end: End) -> Result<Submitted, Error> {
        let model = self.question.model()?;
        let mut table = Vec::new();
        for (sequence, one) in (0..).zip(batch) {
            let latent = self.coder.index_of(one.latent)?;
            table.extend(self.positions.iter().map(|positions| kernels::Edit {
                set: self.set.id.0,
                sequence: Some(sequence),
                positions: positions.clone(),
                latent,
                operation: operation(Operation::Set(0.0)),
                condition: None,
            }));
        }
        let from = |first: usize| suffix(&self.prompt.ids, first, self.past.as_ref());
        let runs = batch.iter().map(|one| from(one.active.first));
        let suffixes = Suffixes::new(runs.collect(), self.prompt.ids.len(), self.rows(), from);
        let spec = RunSpec {
            cache: match self.past {
                Some(_) => CacheMode::Read,
                None => CacheMode::None,
            },
            edits: vec![SetAt::of(self.set)],
            edit_capacity: capacity(table.len()),
            taps: match end {
                End::Logits => Vec::new(),
                End::Stream => vec![Tap::Activation(HookPoint::LnFinalOut)],
            },
            head: match end {
                End::Stream => None,
                End::Logits => Some(HeadSpec {
                    rows: HeadRows::All,
                    top: 0,
                    compare: true,
                    keep: false,
                    read: false,
                    shown: suffixes.last.len(),
                }),
            },
            ..RunSpec::from_hook(self.set.hook, model.info.n_layers, true)
        };
        let parts = Parts {
            model,
            coders: &[(self.set.id, self.coder.coder())],
            base: Some(&self.pass.run),
            cache: self.past.as_ref().map(Past::cache),
        };
        let input = RunInput {
            sequences: &suffixes.sequences,
            edits: &table,
            shown: &suffixes.last,
            ..RunInput::default()
        };
        let keep = self.coder.is_resident();
        self.question.start(&spec, &parts, keep, &input).await
    }
}

/// The keys and values of a prompt's clean pass in the blocks that follow a feature set; nothing where none follows.
async fn past<'a>(
    question: &'a Question<'a>,
    prompt: &Prompt,
    pass: &CleanPass,
    set: &LoadedSet,
) -> Result<Option<Past<'a>>, Error> {
    let n_layers = question.model()?.info.n_layers;
    let spec = RunSpec::from_hook(set.hook, n_layers, false);
    if matches!(spec.start, StartAt::Block { layer, .. } if layer == n_layers) {
        return Ok(None);
    }
    Ok(Some(
        Past::new(question, &prompt.ids, spec, Some(&pass.run)).await?,
    ))
}
