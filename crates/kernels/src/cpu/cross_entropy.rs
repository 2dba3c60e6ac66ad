//! CPU reference of `cross_entropy.wgsl`.

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
    let nanoseconds = 4 * rows * vocabulary;
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
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = logits
        .iter()
        .map(|logit| f64::from((logit - largest).exp()))
        .sum();
    let log_sum_exp = (f64::from(largest) + sum.ln()) as f32;
    let target_logit = logits.get(target).copied();
    [
        largest,
        log_sum_exp,
        target_logit.unwrap_or(0.0),
        target_logit.map_or(0.0, |logit| log_sum_exp - logit),
    ]
}
