//! Loops over four lanes, which compile to SSE, NEON or SIMD128.

use wide::f32x4;

/// `Σ a[i] · b[i]` over the shorter of the two.
pub(crate) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let length = a.len().min(b.len());
    let (a_chunks, a_rest) = a[..length].as_chunks::<4>();
    let (b_chunks, b_rest) = b[..length].as_chunks::<4>();
    let (a_pairs, a_last) = a_chunks.as_chunks::<2>();
    let (b_pairs, b_last) = b_chunks.as_chunks::<2>();
    let mut even = f32x4::ZERO;
    let mut odd = f32x4::ZERO;
    for (a, b) in a_pairs.iter().zip(b_pairs) {
        even += f32x4::from(a[0]) * f32x4::from(b[0]);
        odd += f32x4::from(a[1]) * f32x4::from(b[1]);
    }
    for (a, b) in a_last.iter().zip(b_last) {
        even += f32x4::from(*a) * f32x4::from(*b);
    }
    let tail: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    (even + odd).reduce_add() + tail
}

/// `sums[i] += factor · values[i]` over the shorter of the two.
pub(crate) fn add_scaled(sums: &mut [f32], factor: f32, values: &[f32]) {
    let length = sums.len().min(values.len());
    let (sum_chunks, sum_rest) = sums[..length].as_chunks_mut::<4>();
    let (value_chunks, value_rest) = values[..length].as_chunks::<4>();
    let lanes = f32x4::splat(factor);
    for (sum, value) in sum_chunks.iter_mut().zip(value_chunks) {
        *sum = (f32x4::from(*sum) + lanes * f32x4::from(*value)).to_array();
    }
    for (sum, value) in sum_rest.iter_mut().zip(value_rest) {
        *sum += factor * value;
    }
}

/// Columns that [`write_columns`] writes at a time: with 16, whole cache lines of a row.
pub(crate) const COLUMNS_AT_ONCE: usize = 16;

/// Writes `columns`, one after the other, into a row-major matrix of `width` columns from column `first` on:
/// `matrix[r · width + first + c] = columns[c · rows + r]`. Columns that the matrix does not have are left out.
pub(crate) fn write_columns(matrix: &mut [f32], width: usize, first: usize, columns: &[f32]) {
    let rows = matrix.len() / width.max(1);
    let count = (columns.len() / rows.max(1)).min(width.saturating_sub(first));
    let whole = count - count % COLUMNS_AT_ONCE;
    for column in (0..whole).step_by(COLUMNS_AT_ONCE) {
        let columns: [(&[[f32; 4]], &[f32]); COLUMNS_AT_ONCE] =
            std::array::from_fn(|i| columns[(column + i) * rows..][..rows].as_chunks());
        let place = first + column;
        let mut matrix_rows = matrix.chunks_exact_mut(width);
        for four in 0..rows / 4 {
            let mut places = [(); 4].map(|()| {
                matrix_rows
                    .next()
                    .map_or(&mut [][..], |row| &mut row[place..place + COLUMNS_AT_ONCE])
            });
            for group in 0..COLUMNS_AT_ONCE / 4 {
                let values = std::array::from_fn(|i| f32x4::from(columns[group * 4 + i].0[four]));
                let transposed = f32x4::transpose(values);
                for (place, values) in places.iter_mut().zip(transposed) {
                    place[group * 4..group * 4 + 4].copy_from_slice(&values.to_array());
                }
            }
        }
        for (row, place_in) in matrix_rows.enumerate() {
            for (i, (_, rest)) in columns.iter().enumerate() {
                place_in[place + i] = rest[row];
            }
        }
    }
    for column in whole..count {
        for row in 0..rows {
            matrix[row * width + first + column] = columns[column * rows + row];
        }
    }
}

/// Replaces every score by `exp(score - largest)` and returns their sum.
pub(crate) fn exponentials(scores: &mut [f32], largest: f32) -> f32 {
    let (chunks, rest) = scores.as_chunks_mut::<4>();
    let shift = f32x4::splat(largest);
    let mut sums = f32x4::ZERO;
    for chunk in chunks {
        let values = (f32x4::from(*chunk) - shift).exp();
        sums += values;
        *chunk = values.to_array();
    }
    let mut sum = sums.reduce_add();
    for score in rest {
        *score = (*score - largest).exp();
        sum += *score;
    }
    sum
}

