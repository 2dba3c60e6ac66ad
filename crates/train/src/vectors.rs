//! Loops over vectors, written so that the compiler makes them wide, in an order that no instruction set changes.

/// Numbers that are summed side by side.
const LANES: usize = 16;

/// `Σ a[i] · b[i]`.
#[inline(always)]
pub(crate) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let (a, b) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    let mut sums = [0.0_f32; LANES];
    for (a, b) in a.0.iter().zip(b.0) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    let rest: f32 = a.1.iter().zip(b.1).map(|(a, b)| a * b).sum();
    fold(sums) + rest
}

/// `sums[i] += factor · values[i]`.
#[inline(always)]
pub(crate) fn add_scaled(sums: &mut [f32], factor: f32, values: &[f32]) {
    for (sum, value) in sums.iter_mut().zip(values) {
        *sum += factor * value;
    }
}

/// Sums of lanes, pairs first.
#[inline(always)]
fn fold(mut sums: [f32; LANES]) -> f32 {
    let mut width = LANES;
    while width > 1 {
        width /= 2;
        for lane in 0..width {
            sums[lane] += sums[lane + width];
        }
    }
    sums[0]
}

/// The length of a vector.
#[inline(always)]
pub(crate) fn norm(values: &[f32]) -> f32 {
    dot(values, values).sqrt()
}

/// Brings a vector to length 1; one of length 0 stays.
#[inline(always)]
pub(crate) fn normalise(values: &mut [f32]) {
    let length = norm(values);
    if length > 0.0 {
        values.iter_mut().for_each(|value| *value /= length);
    }
}

/// `Σ values[i]`.
#[inline(always)]
pub(crate) fn sum(values: &[f32]) -> f32 {
    let (lanes, rest) = values.as_chunks::<LANES>();
    let mut sums = [0.0_f32; LANES];
    for values in lanes {
        for lane in 0..LANES {
            sums[lane] += values[lane];
        }
    }
    fold(sums) + rest.iter().sum::<f32>()
}
