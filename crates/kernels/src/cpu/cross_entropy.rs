//! Twin of `cross_entropy.wgsl`.

use crate::cpu::Bindings;
use crate::kernel::cross_entropy::{Parameters, STATISTICS_PER_ROW};

pub(crate) fn run(parameters: &Parameters, bindings: &Bindings<'_>) {
    let logits = bindings.f32(1);
    let targets = bindings.u32(2);
    let mut statistics = bindings.f32_mut(3);
    let vocabulary = parameters.vocabulary as usize;
    for (row, (logits, out)) in logits
        .chunks_exact(vocabulary)
        .zip(statistics.as_chunks_mut::<STATISTICS_PER_ROW>().0)
        .take(parameters.rows as usize)
        .enumerate()
    {
        let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let sum: f64 = logits
            .iter()
            .map(|logit| f64::from((logit - largest).exp()))
            .sum();
        let log_sum_exp = (f64::from(largest) + sum.ln()) as f32;
        let target = targets[parameters.first_target as usize + row] as usize;
        let target_logit = logits.get(target).copied();
        out[0] = largest;
        out[1] = log_sum_exp;
        out[2] = target_logit.unwrap_or(0.0);
        out[3] = target_logit.map_or(0.0, |logit| log_sum_exp - logit);
    }
}
