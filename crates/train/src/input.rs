//! Activations as the encoder reads them, and what a sample says of them.

use kernels::host;
use serde::Serialize;

use crate::config::InputNormalization;
use crate::error::Error;
use crate::sums::{self, ROWS};
use crate::vectors;

/// Added to a token's standard deviation.
const EPSILON: f32 = 1e-5;

/// A normalisation with what it needs to know.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Normalizer {
    pub(crate) kind: InputNormalization,
    /// The factor of [`InputNormalization::MeanNorm`]; 1 otherwise.
    pub(crate) factor: f32,
}

impl Normalizer {
    /// Writes activations `[rows, width]`, normalised and less a bias, to `output`.
    ///
    /// # Errors
    /// [`Error::NotFinite`].
    pub(crate) fn apply(
        self,
        activations: &[f32],
        bias: &[f32],
        output: &mut [f32],
    ) -> Result<(), Error> {
        let width = bias.len();
        let pieces = output.chunks_mut(ROWS * width);
        host::for_each(
            activations.len() / 2,
            activations.chunks(ROWS * width).zip(pieces),
            || (),
            |(), (from, to)| {
                let rows = from.chunks_exact(width).zip(to.chunks_exact_mut(width));
                host::vectorised(
                    #[inline(always)]
                    || rows.for_each(|(from, to)| self.row(from, bias, to)),
                );
            },
        );
        // What is not finite makes its row so.
        match output.iter().position(|value| !value.is_finite()) {
            None => Ok(()),
            Some(at) => {
                let row = at / width;
                let values = &activations[row * width..(row + 1) * width];
                let dimension = values.iter().position(|value| !value.is_finite());
                let dimension = dimension.unwrap_or(at % width);
                let value = values[dimension];
                Err(Error::NotFinite {
                    row,
                    dimension,
                    value,
                })
            }
        }
    }

    #[inline(always)]
    fn row(self, from: &[f32], bias: &[f32], to: &mut [f32]) {
        let (shift, factor) = match self.kind {
            InputNormalization::None => (0.0, 1.0),
            InputNormalization::MeanNorm => (0.0, self.factor),
            InputNormalization::LayerNorm => {
                let mean = vectors::sum(from) / from.len() as f32;
                for (to, from) in to.iter_mut().zip(from) {
                    *to = from - mean;
                }
                let squares = vectors::dot(to, to);
                let deviation = (squares / (from.len().max(2) - 1) as f32).sqrt();
                (mean, 1.0 / (deviation + EPSILON))
            }
        };
        for ((to, from), bias) in to.iter_mut().zip(from).zip(bias) {
            *to = (from - shift) * factor - bias;
        }
    }
}

/// What a sample says of activations.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct InputStatistics {
    /// Activations that were looked at.
    pub rows: usize,
    /// ‖mean‖ / √(Σ variances), of the activations as they are.
    pub mean_over_spread: f64,
    /// The same after normalisation, as the encoder reads them.
    pub normalised_mean_over_spread: f64,
    /// Mean variance of a dimension, after normalisation.
    pub variance: f64,
    /// The factor of [`InputNormalization::MeanNorm`]; 1 otherwise.
    pub factor: f64,
}

/// Looks at a sample `[rows, width]`.
///
/// # Errors
/// [`Error::Constant`], [`Error::NotFinite`], [`Error::TooFew`] for fewer than two.
pub fn statistics(
    kind: InputNormalization,
    sample: &[f32],
    width: usize,
) -> Result<InputStatistics, Error> {
    let rows = sample.len() / width.max(1);
    if rows < 2 {
        let rows = rows as u64;
        return Err(Error::TooFew { rows, batch: 2 });
    }
    let zero = vec![0.0; width];
    let mut normalised = vec![0.0; sample.len()];
    let as_it_is = Normalizer {
        kind: InputNormalization::None,
        factor: 1.0,
    };
    as_it_is.apply(sample, &zero, &mut normalised)?;
    let ratio = |values: &[f32], after| {
        let (mean, spread) = sums::spread(values, width);
        let length: f64 = mean.iter().map(|value| value * value).sum();
        let spread = spread / rows as f64;
        // f32 rounds a constant vector's normalisation to something near 0.
        let is_constant = spread <= 1e-12 * (length + spread) || spread.sqrt() < 1e-30;
        match is_constant {
            true => Err(Error::Constant { rows, after }),
            false => Ok(((length / spread).sqrt(), spread / width as f64)),
        }
    };
    let (mean_over_spread, _) = ratio(sample, "")?;
    let squares = sample.chunks_exact(width).map(|row| {
        let squares = row.iter().map(|value| f64::from(*value).powi(2));
        squares.sum::<f64>().sqrt()
    });
    let mean_norm = squares.sum::<f64>() / rows as f64;
    let factor = match kind {
        InputNormalization::MeanNorm => (width as f64).sqrt() / mean_norm,
        InputNormalization::LayerNorm | InputNormalization::None => 1.0,
    };
    let normalizer = Normalizer {
        kind,
        factor: factor as f32,
    };
    normalizer.apply(sample, &zero, &mut normalised)?;
    let (normalised_mean_over_spread, variance) = ratio(&normalised, " after normalisation")?;
    Ok(InputStatistics {
        rows,
        mean_over_spread,
        normalised_mean_over_spread,
        variance,
        factor,
    })
}
