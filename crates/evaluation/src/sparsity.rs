//! Sparsity of what ablating a latent changes in the logits.

/// (‖Δ‖₁ / ‖Δ‖₂)² / (V·T) of differences of logits `[tokens, vocabulary]`, each token's median taken off before: 1 where all entries
/// are equally large, 1/(V·T) where only one is not 0. None where nothing differs.
///
/// Gao et al. (arXiv 2406.04093, section 4.5): the number of vocabulary tokens that an ablation moves, as a share of them.
///
/// # Panics
/// Where `vocabulary` is 0.
pub fn of_effects(differences: &[f32], vocabulary: usize) -> Option<f64> {
    let (mut sum, mut squares) = (0.0, 0.0);
    let mut sorted = Vec::with_capacity(vocabulary);
    for row in differences.chunks_exact(vocabulary) {
        sorted.clear();
        sorted.extend_from_slice(row);
        let median = median(&mut sorted);
        for value in row {
            let apart = f64::from(*value) - median;
            sum += apart.abs();
            squares += apart * apart;
        }
    }
    // A NaN is not hidden.
    (squares > 0.0 || squares.is_nan()).then(|| sum * sum / squares / differences.len() as f64)
}

/// The median; of an even number the mean of the two in the middle.
fn median(values: &mut [f32]) -> f64 {
    let middle = values.len() / 2;
    let even = values.len().is_multiple_of(2);
    let (below, upper, _) = values.select_nth_unstable_by(middle, f32::total_cmp);
    let upper = f64::from(*upper);
    match below.iter().copied().max_by(f32::total_cmp) {
        Some(lower) if even => 0.5 * (f64::from(lower) + upper),
        _ => upper,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_entry_is_sparse_and_equal_ones_are_not() {
        let mut one = vec![0.25; 40];
        one[7] = 1.25;
        let found = of_effects(&one, 10).unwrap();
        assert!((found - 1.0 / 40.0).abs() < 1e-12, "{found}");
        // As many up as down by the same amount.
        let all: Vec<f32> = (0..40)
            .map(|i| if i % 2 == 0 { 3.0 } else { 1.0 })
            .collect();
        assert_eq!(of_effects(&all, 10), Some(1.0));
        assert_eq!(of_effects(&[0.5; 40], 10), None);
        assert!(of_effects(&[0.0, f32::NAN, 1.0], 3).unwrap().is_nan());
    }
}
