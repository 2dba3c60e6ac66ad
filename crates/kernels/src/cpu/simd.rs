//! Loops over four lanes, which compile to SSE, NEON or SIMD128, and loops that the compiler makes vectors of.

use wide::f32x4;

/// Runs a loop over plain numbers compiled for the widest vectors that the machine has. It computes the same bits on all of
/// them: nothing is reordered, and no product is fused with a sum.
#[inline(always)]
pub fn vectorised<R>(work: impl FnOnce() -> R) -> R {
    #[cfg(not(target_arch = "wasm32"))]
    {
        static ARCH: std::sync::LazyLock<pulp::Arch> = std::sync::LazyLock::new(pulp::Arch::new);
        ARCH.dispatch(work)
    }
    #[cfg(target_arch = "wasm32")]
    work()
}

/// Coefficients of exp's polynomial in \[-ln 2 / 2, ln 2 / 2\], the highest power first: exp(r) = 1 + r + r² Σ c·rⁿ.
/// Source: Moshier, Cephes Mathematical Library, expf.c; relative error below 2e-7.
const EXP: [f32; 6] = [
    1.987_569_2e-4,
    1.398_2e-3,
    8.333_452e-3,
    4.166_579_6e-2,
    1.666_666_5e-1,
    5e-1,
];

/// exp, in operations that the compiler makes vectors of. 0 below -87.3, where the result would be subnormal; infinite above
/// 88.7; NaN of NaN.
#[inline(always)]
#[expect(
    clippy::excessive_precision,
    reason = "ln 2 in two parts, the first of few bits"
)]
pub(crate) fn exp(x: f32) -> f32 {
    const LARGEST: f32 = 88.722_84;
    const SMALLEST: f32 = -87.336_54;
    // Adding it leaves the nearest whole number in the lowest bits.
    const WHOLE: f32 = 12_582_912.0;
    // A NaN passes both, which `clamp` and `min` would not let it.
    let bounded = if x > LARGEST { LARGEST } else { x };
    let bounded = if bounded < SMALLEST {
        SMALLEST
    } else {
        bounded
    };
    let shifted = bounded * std::f32::consts::LOG2_E + WHOLE;
    let power = shifted - WHOLE;
    let rest = bounded - power * 0.693_359_375 - power * -2.121_944_4e-4;
    let mut sum = EXP[0];
    for coefficient in &EXP[1..] {
        sum = sum * rest + coefficient;
    }
    let value = sum * (rest * rest) + rest + 1.0;
    // Two factors, because 2 to the 128th, which the largest results need, is none.
    let power = (shifted.to_bits() as i32).wrapping_sub(WHOLE.to_bits() as i32);
    let half = power >> 1;
    let two_to = |power: i32| f32::from_bits((power.wrapping_add(127) as u32) << 23);
    let value = value * two_to(half) * two_to(power.wrapping_sub(half));
    if x < SMALLEST {
        0.0
    } else if x > LARGEST {
        f32::INFINITY
    } else {
        value
    }
}

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
    vectorised(
        #[inline(always)]
        || {
            let (chunks, rest) = scores.as_chunks_mut::<16>();
            let mut sums = [0.0; 16];
            for chunk in chunks {
                for (score, sum) in chunk.iter_mut().zip(&mut sums) {
                    *score = exp(*score - largest);
                    *sum += *score;
                }
            }
            let mut sum: f32 = sums.iter().sum();
            for score in rest {
                *score = exp(*score - largest);
                sum += *score;
            }
            sum
        },
    )
}

/// GPT-2's tanh GELU in place: x / (1 + exp(-2 √(2/π) (x + 0.044715 x³))), which is 0.5 x (1 + tanh(…)).
pub(crate) fn gelu_tanh(values: &mut [f32]) {
    vectorised(
        #[inline(always)]
        || {
            for value in values {
                let x = *value;
                let inner = -2.0 * 0.797_884_6 * (x + 0.044_715 * x * x * x);
                // Beyond 80 the exponential overflows; the result is 0 long before.
                let bounded = if inner > 80.0 { 80.0 } else { inner };
                *value = x / (1.0 + exp(bounded));
            }
        },
    );
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
    vectorised(
        #[inline(always)]
        || {
            for value in values {
                let x = *value;
                let z = x.abs() * std::f32::consts::FRAC_1_SQRT_2;
                let t = 1.0 / (1.0 + 0.5 * z);
                let mut fit = 0.0;
                for coefficient in &ERFC {
                    fit = fit * t + coefficient;
                }
                let tail = 0.5 * t * exp(fit - z * z);
                *value = x * if x > 0.0 { 1.0 - tail } else { tail };
            }
        },
    );
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
    fn exponentials_have_the_precision_of_f32() {
        for step in -873_000..=887_000 {
            let x = step as f32 * 1e-4;
            let right = f64::from(x).exp();
            let error = (f64::from(exp(x)) - right).abs();
            assert!(error <= 3e-7 * right, "exp({x}) is {}, not {right}", exp(x));
        }
        assert_eq!(exp(0.0), 1.0);
        assert_eq!(exp(-0.0), 1.0);
        assert_eq!(exp(-100.0), 0.0);
        assert_eq!(exp(f32::NEG_INFINITY), 0.0);
        assert_eq!(exp(100.0), f32::INFINITY);
        assert_eq!(exp(f32::INFINITY), f32::INFINITY);
        assert!(exp(f32::NAN).is_nan());
    }

    #[test]
    fn all_instruction_sets_give_the_same_bits() {
        let values: Vec<f32> = (-1000..1000).map(|step| step as f32 * 0.0137).collect();
        let mut vectors = values.clone();
        gelu_tanh(&mut vectors);
        for (x, vector) in values.iter().zip(&vectors) {
            let mut one = [*x];
            gelu_tanh(&mut one);
            assert_eq!(one[0].to_bits(), vector.to_bits(), "{x}");
        }
        let mut vectors = values.clone();
        let sum = exponentials(&mut vectors, 13.7);
        assert!((f64::from(sum) - vectors.iter().map(|v| f64::from(*v)).sum::<f64>()).abs() < 1e-3);
        for (x, vector) in values.iter().zip(&vectors) {
            assert_eq!(exp(x - 13.7).to_bits(), vector.to_bits(), "{x}");
        }
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