/// GPT-2's tanh GELU in place: x / (1 + exp(-2 √(2/π) (x + 0.044715 x³))), which is 0.5 x (1 + tanh(…)).
pub(crate) fn gelu_tanh(values: &mut [f32]) {
    in_place(values, |x| {
        let inner = f32x4::splat(-2.0 * 0.797_884_6) * (x + f32x4::splat(0.044_715) * x * x * x);
        // Beyond 80 the exponential overflows; the result is 0 long before.
        let bounded = inner
            .fast_min(f32x4::splat(80.0))
            .fast_max(f32x4::splat(-80.0));
        x / (f32x4::ONE + bounded.exp())
    });
}

/// The coefficients of erfc's Chebyshev fit, the highest power first: erfc(z) = t·exp(−z² + Σ c·tⁿ) with
/// t = 1/(1 + z/2) for z ≥ 0. Press et al., Numerical Recipes, 2nd ed., section 6.2 (erfcc); relative error below 1.2e-7.
#[expect(clippy::excessive_precision, reason = "the digits of the source")]
const ERFC: [f32; 10] = [
    0.170_872_77,
    -0.822_152_23,
    1.488_515_87,
    -1.135_203_98,
    0.278_868_07,
    -0.186_288_06,
    0.096_784_18,
    0.374_091_96,
    1.000_023_68,
    -1.265_512_23,
];

/// Exact GELU in place: x·Φ(x), with Φ(x) = erfc(−x/√2)/2.
pub(crate) fn gelu(values: &mut [f32]) {
    in_place(values, |x| {
        let z = x.abs() * f32x4::splat(std::f32::consts::FRAC_1_SQRT_2);
        let t = f32x4::ONE / (f32x4::ONE + f32x4::splat(0.5) * z);
        let fit = ERFC
            .iter()
            .fold(f32x4::ZERO, |sum, &c| sum * t + f32x4::splat(c));
        // Beyond 80 it is 0 long before.
        let exponent = (fit - z * z).fast_max(f32x4::splat(-80.0));
        let tail = f32x4::splat(0.5) * t * exponent.exp();
        x * x.simd_gt(f32x4::ZERO).select(f32x4::ONE - tail, tail)
    });
}

/// Applies a function of four lanes to every value.
fn in_place(values: &mut [f32], lanes: impl Fn(f32x4) -> f32x4) {
    let (chunks, rest) = values.as_chunks_mut::<4>();
    for chunk in chunks {
        *chunk = lanes(f32x4::from(*chunk)).to_array();
    }
    let mut last = [0.0; 4];
    last[..rest.len()].copy_from_slice(rest);
    let last = lanes(f32x4::from(last)).to_array();
    rest.copy_from_slice(&last[..rest.len()]);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// erf by its Taylor series, exact in f64 for |x| up to 4.
    fn erf(x: f64) -> f64 {
        let (mut term, mut sum) = (x, x);
        for n in 1..200 {
            let n = f64::from(n);
            term *= -x * x / n;
            sum += term / (2.0 * n + 1.0);
        }
        sum * 2.0 / std::f64::consts::PI.sqrt()
    }

    #[test]
    fn exact_gelu_has_the_precision_of_f32() {
        // A value known to more digits: 1·Φ(1).
        assert!(
            (0.5 * (1.0 + erf(std::f64::consts::FRAC_1_SQRT_2)) - 0.841_344_746_068_543).abs()
                < 1e-15
        );
        for step in -55_000..=55_000 {
            let x = step as f32 * 1e-4;
            let exact = f64::from(x);
            let right = 0.5 * exact * (1.0 + erf(exact * std::f64::consts::FRAC_1_SQRT_2));
            let mut values = [x];
            gelu(&mut values);
            let error = (f64::from(values[0]) - right).abs();
            assert!(
                error <= 3e-7 * exact.abs(),
                "gelu({x}) is {}, not {right}",
                values[0]
            );
        }
    }

    #[test]
    fn gelu_of_large_numbers_and_of_none() {
        let mut values = [-1e30, -40.0, 0.0, 40.0, 1e30, f32::NAN];
        gelu(&mut values);
        assert!(
            values[0].abs() < 1e-4 && values[1].abs() < 1e-30,
            "{values:?}"
        );
        assert_eq!(values[2..5], [0.0, 40.0, 1e30]);
        assert!(values[5].is_nan());
    }
}
