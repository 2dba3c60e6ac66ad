//! Reconstruction metrics from activations read back. Sums are in f64.

use sae::Normalization;
use wire::Matrix;

/// Rows of an activation and its reconstruction, with what the autoencoder normalised them by.
pub(crate) struct Reconstructed<'a> {
    /// `[rows, width]`.
    pub(crate) activation: &'a [f32],
    /// `[rows, width]`.
    pub(crate) reconstruction: &'a [f32],
    /// `[rows, 2]`: mean and deviation.
    pub(crate) statistics: &'a [f32],
    pub(crate) width: usize,
    /// The normalisation of the autoencoder's input rows.
    pub(crate) normalization: Normalization,
    /// `[rows]`: whether a row counts.
    pub(crate) counted: &'a [bool],
}

/// Added to the deviation in OpenAI's and SAELens's normalisation.
const DEVIATION_EPSILON: f64 = 1e-5;

/// Rows whose variance is less than this share of their mean square differ by rounding alone: f32 holds 24 bits, and an
/// activation is a sum of some thousands of products.
const ROUNDING: f64 = 1e-12;

/// A row of an activation, its reconstruction, and the row's mean and deviation.
type Row<'a> = (&'a [f32], &'a [f32], [f64; 2]);

impl Reconstructed<'_> {
    fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.activation
            .chunks_exact(self.width)
            .zip(self.reconstruction.chunks_exact(self.width))
            .zip(self.statistics.as_chunks::<2>().0)
            .zip(self.counted)
            .filter(|(_, counted)| **counted)
            .map(|(((x, y), statistics), _)| (x, y, statistics.map(f64::from)))
    }

    /// Mean over rows of ‖x − x̂‖² / ‖x‖², raw space; rows that are 0 have none. None where no row has one.
    pub(crate) fn relative_error(&self) -> Option<f64> {
        mean_of(self.rows().filter_map(|(x, y, _)| {
            let norm = dot(x, x);
            (norm != 0.0).then(|| {
                let error = x.iter().zip(y);
                let error: f64 = error
                    .map(|(x, y)| (f64::from(*x) - f64::from(*y)).powi(2))
                    .sum();
                error / norm
            })
        }))
    }

    /// Mean over rows of the cosine of x and x̂, raw space; rows of which one is 0 have none. None where no row has one.
    pub(crate) fn cosine(&self) -> Option<f64> {
        mean_of(self.rows().filter_map(|(x, y, _)| {
            let norms = (dot(x, x) * dot(y, y)).sqrt();
            (norms != 0.0).then(|| dot(x, y) / norms)
        }))
    }

    /// The sums of FVU, in the space the autoencoder was trained in.
    pub(crate) fn sums(&self) -> Sums {
        let mut rows = Vec::new();
        let (mut error, mut squares) = (0.0, 0.0);
        for (x, y, [mean, deviation]) in self.rows() {
            let divisor = divisor(self.normalization, deviation);
            let row: Vec<f64> = x.iter().map(|x| (f64::from(*x) - mean) / divisor).collect();
            for (x, y) in row.iter().zip(y) {
                // A row that does not vary was scaled to nothing, and so was its reconstruction.
                if deviation != 0.0 {
                    error += (x - (f64::from(*y) - mean) / deviation).powi(2);
                }
                squares += x * x;
            }
            rows.push(row);
        }
        // Relative to the first row, so that the mean of equal rows is exactly that row.
        let first = rows
            .first()
            .cloned()
            .unwrap_or_else(|| vec![0.0; self.width]);
        let mut means = first.clone();
        for (at, mean) in means.iter_mut().enumerate() {
            let apart: f64 = rows.iter().map(|row| row[at] - first[at]).sum();
            *mean += apart / rows.len().max(1) as f64;
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
            squares,
        }
    }
}

/// The number by which a row is divided before it is encoded.
fn divisor(normalization: Normalization, deviation: f64) -> f64 {
    match normalization {
        Normalization::None | Normalization::Centred => 1.0,
        Normalization::LayerNorm => deviation + DEVIATION_EPSILON,
        Normalization::Scaled(_) => deviation,
        Normalization::ConstantNorm if deviation > 0.0 => deviation,
        Normalization::ConstantNorm => 1.0,
    }
}

/// Rows of an activation as the encoder reads them, `[rows, width]`; `statistics` are their means and deviations `[rows, 2]`.
pub(crate) fn normalised(
    activation: &Matrix,
    statistics: &[f32],
    normalization: Normalization,
) -> Vec<f32> {
    let rows = activation.data.chunks_exact(activation.cols.max(1));
    let rows = rows.zip(statistics.as_chunks::<2>().0);
    let values = rows.flat_map(|(row, [mean, deviation])| {
        let mean = f64::from(*mean);
        let divisor = divisor(normalization, f64::from(*deviation));
        row.iter()
            .map(move |x| ((f64::from(*x) - mean) / divisor) as f32)
    });
    values.collect()
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    let products = a.iter().zip(b);
    products.map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
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
    /// Σ‖x‖².
    squares: f64,
}

impl Sums {
    /// FVU: Σ‖x − x̂‖² / Σ‖x − x̄‖²; None where the rows do not vary by more than rounding.
    pub(crate) fn fvu(&self) -> Option<f64> {
        let varies = self.variance > ROUNDING * self.squares;
        // NaN is no reason to show nothing.
        (varies || self.variance.is_nan()).then(|| self.error / self.variance)
    }

