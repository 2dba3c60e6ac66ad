//! The one shape of everything that turns activations into features.

use std::pin::Pin;

use kernels::Buffer;
use wire::Neighbour;

use crate::error::Error;
use crate::features::coder::Coder;
use crate::features::listed::Features;
use crate::pace::Pace;

/// A future of an object-safe trait.
pub(crate) type Later<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + 'a>>;

/// A loaded feature set. Wherever its weights are: a coder for some rows is on the device.
pub(crate) trait FeatureSet {
    /// The coder that serves all rows; None where each activation needs one of its own, which [`FeatureSet::prepare`] makes.
    fn resident(&self) -> Option<&dyn Coder>;

    /// The coder for `activation [rows, width]`: the resident one, unless a set makes one. `also` are latents that it has to
    /// have even where no row selects them.
    ///
    /// # Errors
    /// [`Error::File`], [`Error::Sae`], [`Error::Cancelled`], [`Error::Device`].
    fn prepare<'a>(
        &'a self,
        _pace: &'a Pace,
        _activation: Buffer,
        _rows: usize,
        _also: Vec<u32>,
    ) -> Later<'a, Prepared<'a>> {
        Box::pin(async move {
            let coder = self.resident();
            let coder = coder.ok_or_else(|| Error::missing("the coder of an activation"));
            Ok(Prepared::Resident(coder?))
        })
    }

    /// The coder for an activation of which a row has more active latents than slots: it lists all of them. The usual one
    /// where slots bound what is active.
    ///
    /// # Errors
    /// As [`FeatureSet::prepare`].
    fn list_all<'a>(
        &'a self,
        pace: &'a Pace,
        activation: Buffer,
        rows: usize,
    ) -> Later<'a, Prepared<'a>> {
        self.prepare(pace, activation, rows, Vec::new())
    }

    /// The output direction of a latent and its encoder bias.
    ///
    /// # Errors
    /// As [`FeatureSet::prepare`].
    fn direction<'a>(&'a self, pace: &'a Pace, latent: u32) -> Later<'a, Direction>;

    /// The latents whose decoder directions have the largest cosine with a direction `[d_in]`, the nearest first, `except` left
    /// out; None where looking for them would take a reading of the whole file.
    ///
    /// # Errors
    /// As [`FeatureSet::prepare`].
    fn nearest<'a>(
        &'a self,
        _pace: &'a Pace,
        _direction: &'a [f32],
        _except: Option<u32>,
    ) -> Later<'a, Option<Vec<Neighbour>>> {
        Box::pin(async { Ok(None) })
    }
}

/// A latent's weights.
pub(crate) struct Direction {
    /// `W_dec[latent]`, `[d_in]`.
    pub(crate) direction: Vec<f32>,
    /// `b_enc[latent]`.
    pub(crate) encoder_bias: f32,
}

/// Number of neighbours that are listed.
const NEIGHBOURS: usize = 10;

/// The nearest of all candidates, the nearest first; of equals the lower latent.
pub(crate) fn nearest(candidates: impl Iterator<Item = Neighbour>) -> Vec<Neighbour> {
    let mut nearest: Vec<Neighbour> = candidates.collect();
    nearest.sort_by(|a, b| b.cosine.total_cmp(&a.cosine).then(a.latent.cmp(&b.latent)));
    nearest.truncate(NEIGHBOURS);
    nearest
}

/// Euclidean norm of a direction, summed in f64.
pub(crate) fn norm(direction: &[f32]) -> f32 {
    let squares = direction.iter().map(|x| f64::from(*x).powi(2));
    squares.sum::<f64>().sqrt() as f32
}

/// A coder for some rows.
pub(crate) enum Prepared<'a> {
    /// The set's own.
    Resident(&'a dyn Coder),
    /// One for these rows alone.
    Own {
        coder: Box<dyn Coder>,
        /// The set's latent for each of the coder's, ascending; None where they are the same.
        latents: Option<Vec<u32>>,
    },
}

impl Prepared<'_> {
    pub(crate) fn coder(&self) -> &dyn Coder {
        match self {
            Self::Resident(coder) => *coder,
            Self::Own { coder, .. } => coder.as_ref(),
        }
    }

    /// True if it serves other rows as well.
    pub(crate) fn is_resident(&self) -> bool {
        matches!(self, Self::Resident(_))
    }

    /// The coder's index of a latent of the set.
    ///
    /// # Errors
    /// [`Error::NoSuchIndex`] where the latent was not selected.
    pub(crate) fn index_of(&self, latent: u32) -> Result<u32, Error> {
        match self {
            Self::Own {
                latents: Some(latents),
                ..
            } => match latents.binary_search(&latent) {
                // There are no more of them than latents.
                Ok(index) => Ok(index as u32),
                Err(_) => Err(Error::NoSuchIndex {
                    what: "the selected latent",
                    index: latent as usize,
                    count: latents.len(),
                }),
            },
            Self::Resident(_) | Self::Own { .. } => Ok(latent),
        }
    }

    /// The coder's features with the set's indices.
    ///
    /// # Errors
    /// [`Error::NoSuchIndex`].
    pub(crate) fn remapped(&self, features: Features) -> Result<Features, Error> {
        match self {
            Self::Own {
                latents: Some(latents),
                ..
            } => features.remapped(latents),
            Self::Resident(_) | Self::Own { .. } => Ok(features),
        }
    }
}
