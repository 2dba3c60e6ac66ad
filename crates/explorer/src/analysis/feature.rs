//! Description of a feature apart from any prompt: its direct effect on the logits and its nearest features.

use gpt2::HookPoint;
use wire::{Feature, LogitEffect, TokenValue};

use crate::analysis::matches::listed;
use crate::analysis::metrics;
use crate::analysis::question::Question;
use crate::error::Error;
use crate::features::multiply::multiply;
use crate::features::set::norm;
use crate::store::model::LoadedModel;

/// Number of tokens that are listed.
const LISTED: usize = 10;

/// A feature's direct logit effect, decoder norm and nearest features.
///
/// # Errors
/// [`Error::UnknownSae`], [`Error::BadOption`] for a latent that is not there, [`Error::Device`].
pub(crate) async fn feature(
    question: &Question<'_>,
    sae: &str,
    latent: u32,
) -> Result<Feature, Error> {
    let model = question.model()?;
    let set = question.store.set(sae)?;
    set.check_latent(latent)?;
    let pace = &question.pace;
    let found = set.features.direction(pace, latent).await?;
    let nearest = set
        .features
        .nearest(pace, &found.direction, Some(latent))
        .await?
        .unwrap_or_default();
    pace.step().await?;
    let device = question.executor.device();
    let direction = &found.direction;
    let output = match set.hook {
        HookPoint::Z(layer) => multiply(device, model.model.attn_out(layer)?, direction).await?,
        HookPoint::MlpPost(layer) => {
            multiply(device, model.model.mlp_out(layer)?, direction).await?
        }
        _ => direction.clone(),
    };
    Ok(Feature {
        latent,
        decoder_norm: norm(direction),
        output_norm: norm(&output),
        encoder_bias: found.encoder_bias,
        logit_effect: logit_effect(question, model, set.hook, &output).await?,
        nearest: nearest.into_iter().map(listed).collect(),
    })
}

/// The direct effect of what is written to the residual stream, or behind it to the final LayerNorm's output; the formula
/// stands at [`LogitEffect`].
async fn logit_effect(
    question: &Question<'_>,
    model: &LoadedModel,
    hook: HookPoint,
    output: &[f32],
) -> Result<LogitEffect, Error> {
    let device = question.executor.device();
    let scaled = before_unembedding(output, hook, model.model.ln_final_weight());
    let effects = multiply(device, model.model.token_embedding(), &scaled).await?;
    if let Some(position) = effects.iter().position(|effect| !effect.is_finite()) {
        return Err(Error::NotANumber {
            what: "the direct logit effect of the feature".to_owned(),
            position,
        });
    }
    let mean = metrics::mean(&effects).unwrap_or(0.0);
    let mut order: Vec<(u32, f32)> = (0..).zip(effects).collect();
    order.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    let effect = |&(id, effect): &(u32, f32)| TokenValue {
        id,
        text: model.vocabulary.token(id).text,
        value: (f64::from(effect) - mean) as f32,
    };
    Ok(LogitEffect {
        top: order.iter().take(LISTED).map(effect).collect(),
        bottom: order.iter().rev().take(LISTED).map(effect).collect(),
    })
}

/// What the final LayerNorm, without its scale, makes of what is written at a hook.
pub(crate) fn before_unembedding(output: &[f32], hook: HookPoint, weight: &[f32]) -> Vec<f32> {
    match hook {
        HookPoint::LnFinalOut => output.to_vec(),
        HookPoint::LnFinalNormalized => scaled(output, 0.0, weight),
        _ => scaled(output, metrics::mean(output).unwrap_or(0.0), weight),
    }
}

/// `(direction − mean) ⊙ weight`. The difference is taken in f64: of a direction that does not vary nothing may be left.
fn scaled(direction: &[f32], mean: f64, weight: &[f32]) -> Vec<f32> {
    direction
        .iter()
        .zip(weight)
        .map(|(direction, weight)| ((f64::from(*direction) - mean) * f64::from(*weight)) as f32)
        .collect()
}
