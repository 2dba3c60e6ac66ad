//! A feature set on a clean pass: its features, its reconstruction, and what that loses.

use sae::Normalization;
use wire::{Matrix, Metrics, SaeTrace};

use crate::analysis::cautions::cautions;
use crate::analysis::metrics::{self, Reconstructed, Sums, counted_mean};
use crate::analysis::question::{Question, Source};
use crate::error::Error;
use crate::features::listed::Features;
use crate::features::set::Prepared;
use crate::run::clean::{CleanPass, CleanWanted};
use crate::run::compile::Parts;
use crate::run::executor::{RunOutput, Submitted};
use crate::run::input::RunInput;
use crate::run::output::HeadOutput;
use crate::run::spec::{HeadRows, HeadSpec, RunSpec, SetAt, Tap};
use crate::store::feature_set::LoadedSet;
use crate::tokens::Prompt;

/// A feature set's part of one prompt's trace, its reconstruction, the sums of its FVU and the activation; the last two None where
/// nothing is lost.
pub(crate) struct SetResult {
    pub(crate) trace: SaeTrace,
    pub(crate) reconstruction: Matrix,
    pub(crate) sums: Option<Sums>,
    pub(crate) encoded: Option<Encoded>,
    /// `[rows]`: positions that count.
    pub(crate) counted: Vec<bool>,
}

/// An activation with what an autoencoder's rows were normalised by.
pub(crate) struct Encoded {
    activation: Matrix,
    /// `[rows, 2]`: mean and deviation.
    statistics: Vec<f32>,
    normalization: Normalization,
}

impl Encoded {
    /// The activation in the space of training, `[rows, width]`.
    pub(crate) fn inputs(&self) -> Vec<f32> {
        metrics::normalised(&self.activation, &self.statistics, self.normalization)
    }
}

/// Taps of a feature set's run.
const FEATURES: usize = 0;
const ACTIVATION: usize = 1;
const RECONSTRUCTION: usize = 2;

/// A feature set's run that was submitted.
pub(crate) struct Pending<'a> {
    set: &'a LoadedSet,
    prepared: Prepared<'a>,
    submitted: Submitted,
    /// `[rows]`: positions that count.
    counted: Vec<bool>,
}

/// Starts a feature set on a clean pass of some prompts: encoded, decoded, and spliced into the pass.
///
/// # Errors
/// [`Error::File`], [`Error::Sae`], [`Error::Cancelled`], [`Error::Device`].
pub(crate) async fn start<'a>(
    question: &'a Question<'_>,
    set: &'a LoadedSet,
    pass: &CleanPass,
    prompts: &[Prompt],
) -> Result<Pending<'a>, Error> {
    let source = Source::Pass(pass);
    let prepared = question.prepared(set, source, Vec::new()).await?;
    submit(question, set, prepared, pass, prompts).await
}

async fn submit<'a>(
    question: &'a Question<'_>,
    set: &'a LoadedSet,
    prepared: Prepared<'a>,
    pass: &CleanPass,
    prompts: &[Prompt],
) -> Result<Pending<'a>, Error> {
    let model = question.model()?;
    let counted = prompts
        .iter()
        .flat_map(|prompt| set.counted(&model.vocabulary, prompt));
    let counted: Vec<bool> = counted.collect();
    let at = SetAt::of(set);
    let started = RunSpec::from_hook(set.hook, model.info.n_layers, false);
    let spec = match prepared.coder().is_exact() {
        true => RunSpec {
            taps: vec![Tap::Features(at)],
            stop_at: Some(set.hook),
            ..started
        },
        false => RunSpec {
            taps: vec![
                Tap::Features(at),
                Tap::Activation(set.hook),
                Tap::Reconstruction(at),
            ],
            splice: Some(at),
            head: Some(HeadSpec {
                rows: HeadRows::All,
                top: 0,
                compare: true,
                keep: false,
                read: false,
                shown: 0,
            }),
            ..started
        },
    };
    let parts = Parts {
        model,
        coders: &[(set.id, prepared.coder())],
        base: Some(&pass.run),
        cache: None,
    };
    let input = RunInput {
        sequences: &pass.sequences(),
        mask: &counted,
        ..RunInput::default()
    };
    let keep = prepared.is_resident();
    let submitted = question.start(&spec, &parts, keep, &input).await?;
    Ok(Pending {
        set,
        prepared,
        submitted,
        counted,
    })
}

/// Waits for a feature set's run; the results per prompt.
///
/// # Errors
/// [`Error::NotANumber`], [`Error::Cancelled`], [`Error::Device`].
pub(crate) async fn finish(
    question: &Question<'_>,
    pending: Pending<'_>,
    clean: &HeadOutput,
    prompts: &[Prompt],
) -> Result<Vec<SetResult>, Error> {
    let set = pending.set;
    let overflows = pending.prepared.coder().may_overflow();
    let output = pending.submitted.output(|id| question.name(id)).await?;
    let features = output.features(FEATURES, &set.info.id)?;
    if overflows && features.is_full(set.info.n_latents) {
        return finish_listed(question, set, clean, prompts).await;
    }
    results(
        set,
        &pending.prepared,
        &pending.counted,
        (output, features),
        clean,
        prompts,
    )
}

