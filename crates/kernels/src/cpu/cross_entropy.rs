//! CPU reference of `cross_entropy.wgsl`.

use crate::cpu::simd::{exp, vectorised};
use crate::cpu::{Bindings, parallel};

/// Numbers a row of statistics has: maximum, log-sum-exp, target's logit, loss in nats.
pub const STATISTICS_PER_ROW: usize = 4;

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
pub(crate) struct Parameters {
    pub rows: u32,
    pub vocabulary: u32,
    pub first_target: u32,
}

pub(crate) fn run(parameters: &Parameters, bindings: &Bindings<'_>) {
    let logits = bindings.f32(1);
    let targets = bindings.u32(2);
    let mut statistics = bindings.f32_mut(3);
    let (logits, targets) = (&*logits, &*targets);
    let vocabulary = parameters.vocabulary as usize;
    let rows = parameters.rows as usize;
    let nanoseconds = rows * vocabulary;
    parallel::for_each_row(
        nanoseconds,
        &mut statistics[..rows * STATISTICS_PER_ROW],
        STATISTICS_PER_ROW,
        |row, out| {
            let logits = &logits[row * vocabulary..][..vocabulary];
            let target = targets[parameters.first_target as usize + row] as usize;
            out.copy_from_slice(&self::row(logits, target));
        },
    );
}

/// The largest logit, the log-sum-exp, the target's logit and its loss.
fn row(logits: &[f32], target: usize) -> [f32; STATISTICS_PER_ROW] {
    let (largest, sum) = exponentials(logits);
    let log_sum_exp = (f64::from(largest) + sum.ln()) as f32;
    let target_logit = logits.get(target).copied();
    [
        largest,
        log_sum_exp,
        target_logit.unwrap_or(0.0),
        target_logit.map_or(0.0, |logit| log_sum_exp - logit),
    ]
}

/// Numbers that are summed side by side.
const LANES: usize = 16;

/// The largest logit m, and Σ exp(logit − m), of which the terms are f32 and the sum f64. A NaN is never the largest, and makes the
/// sum one.
fn exponentials(logits: &[f32]) -> (f32, f64) {
    vectorised(
        #[inline(always)]
        || {
            let larger = |a: f32, b: f32| if b > a { b } else { a };
            let (chunks, rest) = logits.as_chunks::<LANES>();
            let mut largest = [f32::NEG_INFINITY; LANES];
            for chunk in chunks {
                for (largest, logit) in largest.iter_mut().zip(chunk) {
                    *largest = larger(*largest, *logit);
                }
            }
            let largest = largest
                .iter()
                .chain(rest)
                .copied()
                .fold(f32::NEG_INFINITY, larger);
            let mut sums = [0.0_f64; LANES];
            for chunk in chunks {
                for (sum, logit) in sums.iter_mut().zip(chunk) {
                    *sum += f64::from(exp(logit - largest));
                }
            }
            let rest = rest.iter().map(|logit| f64::from(exp(logit - largest)));
            (largest, sums.iter().sum::<f64>() + rest.sum::<f64>())
        },
    )
}
