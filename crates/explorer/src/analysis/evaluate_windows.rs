//! Reconstruction metrics of several autoencoders over windows of tokens, with what each makes of every window.

use std::rc::Rc;

use wire::Evaluation;

use crate::analysis::pool::{Pool, WindowsRead};
use crate::analysis::question::Question;
use crate::analysis::scan::{ScanWindow, Windows};
use crate::analysis::set_trace::{self, Encoded, Pending};
use crate::error::Error;
use crate::run::clean::{CleanPass, CleanWanted};
use crate::tokens::{Bos, Prompt};

/// An autoencoder on a window.
pub struct EvaluatedWindow<'a> {
    /// The autoencoder's place in the list of those that are evaluated.
    pub sae: usize,
    /// The window's number, from 0.
    pub window: usize,
    /// Its tokens, a BOS that was put before it included.
    pub tokens: &'a [u32],
    /// 1 if a BOS was put before it, else 0.
    pub bos: usize,
    /// `[tokens]`: positions that count.
    pub counted: &'a [bool],
    /// Slots per token.
    pub k: usize,
    /// `[tokens, k]`, the strongest first; -1 is an empty slot.
    pub latents: &'a [i32],
    /// `[tokens, k]`.
    pub activations: &'a [f32],
    encoded: Option<&'a Encoded>,
}

impl EvaluatedWindow<'_> {
    /// The positions that count.
    pub fn positions(&self) -> impl Iterator<Item = usize> {
        let counted = self.counted.iter().enumerate();
        counted.filter(|(_, counted)| **counted).map(|(at, _)| at)
    }

    /// The active latents at a position with their activations, the strongest first.
    pub fn active(&self, position: usize) -> impl Iterator<Item = (u32, f32)> {
        let slots = position * self.k..(position + 1) * self.k;
        let active = self.latents[slots.clone()].iter();
        let active = active.zip(&self.activations[slots]);
        active.filter_map(|(latent, value)| Some((u32::try_from(*latent).ok()?, *value)))
    }

    /// The activation in the space of training, which is what the encoder reads, `[tokens, d_in]`; None for neurons.
    pub fn inputs(&self) -> Option<Vec<f32>> {
        self.encoded.map(Encoded::inputs)
    }
}

/// Runs windows through the model, as many at once as make a batch of rows, each autoencoder spliced in for itself. The next batch
/// is submitted before the results of the last are looked at.
///
/// # Errors
/// As [`crate::Session::scan`]; whatever `next` and `visit` return.
pub(crate) async fn evaluate_windows<E: From<Error>>(
    question: &Question<'_>,
    saes: &[String],
    bos: Bos,
    next: impl FnMut() -> Result<Option<ScanWindow<()>>, E>,
    mut visit: impl FnMut(&EvaluatedWindow<'_>) -> Result<(), E>,
) -> Result<Vec<Evaluation>, E> {
    let model = question.model()?;
    let sets = question.store.chosen(Some(saes))?;
    let wanted = CleanWanted {
        top: 1,
        logits: false,
    };
    let mut windows = Windows::new(question, bos, next)?;
    let mut totals = Totals {
        pools: sets.iter().map(|_| Pool::default()).collect(),
        ..Totals::default()
    };
    let mut under_way: Option<UnderWay<'_>> = None;
    loop {
        question.pace.step().await?;
        let batch = windows.batch::<E>(model)?;
        let ended = batch.is_empty();
        let mut starting = None;
        if !ended {
            let bos = batch.first().map_or(0, |ready| ready.bos);
            let prompts: Vec<Prompt> = batch.into_iter().map(|ready| ready.prompt).collect();
            let pass = question.clean(&prompts, wanted).await?;
            let mut pending = Vec::new();
            for set in &sets {
                pending.push(set_trace::start(question, set, &pass, &prompts).await?);
            }
            starting = Some(UnderWay {
                prompts,
                bos,
                pass,
                pending,
            });
        }
        if let Some(last) = std::mem::replace(&mut under_way, starting) {
            totals.add(question, last, &mut visit).await?;
        }
        if ended {
            break;
        }
    }
    question.pace.check()?;
    let Totals { pools, read } = totals;
    let evaluations = sets.iter().zip(pools);
    let evaluations = evaluations.map(|(set, pool)| pool.evaluation(&set.info, &read));
    Ok(evaluations.collect())
}

/// Windows that are being computed.
struct UnderWay<'a> {
    prompts: Vec<Prompt>,
    bos: usize,
    pass: Rc<CleanPass>,
    /// One for each autoencoder.
    pending: Vec<Pending<'a>>,
}

/// Sums over the windows.
#[derive(Default)]
struct Totals {
    /// One for each autoencoder.
    pools: Vec<Pool>,
    read: WindowsRead,
}

impl Totals {
    async fn add<E: From<Error>>(
        &mut self,
        question: &Question<'_>,
        under_way: UnderWay<'_>,
        visit: &mut impl FnMut(&EvaluatedWindow<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let UnderWay {
            prompts,
            bos,
            pass,
            pending,
        } = under_way;
        let clean = pass.head().await?;
        for ((sae, pending), pool) in pending.into_iter().enumerate().zip(&mut self.pools) {
            let results = set_trace::finish(question, pending, &clean, &prompts).await?;
            let windows = results.into_iter().zip(&pass.ranges).zip(&prompts);
            for (number, ((result, rows), prompt)) in windows.enumerate() {
                let losses = clean.token_losses(rows.clone())?;
                let trace = &result.trace;
                pool.add(&trace.metrics, result.sums, &losses);
                visit(&EvaluatedWindow {
                    sae,
                    window: self.read.windows + number,
                    tokens: &prompt.ids,
                    bos,
                    counted: &result.counted,
                    k: trace.k,
                    latents: &trace.latents,
                    activations: &trace.activations,
                    encoded: result.encoded.as_ref(),
                })?;
            }
        }
        self.read.add(&prompts);
        Ok(())
    }
}
