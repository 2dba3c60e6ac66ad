//! CPU reference of `kl_divergence.wgsl`.

use crate::cpu::cross_entropy::STATISTICS_PER_ROW;
use crate::cpu::simd::{exp, vectorised};
use crate::cpu::{Bindings, parallel};

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
pub(crate) struct Parameters {
    pub rows: u32,
    pub vocabulary: u32,
    pub clean_count: u32,
}

pub(crate) fn run(parameters: &Parameters, use_clean_rows: bool, bindings: &Bindings<'_>) {
    let clean_logits = bindings.f32(1);
    let clean_statistics = bindings.f32(2);
    let edited_logits = bindings.f32(3);
    let edited_statistics = bindings.f32(4);
    let clean_rows = bindings.u32(5);
    let mut divergences = bindings.f32_mut(6);
    let (clean_logits, clean_statistics) = (&*clean_logits, &*clean_statistics);
    let (edited_logits, edited_statistics) = (&*edited_logits, &*edited_statistics);
    let clean_rows = &*clean_rows;
    let vocabulary = parameters.vocabulary as usize;
    let rows = parameters.rows as usize;
    let nanoseconds = 2 * rows * vocabulary;
    parallel::for_each_row(nanoseconds, &mut divergences[..rows], 1, |row, out| {
        let clean_row = if use_clean_rows {
            clean_rows[row] as usize
        } else {
            row
        };
        if clean_row >= parameters.clean_count as usize {
            out[0] = f32::NAN;
            return;
        }
        let log_sum = |statistics: &[f32], row: usize| statistics[row * STATISTICS_PER_ROW + 1];
        out[0] = self::row(
            (
                &clean_logits[clean_row * vocabulary..][..vocabulary],
                log_sum(clean_statistics, clean_row),
            ),
            (
                &edited_logits[row * vocabulary..][..vocabulary],
                log_sum(edited_statistics, row),
            ),
        ) as f32;
    });
}

/// Numbers that are summed side by side.
const LANES: usize = 16;

/// One row, from the logits and their log-sum-exp on either side; the shader has the formula. Terms are f32, sums f64: a mean that is
/// off by a rounding changes the result by that squared.
fn row((clean, clean_log_sum): (&[f32], f32), (edited, edited_log_sum): (&[f32], f32)) -> f64 {
    let [weight, weighted] = sums(clean, edited, |clean, edited| {
        let p = exp(clean - clean_log_sum);
        [p, p * (clean - edited)]
    });
    let mean = weighted / weight;
    let textbook = mean + f64::from(edited_log_sum) - f64::from(clean_log_sum);
    if textbook > 1.0 {
        return textbook;
    }
    let about = mean as f32;
    let [excess, _] = sums(clean, edited, |clean, edited| {
        let log_p = clean - clean_log_sum;
        let p = exp(log_p);
        let e = clean - edited - about;
        let series = e * (1.0 / 120.0 - e * (1.0 / 720.0 - e / 5040.0));
        let near = p * e * e * (0.5 - e * (1.0 / 6.0 - e * (1.0 / 24.0 - series)));
        let far = exp(log_p - e) - p + p * e;
        [if e.abs() < 0.5 { near } else { far }, 0.0]
    });
    (excess / weight).ln_1p()
}

/// Σ of two terms of each pair of logits.
fn sums(clean: &[f32], edited: &[f32], terms: impl Fn(f32, f32) -> [f32; 2]) -> [f64; 2] {
    vectorised(
        #[inline(always)]
        || {
            let (clean, clean_rest) = clean.as_chunks::<LANES>();
            let (edited, edited_rest) = edited.as_chunks::<LANES>();
            let mut first = [0.0_f64; LANES];
            let mut second = [0.0_f64; LANES];
            for (clean, edited) in clean.iter().zip(edited) {
                for lane in 0..LANES {
                    let [a, b] = terms(clean[lane], edited[lane]);
                    first[lane] += f64::from(a);
                    second[lane] += f64::from(b);
                }
            }
            let mut sums = [first.iter().sum(), second.iter().sum()];
            for (clean, edited) in clean_rest.iter().zip(edited_rest) {
                let [a, b] = terms(*clean, *edited);
                sums[0] += f64::from(a);
                sums[1] += f64::from(b);
            }
            sums
        },
    )
}
