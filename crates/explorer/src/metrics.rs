//! What an autoencoder loses, from activations read back. Sums are in f64.

use sae::Normalization;

/// Rows of an activation and its reconstruction, with what the autoencoder normalised them by.
pub(crate) struct Reconstructed<'a> {
    /// `[rows, width]`.
    pub(crate) activation: &'a [f32],
    /// `[rows, width]`.
    pub(crate) reconstruction: &'a [f32],
    /// `[rows, 2]`: mean and deviation.
    pub(crate) statistics: &'a [f32],
    pub(crate) width: usize,
    /// What the autoencoder does to its input rows.
    pub(crate) normalization: Normalization,
    /// The first row that counts.
    pub(crate) first: usize,
}

/// Added to the deviation in OpenAI's and SAELens's normalisation.
const DEVIATION_EPSILON: f64 = 1e-5;

impl Reconstructed<'_> {
    fn rows(&self) -> impl Iterator<Item = (&[f32], &[f32], &[f32])> {
        self.activation
            .chunks_exact(self.width)
            .zip(self.reconstruction.chunks_exact(self.width))
            .zip(self.statistics.as_chunks::<2>().0)
            .map(|((x, y), statistics)| (x, y, statistics.as_slice()))
            .skip(self.first)
    }

    /// Mean over rows of ‖x − x̂‖² / ‖x‖², raw space.
    pub(crate) fn relative_error(&self) -> f64 {
        let mut sum = 0.0;
        let mut count = 0;
        for (x, y, _) in self.rows() {
            let error: f64 = x
                .iter()
                .zip(y)
                .map(|(x, y)| (f64::from(*x) - f64::from(*y)).powi(2))
                .sum();
            let norm: f64 = x.iter().map(|x| f64::from(*x).powi(2)).sum();
            sum += error / norm;
            count += 1;
        }
        sum / f64::from(count)
    }

    /// What FVU is made of, in the space the autoencoder was trained in.
    pub(crate) fn sums(&self) -> Sums {
        let mut rows = Vec::new();
        let mut error = 0.0;
        for (x, y, statistics) in self.rows() {
            let (mean, deviation) = (f64::from(statistics[0]), f64::from(statistics[1]));
            let divisor = match self.normalization {
                Normalization::None | Normalization::Centred => 1.0,
                Normalization::LayerNorm => deviation + DEVIATION_EPSILON,
                Normalization::Scaled(_) => deviation,
                Normalization::ConstantNorm if deviation > 0.0 => deviation,
                Normalization::ConstantNorm => 1.0,
            };
            let row: Vec<f64> = x.iter().map(|x| (f64::from(*x) - mean) / divisor).collect();
            for (x, y) in row.iter().zip(y) {
                // A row that does not vary was scaled to nothing, and so was its reconstruction.
                if deviation > 0.0 {
                    error += (x - (f64::from(*y) - mean) / deviation).powi(2);
                }
            }
            rows.push(row);
        }
        let mut means = vec![0.0; self.width];
        for row in &rows {
            for (mean, x) in means.iter_mut().zip(row) {
                *mean += x / rows.len() as f64;
            }
        }
        let variance: f64 = rows
            .iter()
            .flat_map(|row| row.iter().zip(&means))
            .map(|(x, mean)| (x - mean).powi(2))
            .sum();
        Sums {
            rows: rows.len(),
            error,
            means,
            variance,
        }
    }
}

/// Sums over rows, which those over other rows can be added to.
pub(crate) struct Sums {
    rows: usize,
    /// Σ‖x − x̂‖².
    error: f64,
    /// x̄.
    means: Vec<f64>,
    /// Σ‖x − x̄‖².
    variance: f64,
}

impl Sums {
    /// FVU: Σ‖x − x̂‖² / Σ‖x − x̄‖²; None where the rows do not vary.
    pub(crate) fn fvu(&self) -> Option<f64> {
        (self.variance > 0.0).then(|| self.error / self.variance)
    }

    /// Adds other rows: about the mean of all, each part's rows vary by what they do about their own and by what that
    /// differs from it.
    pub(crate) fn add(&mut self, other: &Self) {
        let (own, more) = (self.rows as f64, other.rows as f64);
        let all = (own + more).max(1.0);
        self.error += other.error;
        self.variance += other.variance;
        for (mean, other) in self.means.iter_mut().zip(&other.means) {
            let apart = other - *mean;
            self.variance += apart.powi(2) * own * more / all;
            *mean += apart * more / all;
        }
        self.rows += other.rows;
    }
}

/// Mean of numbers, in f64; None of none.
pub(crate) fn mean(values: &[f32]) -> Option<f64> {
    if values.is_empty() {
        return None;
    }
    Some(values.iter().map(|value| f64::from(*value)).sum::<f64>() / values.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_perfect_reconstruction_has_no_error() {
        let x = [1.0, 2.0, 3.0, 5.0, -1.0, 0.5];
        let reconstructed = Reconstructed {
            activation: &x,
            reconstruction: &x,
            statistics: &[0.0, 1.0, 0.0, 1.0],
            width: 3,
            normalization: Normalization::None,
            first: 0,
        };
        assert_eq!(reconstructed.relative_error(), 0.0);
        assert_eq!(reconstructed.sums().fvu(), Some(0.0));
    }

    #[test]
    fn the_mean_as_reconstruction_leaves_all_variance_unexplained() {
        let reconstructed = Reconstructed {
            activation: &[1.0, 0.0, 3.0, 4.0],
            reconstruction: &[2.0, 2.0, 2.0, 2.0],
            statistics: &[0.0, 1.0, 0.0, 1.0],
            width: 2,
            normalization: Normalization::None,
            first: 0,
        };
        assert_eq!(reconstructed.sums().fvu(), Some(1.0));
    }

    #[test]
    fn sums_of_parts_are_those_of_the_whole() {
        let activation = [1.0, 0.5, 3.0, 4.0, -2.0, 0.0, 7.0, 1.0, 2.5, -3.0];
        let reconstruction = [0.5; 10];
        let sums = |range: std::ops::Range<usize>| {
            let part = Reconstructed {
                activation: &activation[2 * range.start..2 * range.end],
                reconstruction: &reconstruction[2 * range.start..2 * range.end],
                statistics: &[0.0, 1.0].repeat(range.len()),
                width: 2,
                normalization: Normalization::None,
                first: 0,
            };
            part.sums()
        };
        let mut added = sums(0..1);
        added.add(&sums(1..4));
        added.add(&sums(4..5));
        let (found, whole) = (added.fvu().unwrap(), sums(0..5).fvu().unwrap());
        assert!((found - whole).abs() < 1e-12, "{found} {whole}");
    }

    #[test]
    fn rows_that_do_not_vary_have_no_fvu() {
        let reconstructed = Reconstructed {
            activation: &[1.0, 2.0],
            reconstruction: &[0.0, 0.0],
            statistics: &[0.0, 1.0],
            width: 2,
            normalization: Normalization::None,
            first: 0,
        };
        assert_eq!(reconstructed.sums().fvu(), None);
        assert_eq!(reconstructed.relative_error(), 1.0);
    }

    #[test]
    fn positions_before_the_first_do_not_count() {
        let reconstructed = Reconstructed {
            activation: &[9.0, 9.0, 1.0, 0.0],
            reconstruction: &[0.0, 0.0, 1.0, 0.0],
            statistics: &[0.0, 1.0, 0.0, 1.0],
            width: 2,
            normalization: Normalization::None,
            first: 1,
        };
        assert_eq!(reconstructed.relative_error(), 0.0);
    }
}
