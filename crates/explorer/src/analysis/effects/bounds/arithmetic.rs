//! Sums that bounds are made of, in loops that the compiler makes wide.

use kernels::host;

/// `[rows, vocabulary]`: probabilities.
pub(super) fn softmax(logits: &[f32], vocabulary: usize) -> Vec<f32> {
    let mut values = logits.to_vec();
    for row in values.chunks_exact_mut(vocabulary.max(1)) {
        let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let mut sum = 0.0_f64;
        for value in row.iter_mut() {
            *value = (*value - largest).exp();
            sum += f64::from(*value);
        }
        row.iter_mut()
            .for_each(|value| *value = (f64::from(*value) / sum) as f32);
    }
    values
}

/// `[columns, rows]` of a matrix `[rows, columns]`.
pub(super) fn transposed(matrix: &[f32], columns: usize) -> Vec<f32> {
    let rows = matrix.len() / columns.max(1);
    let mut turned = vec![0.0; matrix.len()];
    for (r, row) in matrix.chunks_exact(columns.max(1)).enumerate() {
        for (c, value) in row.iter().enumerate() {
            turned[c * rows + r] = *value;
        }
    }
    turned
}

pub(super) fn add(sums: &mut [f32], values: &[f32]) {
    sums.iter_mut()
        .zip(values)
        .for_each(|(sum, value)| *sum += value);
}

pub(super) fn subtract(values: &mut [f32], others: &[f32]) {
    values
        .iter_mut()
        .zip(others)
        .for_each(|(value, other)| *value -= other);
}

/// Numbers that are summed side by side.
const LANES: usize = 16;

pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    host::vectorised(
        #[inline(always)]
        || {
            let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
            let mut sums = [0.0_f32; LANES];
            for (a, b) in a.iter().zip(b) {
                for lane in 0..LANES {
                    sums[lane] += a[lane] * b[lane];
                }
            }
            let rest = a_rest.iter().zip(b_rest).map(|(a, b)| a * b);
            sums.iter().sum::<f32>() + rest.sum::<f32>()
        },
    )
}

/// φ(x) where x is small, as its series; the first term that is left out is x⁷ / 5040.
#[inline(always)]
fn near(x: f32) -> f32 {
    let series = x * (1.0 / 24.0 + x * (1.0 / 120.0 + x / 720.0));
    x * x * (0.5 + x * (1.0 / 6.0 + series))
}

/// Σ p·φ(δ − c) and Σ (δ − c)² of some tokens.
pub(super) fn sums(changes: &[f32], probabilities: &[f32], mean: f32) -> [f64; 2] {
    host::vectorised(
        #[inline(always)]
        || {
            let mut sums = [0.0_f64; 2];
            let chunks = changes.chunks(LANES).zip(probabilities.chunks(LANES));
            for (changes, probabilities) in chunks {
                let (mut weighted, mut squares, mut largest) = (0.0_f32, 0.0_f32, 0.0_f32);
                for (change, probability) in changes.iter().zip(probabilities) {
                    let x = change - mean;
                    weighted += probability * near(x);
                    squares += x * x;
                    largest = if x.abs() > largest { x.abs() } else { largest };
                }
                if largest > 0.25 {
                    let terms = changes.iter().zip(probabilities);
                    weighted = terms
                        .map(|(change, probability)| {
                            let x = change - mean;
                            match x.abs() > 0.25 {
                                true => probability * (x.exp() - 1.0 - x),
                                false => probability * near(x),
                            }
                        })
                        .sum();
                }
                sums[0] += f64::from(weighted);
                sums[1] += f64::from(squares);
            }
            sums
        },
    )
}