/// The results where a row has more active latents than slots: once more, with all of them listed.
async fn finish_listed(
    question: &Question<'_>,
    set: &LoadedSet,
    clean: &HeadOutput,
    prompts: &[Prompt],
) -> Result<Vec<SetResult>, Error> {
    let wanted = CleanWanted {
        top: clean.top(),
        logits: false,
    };
    // The pass may have made room for another one.
    let pass = question.clean(prompts, wanted).await?;
    pass.head().await?;
    let listed = question.listed(set, Source::Pass(&pass)).await?;
    let again = submit(question, set, listed, &pass, prompts).await?;
    let output = again.submitted.output(|id| question.name(id)).await?;
    let features = output.features(FEATURES, &set.info.id)?;
    results(
        set,
        &again.prepared,
        &again.counted,
        (output, features),
        clean,
        prompts,
    )
}

fn results(
    set: &LoadedSet,
    prepared: &Prepared<'_>,
    counted: &[bool],
    (output, features): (RunOutput, Features),
    clean: &HeadOutput,
    prompts: &[Prompt],
) -> Result<Vec<SetResult>, Error> {
    let coder = prepared.coder();
    // Features that are the activation are read once.
    let activation = output.matrix(match coder.is_exact() {
        true => FEATURES,
        false => ACTIVATION,
    })?;
    let (reconstruction, head) = match coder.is_exact() {
        true => (None, None),
        false => (Some(output.matrix(RECONSTRUCTION)?), Some(output.head()?)),
    };
    let features = prepared.remapped(features)?;
    let mut results = Vec::new();
    let mut first = 0;
    for prompt in prompts {
        let rows = first..first + prompt.ids.len();
        first = rows.end;
        let features = features.of_rows(rows.clone());
        let counted = counted.get(rows.clone()).unwrap_or_default();
        let clean_loss = metrics::mean(&clean.token_losses(rows.clone())?);
        let of_set = OfPrompt {
            counted,
            clean_loss,
            features: &features,
        };
        let activation = activation.of_rows(rows.clone());
        let (metrics, lost, reconstruction) = match (&reconstruction, &head) {
            (Some(reconstruction), Some(head)) => {
                let reconstruction = reconstruction.of_rows(rows.clone());
                let reconstructed = Reconstructed {
                    activation: &activation.data,
                    reconstruction: &reconstruction.data,
                    statistics: &features.statistics,
                    width: activation.cols,
                    normalization: coder.normalization(),
                    counted,
                };
                let spliced = metrics::mean(&head.token_losses(rows.clone())?);
                let divergences = head.divergences(rows)?;
                let (metrics, sums) = of_set.spliced(&reconstructed, spliced, &divergences);
                let encoded = Encoded {
                    statistics: features.statistics.clone(),
                    normalization: coder.normalization(),
                    activation,
                };
                (metrics, Some((sums, encoded)), reconstruction)
            }
            _ => (of_set.exact(), None, activation),
        };
        let (sums, encoded) = lost.unzip();
        let (k, latents, activations) = features.trimmed();
        let skipped = (0..).zip(counted).filter(|(_, counted)| !**counted);
        let tokens = prompt.ids.len();
        results.push(SetResult {
            trace: SaeTrace {
                k,
                latents,
                activations,
                metrics,
                skipped: skipped.map(|(position, _)| position).collect(),
                cautions: cautions(&set.info, tokens, prompt.starts_with_bos, &metrics),
                ..SaeTrace::of(&set.info)
            },
            reconstruction,
            sums,
            encoded,
            counted: counted.to_vec(),
        });
    }
    Ok(results)
}

/// A feature set on one prompt.
struct OfPrompt<'a> {
    counted: &'a [bool],
    clean_loss: Option<f64>,
    features: &'a Features,
}

impl OfPrompt<'_> {
    /// Number of positions that count.
    fn positions(&self) -> usize {
        self.counted.iter().filter(|counted| **counted).count()
    }

    /// True if a token is predicted at a position that counts or behind one: without it a replacement changes no loss.
    fn predicts(&self) -> bool {
        let predicting = self.counted.len().saturating_sub(1);
        self.counted.iter().take(predicting).any(|counted| *counted)
    }

    fn l0(&self) -> Option<f64> {
        counted_mean(self.features.counts(), self.counted)
    }

    /// Metrics with the reconstruction in the place of the activation.
    fn spliced(
        &self,
        reconstructed: &Reconstructed<'_>,
        loss: Option<f64>,
        divergences: &[f32],
    ) -> (Metrics, Sums) {
        let spliced_loss = loss.filter(|_| self.predicts());
        let sums = reconstructed.sums();
        let metrics = Metrics {
            l0: self.l0(),
            fvu: sums.fvu(),
            relative_error: reconstructed.relative_error(),
            cosine: reconstructed.cosine(),
            spliced_loss,
            delta_ce: difference(spliced_loss, self.clean_loss),
            kl: counted_mean(divergences, self.counted),
            positions: self.positions(),
        };
        (metrics, sums)
    }

    /// Metrics of features that are the activation itself.
    fn exact(&self) -> Metrics {
        let some = |value| (self.positions() > 0).then_some(value);
        let spliced_loss = self.clean_loss.filter(|_| self.predicts());
        Metrics {
            l0: self.l0(),
            fvu: some(0.0),
            relative_error: some(0.0),
            cosine: some(1.0),
            spliced_loss,
            delta_ce: spliced_loss.map(|_| 0.0),
            kl: some(0.0),
            positions: self.positions(),
        }
    }
}

pub(crate) fn difference(spliced: Option<f64>, clean: Option<f64>) -> Option<f64> {
    Some(spliced? - clean?)
}
