//! Coordinates of directions on their two principal axes.

use std::ops::Range;

use nalgebra::{DMatrix, DVector, SymmetricEigen};

use super::products::Work;
use crate::error::Error;
use crate::features::set::norm;

/// Directions per batch.
const BATCH: usize = 1024;

/// Coordinates of directions.
pub(super) struct Points {
    /// Per direction, within −1 to 1.
    pub(super) coordinates: Vec<[f32; 2]>,
    /// Shares of the variance along the two axes.
    pub(super) shares: [f64; 2],
}

/// The coordinates of `count` directions, which `rows` gives as `[latents, width]`: each scaled to length 1, less the mean of
/// all, along the two axes of largest variance. Directions that are 0 stay where they are and do not count. Of an axis and
/// its opposite the one is taken whose largest component is positive. None where there is no second axis.
///
/// # Errors
/// Whatever `rows` returns, [`Error::Cancelled`], [`Error::UndefinedWeight`].
pub(super) async fn points(
    work: &Work<'_>,
    count: usize,
    rows: impl AsyncFn(Range<usize>) -> Result<Vec<f32>, Error>,
) -> Result<Option<Points>, Error> {
    let mut sums: Option<Sums> = None;
    for first in (0..count).step_by(BATCH) {
        work.step().await?;
        let range = first..(first + BATCH).min(count);
        let units = unit_columns(&rows(range.clone()).await?, range.len())?;
        sums.get_or_insert_with(|| Sums::new(units.nrows()))
            .add(&units);
        work.add(range.len());
    }
    let Some(axes) = sums.and_then(Sums::axes) else {
        return Ok(None);
    };
    let mut coordinates = Vec::with_capacity(count);
    for first in (0..count).step_by(BATCH) {
        work.step().await?;
        let range = first..(first + BATCH).min(count);
        let units = unit_columns(&rows(range.clone()).await?, range.len())?;
        coordinates.extend(units.column_iter().map(|unit| {
            let apart = unit - &axes.mean;
            [axes.axes[0].dot(&apart), axes.axes[1].dot(&apart)]
        }));
        work.add(range.len());
    }
    let largest = coordinates
        .iter()
        .flatten()
        .fold(0.0_f64, |largest, x| largest.max(x.abs()));
    if largest == 0.0 {
        return Ok(None);
    }
    let scaled = coordinates
        .iter()
        .map(|point| point.map(|x| (x / largest) as f32));
    Ok(Some(Points {
        coordinates: scaled.collect(),
        shares: axes.shares,
    }))
}

/// Directions `[latents, width]` as columns of length 1.
fn unit_columns(rows: &[f32], count: usize) -> Result<DMatrix<f64>, Error> {
    if rows.iter().any(|value| !value.is_finite()) {
        return Err(Error::UndefinedWeight {
            what: "a direction of the map".to_owned(),
        });
    }
    let width = rows.len() / count.max(1);
    let mut units = Vec::with_capacity(rows.len());
    for row in rows.chunks_exact(width.max(1)) {
        let length = f64::from(norm(row));
        let scale = if length > 0.0 { 1.0 / length } else { 0.0 };
        units.extend(row.iter().map(|value| f64::from(*value) * scale));
    }
    Ok(DMatrix::from_vec(width, count, units))
}

/// Sums over directions of length 1.
struct Sums {
    count: f64,
    sum: DVector<f64>,
    products: DMatrix<f64>,
}

/// The principal axes.
struct Axes {
    mean: DVector<f64>,
    axes: [DVector<f64>; 2],
    shares: [f64; 2],
}

impl Sums {
    fn new(width: usize) -> Self {
        Self {
            count: 0.0,
            sum: DVector::zeros(width),
            products: DMatrix::zeros(width, width),
        }
    }

    fn add(&mut self, units: &DMatrix<f64>) {
        self.count += units.column_iter().filter(|unit| unit.amax() > 0.0).count() as f64;
        self.sum += units.column_sum();
        self.products.gemm(1.0, units, &units.transpose(), 1.0);
    }

    /// None where the directions do not vary along two axes.
    fn axes(self) -> Option<Axes> {
        if self.count < 2.0 {
            return None;
        }
        let mean = self.sum / self.count;
        let covariance = self.products / self.count - &mean * mean.transpose();
        let total = covariance.trace();
        let found = SymmetricEigen::new(covariance);
        let mut order: Vec<(usize, f64)> = found.eigenvalues.iter().copied().enumerate().collect();
        order.sort_by(|a, b| b.1.total_cmp(&a.1));
        let [(first, large), (second, small), ..] = order[..] else {
            return None;
        };
        // What is left by rounding is no axis.
        if small.is_nan() || small <= 1e-12 * total.abs() {
            return None;
        }
        let axis = |index: usize| {
            let axis = found.eigenvectors.column(index).clone_owned();
            if axis
                .get(axis.icamax())
                .is_some_and(|largest| *largest < 0.0)
            {
                -axis
            } else {
                axis
            }
        };
        Some(Axes {
            mean,
            axes: [axis(first), axis(second)],
            shares: [large / total, small / total],
        })
    }
}
