//! Places of directions on a plane: on their two principal axes, from where those that are near are drawn together.

use std::ops::Range;

use nalgebra::{DMatrix, DVector, SymmetricEigen};

use super::layout::Layout;
use super::products::Work;
use crate::error::Error;
use crate::features::set::norm;

/// Directions per batch.
const BATCH: usize = 1024;

/// Units of work per direction: reading it twice, and its part in the layout.
pub(super) const WEIGHT: usize = 2 + LAYOUT;
const LAYOUT: usize = 20;

/// Coordinates within −1 to 1 of directions, one per list of `near`, which has the nearest ones and their cosines, the nearest
/// first; `rows` gives the directions as `[latents, width]`. None where the directions do not vary along two axes.
///
/// # Errors
/// Whatever `rows` returns, [`Error::Cancelled`], [`Error::UndefinedWeight`].
pub(super) async fn points(
    work: &Work<'_>,
    near: &[Vec<(u32, f32)>],
    rows: impl AsyncFn(Range<usize>) -> Result<Vec<f32>, Error>,
) -> Result<Option<Vec<[f32; 2]>>, Error> {
    let Some(begin) = principal(work, near.len(), rows).await? else {
        return Ok(None);
    };
    let mut layout = Layout::new(near, &begin);
    loop {
        let (done, epochs) = layout.progress();
        if done == epochs {
            return Ok(Some(layout.finish()));
        }
        work.step().await?;
        layout.step();
        work.add(near.len() * LAYOUT / epochs as usize);
    }
}

/// Coordinates of `count` directions on the two axes of largest variance: each direction scaled to length 1, less the mean of
/// all. Directions that are 0 do not count. Of an axis and its opposite the one is taken whose largest component is positive.
async fn principal(
    work: &Work<'_>,
    count: usize,
    rows: impl AsyncFn(Range<usize>) -> Result<Vec<f32>, Error>,
) -> Result<Option<Vec<[f64; 2]>>, Error> {
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
        coordinates.extend(
            units
                .column_iter()
                .map(|unit| axes.place(&unit.clone_owned())),
        );
        work.add(range.len());
    }
    Ok(Some(coordinates))
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
}

impl Axes {
    fn place(&self, unit: &DVector<f64>) -> [f64; 2] {
        let apart = unit - &self.mean;
        [self.axes[0].dot(&apart), self.axes[1].dot(&apart)]
    }
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
        let [(first, _), (second, small), ..] = order[..] else {
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
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Axes of directions in four dimensions: `a` and its opposite 5 times, `b` and its opposite 3 times, and others.
    fn axes(a: [f32; 4], b: [f32; 4]) -> Axes {
        let mut rows = Vec::new();
        for (row, times) in [(a, 5), (b, 3), ([0.0, 0.0, 0.0, 4.0], 1)] {
            for _ in 0..times {
                // Of any length; a direction that is 0 does not count.
                rows.extend(row.map(|x| 3.0 * x));
                rows.extend(row.map(|x| -0.5 * x));
            }
        }
        rows.extend([0.0; 4]);
        let mut sums = Sums::new(4);
        // In two batches.
        let (one, other) = rows.split_at(4 * 7);
        sums.add(&unit_columns(one, 7).unwrap());
        sums.add(&unit_columns(other, other.len() / 4).unwrap());
        assert_eq!(sums.count, 18.0);
        sums.axes().unwrap()
    }

    #[test]
    fn axes_are_those_of_the_largest_variance() {
        for (a, b) in [
            ([0.0, 1.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0]),
            ([0.6, -0.8, 0.0, 0.0], [0.8, 0.6, 0.0, 0.0]),
            ([0.0, 0.28, 0.96, 0.0], [1.0, 0.0, 0.0, 0.0]),
        ] {
            let found = axes(a, b);
            for (axis, expected) in found.axes.iter().zip([a, b]) {
                let largest = expected
                    .iter()
                    .fold(0.0_f32, |l, x| if x.abs() > l.abs() { *x } else { l });
                for (found, expected) in axis.iter().zip(expected) {
                    let expected = f64::from(expected * largest.signum());
                    assert!((found - expected).abs() < 1e-6, "{axis} not {a:?} or {b:?}");
                }
            }
            let place = found.place(&DVector::from_iterator(4, a.map(f64::from)));
            assert!(
                (place[0].abs() - 1.0).abs() < 1e-6 && place[1].abs() < 1e-6,
                "{place:?}"
            );
        }
    }

    #[test]
    fn what_varies_along_one_line_has_no_plane() {
        let mut sums = Sums::new(3);
        sums.add(&unit_columns(&[1.0, 2.0, 0.0, -1.0, -2.0, 0.0, 2.0, 4.0, 0.0], 3).unwrap());
        assert!(sums.axes().is_none());
        assert!(Sums::new(3).axes().is_none());
        assert!(unit_columns(&[1.0, f32::NAN], 1).is_err());
    }
}
