//! The direct path: what a feature would do to the difference of two logits if nothing between it and the unembedding changed.

use gpt2::HookPoint;

use crate::analysis::question::Question;
use crate::error::Error;
use crate::features::multiply::multiply;
use crate::features::set::Decoder;
use crate::store::feature_set::LoadedSet;

/// `[latents]`: what one unit that a latent writes to the residual stream gives for the difference of two tokens' logits, before
/// the final LayerNorm's scale; None where it is not known.
pub(super) async fn direct_weights(
    question: &Question<'_>,
    set: &LoadedSet,
    tokens: Option<(u32, u32)>,
) -> Result<Option<Vec<f32>>, Error> {
    let Some((target, distractor)) = tokens else {
        return Ok(None);
    };
    let writes_to_stream = matches!(
        set.hook,
        HookPoint::ResidPre(_)
            | HookPoint::ResidMid(_)
            | HookPoint::ResidPost(_)
            | HookPoint::AttnOut(_)
            | HookPoint::MlpOut(_)
    );
    if !writes_to_stream {
        return Ok(None);
    }
    let model = question.model()?;
    let device = question.executor.device();
    let row = async |id: u32| {
        let id = id as usize;
        let embedding = model.model.token_embedding();
        embedding.read_rows(device, id..id + 1).await
    };
    let (target, distractor) = (row(target).await?, row(distractor).await?);
    let weights = target
        .iter()
        .zip(&distractor)
        .zip(model.model.ln_final_weight());
    let weights: Vec<f64> = weights
        .map(|((target, distractor), weight)| {
            (f64::from(*target) - f64::from(*distractor)) * f64::from(*weight)
        })
        .collect();
    // LayerNorm takes the mean off what is written; taken off the weights it is the same product.
    let mean = weights.iter().sum::<f64>() / weights.len().max(1) as f64;
    let centred: Vec<f32> = weights
        .iter()
        .map(|weight| (weight - mean) as f32)
        .collect();
    Ok(match set.features.decoder() {
        Decoder::OnDevice(w_dec, _) => Some(multiply(device, w_dec, &centred).await?),
        Decoder::Dimensions => Some(centred),
        Decoder::InFile => None,
    })
}