    /// Adds other rows: about the mean of all, each part's rows vary by what they do about their own and by what that
    /// differs from it.
    pub(crate) fn add(&mut self, other: &Self) {
        let (own, more) = (self.rows as f64, other.rows as f64);
        let all = (own + more).max(1.0);
        self.error += other.error;
        self.variance += other.variance;
        self.squares += other.squares;
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
    mean_of(values.iter().map(|value| f64::from(*value)))
}

/// Mean of those values whose row counts; None of none.
pub(crate) fn counted_mean(values: &[f32], counted: &[bool]) -> Option<f64> {
    let kept = values.iter().zip(counted).filter(|(_, counted)| **counted);
    mean_of(kept.map(|(value, _)| f64::from(*value)))
}

fn mean_of(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (mut sum, mut count) = (0.0, 0_u32);
    for value in values {
        sum += value;
        count += 1;
    }
    (count > 0).then(|| sum / f64::from(count))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reconstructed<'a>(
        activation: &'a [f32],
        reconstruction: &'a [f32],
        statistics: &'a [f32],
        counted: &'a [bool],
    ) -> Reconstructed<'a> {
        Reconstructed {
            activation,
            reconstruction,
            statistics,
            width: activation.len() / counted.len(),
            normalization: Normalization::None,
            counted,
        }
    }

    const PLAIN: [f32; 20] = [
        0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0,
        0.0, 1.0,
    ];

    #[test]
    fn a_perfect_reconstruction_has_no_error() {
        let x = [1.0, 2.0, 3.0, 5.0, -1.0, 0.5];
        let reconstructed = reconstructed(&x, &x, &PLAIN, &[true; 2]);
        assert_eq!(reconstructed.relative_error(), Some(0.0));
        assert_eq!(reconstructed.sums().fvu(), Some(0.0));
        let cosine = reconstructed.cosine().unwrap();
        assert!((cosine - 1.0).abs() < 1e-12, "{cosine}");
    }

    #[test]
    fn the_mean_as_reconstruction_leaves_all_variance_unexplained() {
        let x = [1.0, 0.0, 3.0, 4.0];
        let reconstructed = reconstructed(&x, &[2.0; 4], &PLAIN, &[true; 2]);
        assert_eq!(reconstructed.sums().fvu(), Some(1.0));
    }

    #[test]
    fn sums_of_parts_are_those_of_the_whole() {
        let activation = [1.0, 0.5, 3.0, 4.0, -2.0, 0.0, 7.0, 1.0, 2.5, -3.0];
        let sums = |range: std::ops::Range<usize>| {
            let places = 2 * range.start..2 * range.end;
            let counted = vec![true; range.len()];
            reconstructed(&activation[places], &[0.5; 10], &PLAIN, &counted).sums()
        };
        let mut added = sums(0..1);
        added.add(&sums(1..4));
        added.add(&sums(4..5));
        let (found, whole) = (added.fvu().unwrap(), sums(0..5).fvu().unwrap());
        assert!((found - whole).abs() < 1e-12, "{found} {whole}");
    }

    #[test]
    fn rows_that_do_not_vary_have_no_fvu() {
        for rows in [1, 2, 3, 5, 7, 10] {
            let x = [0.1, 0.7].repeat(rows);
            let y = [0.2, 0.5].repeat(rows);
            let counted = vec![true; rows];
            let found = reconstructed(&x, &y, &PLAIN, &counted);
            assert_eq!(found.sums().fvu(), None, "{rows} rows");
        }
        // Rows that differ by the rounding of an f32 do not vary either.
        let x = [0.1, 0.7, 0.100_000_01, 0.7];
        let found = reconstructed(&x, &[0.0; 4], &PLAIN, &[true; 2]);
        assert_eq!(found.sums().fvu(), None);
    }

    #[test]
    fn an_activation_of_0_has_neither_relative_error_nor_cosine() {
        let x = [0.0, 0.0, 3.0, 4.0];
        let y = [1.0, 0.0, 3.0, 0.0];
        let both = reconstructed(&x, &y, &PLAIN, &[true; 2]);
        assert_eq!(both.relative_error(), Some(16.0 / 25.0));
        assert_eq!(both.cosine(), Some(0.6));
        let none = reconstructed(&x, &y, &PLAIN, &[true, false]);
        assert_eq!((none.relative_error(), none.cosine()), (None, None));
    }

    #[test]
    fn positions_that_do_not_count_are_left_out() {
        let x = [9.0, 9.0, 1.0, 0.0, 7.0, 7.0];
        let y = [0.0, 0.0, 1.0, 0.0, 0.0, 0.0];
        let found = reconstructed(&x, &y, &PLAIN, &[false, true, false]);
        assert_eq!(found.relative_error(), Some(0.0));
        assert_eq!(found.sums().fvu(), None);
        assert_eq!(
            counted_mean(&[5.0, 2.0, 9.0], &[false, true, false]),
            Some(2.0)
        );
        assert_eq!(counted_mean(&[5.0], &[false]), None);
    }

    #[test]
    fn what_is_not_a_number_stays_one() {
        let x = [f32::NAN, 1.0, 1.0, 2.0];
        let found = reconstructed(&x, &[0.0; 4], &PLAIN, &[true; 2]);
        assert!(found.sums().fvu().unwrap().is_nan());
        assert!(found.relative_error().unwrap().is_nan());
        assert!(mean(&[1.0, f32::NAN]).unwrap().is_nan());
    }
}
