//! CPU reference of `kl_divergence.wgsl`.

use crate::cpu::cross_entropy::STATISTICS_PER_ROW;
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
    let nanoseconds = 25 * rows * vocabulary;
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
        let log_sum =
            |statistics: &[f32], row: usize| f64::from(statistics[row * STATISTICS_PER_ROW + 1]);
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

/// One row, from the logits and their log-sum-exp on either side; the shader has the formula.
fn row((clean, clean_log_sum): (&[f32], f64), (edited, edited_log_sum): (&[f32], f64)) -> f64 {
    let terms = || {
        clean.iter().zip(edited).map(|(clean, edited)| {
            let (clean, edited) = (f64::from(*clean), f64::from(*edited));
            (clean - clean_log_sum, clean - edited)
        })
    };
    let (mut weight, mut weighted) = (0.0, 0.0);
    for (log_p, difference) in terms() {
        weight += log_p.exp();
        weighted += log_p.exp() * difference;
    }
    let mean = weighted / weight;
    let textbook = mean + edited_log_sum - clean_log_sum;
    if textbook > 1.0 {
        return textbook;
    }
    let excess: f64 = terms()
        .map(|(log_p, difference)| {
            let e = difference - mean;
            let p = log_p.exp();
            if e.abs() < 0.5 {
                p * e
                    * e
                    * (0.5
                        - e * (1.0 / 6.0
                            - e * (1.0 / 24.0
                                - e * (1.0 / 120.0 - e * (1.0 / 720.0 - e / 5040.0)))))
            } else {
                (log_p - e).exp() - p + p * e
            }
        })
        .sum();
    (excess / weight).ln_1p()
}
