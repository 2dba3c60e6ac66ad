//! The features of one autoencoder that are most like a feature of another, by their decoder directions.

use gpt2::HookPoint;
use wire::Neighbour;

use crate::analysis::question::Question;
use crate::error::Error;
use crate::features::set;

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
    let nearest = nearest.ok_or_else(|| {
        refused(
            other,
            "it stays in its file, and to compare its features would take reading its decoder as a whole"
                .to_owned(),
        )
    })?;
    Ok(nearest.into_iter().map(listed).collect())
}

/// A neighbour as results have it; in the records of an atlas it is another type.
pub(crate) fn listed(found: set::Neighbour) -> Neighbour {
    Neighbour {
        latent: found.latent,
        cosine: found.cosine,
    }
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
    one == other || (one.is_in_stream() && other.is_in_stream())
}
