//! Sums over the rows of a batch, in pieces of fixed size that are added in order: the same with any number of threads.

use kernels::host;

/// Rows that one thread sums at a time.
pub(crate) const ROWS: usize = 64;

/// The sum of each column of `values` `[rows, width]`, in f64.
pub(crate) fn columns(values: &[f32], width: usize) -> Vec<f64> {
    let pieces = values.chunks(ROWS * width);
    let mut sums: Vec<Vec<f64>> = pieces.clone().map(|_| vec![0.0; width]).collect();
    host::for_each(
        values.len() / 4,
        pieces.zip(&mut sums),
        || (),
        |(), (piece, sums)| {
            for row in piece.chunks_exact(width) {
                for (sum, value) in sums.iter_mut().zip(row) {
                    *sum += f64::from(*value);
                }
            }
        },
    );
    let mut total = vec![0.0; width];
    for sums in sums {
        for (total, sum) in total.iter_mut().zip(sums) {
            *total += sum;
        }
    }
    total
}

/// Σ ‖row − centre‖².
pub(crate) fn squared_distances(values: &[f32], centre: &[f64]) -> f64 {
    let width = centre.len();
    let pieces = values.chunks(ROWS * width);
    let mut sums = vec![0.0; pieces.len()];
    host::for_each(
        values.len() / 4,
        pieces.zip(&mut sums),
        || (),
        |(), (piece, sum)| {
            for row in piece.chunks_exact(width) {
                for (value, centre) in row.iter().zip(centre) {
                    let difference = f64::from(*value) - centre;
                    *sum += difference * difference;
                }
            }
        },
    );
    sums.iter().sum()
}

/// The mean of each column, and Σ ‖row − mean‖².
pub(crate) fn spread(values: &[f32], width: usize) -> (Vec<f64>, f64) {
    let mut mean = columns(values, width);
    let rows = (values.len() / width.max(1)).max(1) as f64;
    mean.iter_mut().for_each(|sum| *sum /= rows);
    let spread = squared_distances(values, &mean);
    (mean, spread)
}
