//! The clean run that effects are measured against, and the features that are active in it.

use std::collections::BTreeMap;

use gpt2::{HookPoint, Norm};

use crate::analysis::compared::logit_difference;
use crate::analysis::metrics;
use crate::analysis::question::{Question, Source};
use crate::error::Error;
use crate::features::listed::Features;
use crate::features::set::Prepared;
use crate::run::clean::CleanPass;
use crate::run::compile::Parts;
use crate::run::executor::RunOutput;
use crate::run::input::RunInput;
use crate::run::spec::{HeadRows, HeadSpec, RunSpec, SetAt, Tap};
use crate::store::feature_set::LoadedSet;
use crate::tokens::Prompt;

/// The clean run, as effects are measured against it.
pub(super) struct Clean {
    pub(super) token_losses: Vec<f32>,
    pub(super) loss: Option<f64>,
    /// `[vocabulary]`: after the last token.
    pub(super) logits: Vec<f32>,
    /// Their log Σ exp.
    pub(super) log_sum: f32,
    /// Scale of the final LayerNorm at the last token.
    pub(super) scale: f32,
    /// The target's logit minus the distractor's, where they are named.
    pub(super) logit_difference: Option<f64>,
}

/// A feature that is active at a chosen position.
#[derive(Clone, Copy)]
pub(super) struct Active {
    /// Its largest activation, by magnitude.
    pub(super) activation: f32,
    /// Where that is.
    pub(super) position: usize,
    /// Number of chosen positions at which it is active.
    pub(super) count: usize,
    /// The first of them: nothing before it changes.
    pub(super) first: usize,
    /// Its activation at the last token, with the deviation by which the feature set scales it back.
    pub(super) last: f32,
}

/// The clean run's losses, its logits after the last token, and the scale of the final LayerNorm there.
pub(super) async fn clean(
    question: &Question<'_>,
    prompt: &Prompt,
    pass: &CleanPass,
    tokens: Option<(u32, u32)>,
) -> Result<Clean, Error> {
    let model = question.model()?;
    let token_losses = pass.head().await?.token_losses(0..prompt.ids.len())?;
    let spec = RunSpec {
        taps: vec![Tap::NormScale(Norm::Final)],
        head: Some(HeadSpec {
            rows: HeadRows::Chosen(1),
            top: 0,
            compare: false,
            keep: false,
            read: true,
            shown: 0,
        }),
        ..RunSpec::from_hook(HookPoint::LnFinalOut, model.info.n_layers, false)
    };
    let last = prompt.ids.len() - 1;
    let input = RunInput {
        sequences: &pass.sequences(),
        wanted: &[last],
        ..RunInput::default()
    };
    let parts = Parts {
        base: Some(&pass.run),
        ..Parts::of_model(model)
    };
    let submitted = question.start(&spec, &parts, true, &input).await?;
    let output = submitted.output(|set| question.name(set)).await?;
    let head = output.head()?;
    let scale = output.matrix(0)?.data.get(last).copied();
    let logits = head.logits(0..1).to_vec();
    Ok(Clean {
        logit_difference: tokens
            .map(|tokens| logit_difference(tokens, &logits))
            .transpose()?,
        loss: metrics::mean(&token_losses),
        token_losses,
        log_sum: head.log_sum_exp(0, last)?,
        logits,
        scale: scale.ok_or_else(|| Error::missing("the scale of the final LayerNorm"))?,
    })
}

/// The features that are active at chosen positions.
pub(super) async fn active(
    question: &Question<'_>,
    set: &LoadedSet,
    pass: &CleanPass,
    chosen: &[bool],
) -> Result<BTreeMap<u32, Active>, Error> {
    let source = Source::Pass(pass);
    let mut prepared = question.prepared(set, source, Vec::new()).await?;
    let mut features = encoded(question, set, &prepared, pass).await?;
    if prepared.coder().may_overflow() && features.is_full(set.info.n_latents) {
        prepared = question.listed(set, source).await?;
        features = encoded(question, set, &prepared, pass).await?;
    }
    let features = prepared.remapped(features)?;
    let deviation = features.statistics.chunks_exact(2).next_back();
    // Neurons have none: they are not scaled.
    let deviation = deviation.map_or(1.0, |statistics| statistics[1]);
    let (slots, latents, activations) = features.trimmed();
    let mut active: BTreeMap<u32, Active> = BTreeMap::new();
    let rows = latents
        .chunks(slots.max(1))
        .zip(activations.chunks(slots.max(1)));
    for (position, (latents, activations)) in rows.enumerate() {
        if !chosen.get(position).copied().unwrap_or(false) {
            continue;
        }
        let is_last = position + 1 == chosen.len();
        for (latent, activation) in latents.iter().zip(activations) {
            let (Ok(latent), true) = (u32::try_from(*latent), *activation != 0.0) else {
                continue;
            };
            let entry = active.entry(latent).or_insert(Active {
                activation: 0.0,
                position,
                count: 0,
                first: position,
                last: 0.0,
            });
            entry.count += 1;
            if activation.abs() > entry.activation.abs() {
                entry.activation = *activation;
                entry.position = position;
            }
            if is_last {
                entry.last = activation * deviation;
            }
        }
    }
    Ok(active)
}

async fn encoded(
    question: &Question<'_>,
    set: &LoadedSet,
    prepared: &Prepared<'_>,
    pass: &CleanPass,
) -> Result<Features, Error> {
    let model = question.model()?;
    let spec = RunSpec {
        taps: vec![Tap::Features(SetAt::of(set))],
        stop_at: Some(set.hook),
        ..RunSpec::from_hook(set.hook, model.info.n_layers, false)
    };
    let parts = Parts {
        model,
        coders: &[(set.id, prepared.coder())],
        base: Some(&pass.run),
        cache: None,
    };
    let input = RunInput {
        sequences: &pass.sequences(),
        ..RunInput::default()
    };
    let keep = prepared.is_resident();
    let submitted = question.start(&spec, &parts, keep, &input).await?;
    let output: RunOutput = submitted.output(|id| question.name(id)).await?;
    output.features(0, &set.info.id)
}
