//! The features of one autoencoder that are most like a feature of another, by their decoder directions.

use gpt2::HookPoint;
use wire::Neighbour;

use crate::analysis::question::Question;
use crate::error::Error;

/// The ten latents of the feature set `other` whose decoder directions have the largest cosine with that of `latent` of
/// `sae`: cos = W_dec[latent] · W'_dec[i] / (‖W_dec[latent]‖ ‖W'_dec[i]‖), the nearest first. A neuron's direction is its
/// dimension. Where `other` is `sae`, the latent itself is left out. The list is empty where the latent's direction is 0.
///
/// # Errors
/// [`Error::UnknownSae`]; [`Error::BadOption`] for a latent that is not there, for hook points whose activations have no
/// common basis, and for an `other` that stays in its file: its decoder would have to be read as a whole.
/// [`Error::File`], [`Error::Cancelled`], [`Error::Device`].
pub(crate) async fn matches(
    question: &Question<'_>,
    sae: &str,
    latent: u32,
    other: &str,
) -> Result<Vec<Neighbour>, Error> {
    let from = question.store.set(sae)?;
    from.check_latent(latent)?;
    let to = question.store.set(other)?;
    if !share_basis(from.hook, to.hook) {
        return Err(refused(
            other,
            format!(
                "features at {} have no decoder cosine with features at {}: their activations have different bases",
                to.hook, from.hook
            ),
        ));
    }
    let pace = &question.pace;
    let found = from.features.direction(pace, latent).await?;
    let except = (sae == other).then_some(latent);
    let nearest = to.features.nearest(pace, &found.direction, except).await?;
    nearest.ok_or_else(|| {
        refused(
            other,
            "it stays in its file, and to compare its features would take reading its decoder as a whole"
                .to_owned(),
        )
    })
}

fn refused(other: &str, expected: String) -> Error {
    Error::BadOption {
        name: "other",
        value: other.to_owned(),
        expected,
    }
}

/// True where a direction means the same at both hook points: at one and the same, and wherever the residual stream is read
/// or written. The heads' outputs and the MLP's neurons have a basis of their own in each block, and the final LayerNorm
/// scales each dimension.
fn share_basis(one: HookPoint, other: HookPoint) -> bool {
    one == other || (in_stream(one) && in_stream(other))
}

fn in_stream(hook: HookPoint) -> bool {
    match hook {
        HookPoint::Embed
        | HookPoint::PosEmbed
        | HookPoint::ResidPre(_)
        | HookPoint::AttnOut(_)
        | HookPoint::ResidMid(_)
        | HookPoint::MlpOut(_)
        | HookPoint::ResidPost(_) => true,
        HookPoint::Z(_)
        | HookPoint::MlpPost(_)
        | HookPoint::LnFinalNormalized
        | HookPoint::LnFinalOut => false,
    }
}
