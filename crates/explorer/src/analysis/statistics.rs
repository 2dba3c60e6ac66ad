//! Statistics of every latent of a set over a text: how often and how strongly each fires, and where most.

use std::collections::VecDeque;

use serde::Serialize;
use wire::Bos;

use crate::analysis::question::{Question, UNDER_WAY};
use crate::analysis::trace::batches;
use crate::error::Error;
use crate::run::compile::Parts;
use crate::run::executor::{RunOutput, Submitted};
use crate::run::input::{self, RunInput};
use crate::run::spec::{RunSpec, SetAt, Tap};
use crate::store::feature_set::LoadedSet;
use crate::tokens::{Input, Prompt};

/// A token at which a latent fires.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Firing {
    /// The window of the text, numbered from 0.
    pub window: usize,
    /// The position in the window, a BOS included.
    pub position: usize,
    /// The activation there.
    pub activation: f32,
}

/// Statistics of one latent over the tokens of a text.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct LatentStatistics {
    /// Tokens at which it is above 0.
    pub count: u64,
    /// Σz.
    pub sum: f64,
    /// Σz².
    pub sum_of_squares: f64,
    /// The largest activation; 0 where it never fires.
    pub max: f32,
    /// The tokens at which it fires most, the strongest first; ties go to the earlier token.
    pub top: Vec<Firing>,
}

/// Statistics of all latents of a set over a text.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TextStatistics {
    /// Tokens that went through the model, every window's BOS included. All of them count here.
    pub tokens: usize,
    /// Windows of at most the model's context in which the text was read.
    pub windows: usize,
    /// Per latent.
    pub latents: Vec<LatentStatistics>,
}

/// Statistics of every latent over a text of any length, of which the device returns sums and strongest tokens, not
/// activations.
///
/// # Errors
/// As [`crate::Session::trace`], without [`Error::PromptTooLong`]; [`Error::BadOption`] for `top` outside of 1 to 32;
/// [`Error::Unsupported`] for neurons, for a set that stays in its file, and where a token has more active latents than a
/// selection lists.
pub(crate) async fn statistics(
    question: &Question<'_>,
    text: Input<'_>,
    sae: &str,
    (top, bos): (usize, Bos),
) -> Result<TextStatistics, Error> {
    let set = question.store.set(sae)?;
    let windows = question.store.windows(text, bos)?;
    let mut pool = Pool {
        top,
        latents: vec![LatentStatistics::default(); set.info.n_latents],
        windows: 0,
    };
    let mut under_way = VecDeque::new();
    for batch in batches(&windows, question.batch_rows()) {
        question.pace.step().await?;
        question.pace.report(pool.windows, windows.len());
        under_way.push_back((batch, submit(question, set, batch, top).await?));
        if under_way.len() == UNDER_WAY
            && let Some((batch, submitted)) = under_way.pop_front()
        {
            let output = submitted.output(|set| question.name(set)).await?;
            pool.add(set, batch, &output)?;
        }
    }
    for (batch, submitted) in under_way {
        let output = submitted.output(|set| question.name(set)).await?;
        pool.add(set, batch, &output)?;
    }
    question.pace.report(windows.len(), windows.len());
    question.pace.check()?;
    Ok(TextStatistics {
        tokens: windows.iter().map(|window| window.ids.len()).sum(),
        windows: windows.len(),
        latents: pool.latents,
    })
}

async fn submit(
    question: &Question<'_>,
    set: &LoadedSet,
    batch: &[Prompt],
    top: usize,
) -> Result<Submitted, Error> {
    let coder = set.features.resident().ok_or_else(|| Error::Unsupported {
        what: format!("statistics of {}, which stays in its file,", set.info.id),
    })?;
    let at = SetAt::of(set);
    let mut taps = vec![Tap::Statistics { at, top }];
    if coder.may_overflow() {
        taps.push(Tap::Features(at));
    }
    let spec = RunSpec {
        taps,
        stop_at: Some(set.hook),
        ..RunSpec::new()
    };
    let parts = Parts {
        coders: &[(set.id, coder)],
        ..Parts::of_model(question.model()?)
    };
    let input = RunInput {
        sequences: &input::sequences(batch),
        ..RunInput::default()
    };
    question.start(&spec, &parts, true, &input).await
}

/// Statistics of all windows so far.
struct Pool {
    top: usize,
    latents: Vec<LatentStatistics>,
    windows: usize,
}

impl Pool {
    fn add(&mut self, set: &LoadedSet, batch: &[Prompt], output: &RunOutput) -> Result<(), Error> {
        let overflows = set
            .features
            .resident()
            .is_some_and(|coder| coder.may_overflow());
        if overflows
            && output
                .features(1, &set.info.id)?
                .is_full(set.info.n_latents)
        {
            return Err(Error::Unsupported {
                what: format!(
                    "counting {} on the device, where a token has more than {} active latents,",
                    set.info.id,
                    kernels::MAX_K
                ),
            });
        }
        // The window and position of every row.
        let origins: Vec<(usize, usize)> = (self.windows..)
            .zip(batch)
            .flat_map(|(window, prompt)| (0..prompt.ids.len()).map(move |at| (window, at)))
            .collect();
        self.windows += batch.len();
        let found = output.statistics(0, &set.info.id)?;
        let rows = found.rows.chunks_exact(found.top);
        for ((latent, [count, sum, squares, max]), rows) in
            self.latents.iter_mut().zip(&found.sums).zip(rows)
        {
            // Counts of a batch's rows are exact in f32.
            latent.count += *count as u64;
            latent.sum += f64::from(*sum);
            latent.sum_of_squares += f64::from(*squares);
            latent.max = latent.max.max(*max);
            for (row, activation) in rows.iter().filter(|(row, _)| *row != u32::MAX) {
                let origin = origins.get(*row as usize).ok_or(Error::NoSuchIndex {
                    what: "the row",
                    index: *row as usize,
                    count: origins.len(),
                })?;
                latent.top.push(Firing {
                    window: origin.0,
                    position: origin.1,
                    activation: *activation,
                });
            }
            // Stable, so that earlier tokens stay before later ones.
            latent
                .top
                .sort_by(|a, b| b.activation.total_cmp(&a.activation));
            latent.top.truncate(self.top);
        }
        Ok(())
    }
}
