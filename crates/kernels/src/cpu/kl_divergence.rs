//! Twin of `kl_divergence.wgsl`.

use crate::cpu::Bindings;
use crate::kernel::cross_entropy::STATISTICS_PER_ROW;
use crate::kernel::kl_divergence::Parameters;

pub(crate) fn run(parameters: &Parameters, bindings: &Bindings<'_>) {
    let clean_logits = bindings.f32(1);
    let clean_statistics = bindings.f32(2);
    let edited_logits = bindings.f32(3);
    let edited_statistics = bindings.f32(4);
    let mut divergences = bindings.f32_mut(5);
    let vocabulary = parameters.vocabulary as usize;
    for (row, divergence) in divergences
        .iter_mut()
        .take(parameters.rows as usize)
        .enumerate()
    {
        let clean_log_sum = clean_statistics[row * STATISTICS_PER_ROW + 1];
        let edited_log_sum = edited_statistics[row * STATISTICS_PER_ROW + 1];
        let places = row * vocabulary..(row + 1) * vocabulary;
        let sum: f64 = clean_logits[places.clone()]
            .iter()
            .zip(&edited_logits[places])
            .map(|(clean, edited)| {
                let clean = clean - clean_log_sum;
                let edited = edited - edited_log_sum;
                f64::from(clean.exp() * (clean - edited))
            })
            .sum();
        *divergence = sum as f32;
    }
}
