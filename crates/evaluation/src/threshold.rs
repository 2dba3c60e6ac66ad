//! JumpReLU at test time: one threshold instead of the k largest of each token.

/// The threshold above which so many of the pre-activations are as the mean number of active latents asks for: the `active`-th largest
/// of all is the last one above it. `strongest` are each token's largest pre-activations, more of them than any token has above the
/// threshold, `active` the number of active latents of all tokens together. The threshold is the middle between the last one above
/// and the first one below, and at least 0. None where there are fewer positive ones than `active`.
///
/// Gao et al. (arXiv 2406.04093, section 5.3) choose the threshold so that L0 is the same on average.
pub fn of_equal_l0(strongest: &[f32], active: usize) -> Option<f32> {
    let mut values: Vec<f32> = strongest
        .iter()
        .copied()
        .filter(|value| *value > 0.0)
        .collect();
    if active == 0 || values.len() < active {
        return None;
    }
    let place = active - 1;
    let (_, last, below) = values.select_nth_unstable_by(place, |a, b| b.total_cmp(a));
    let next = below.iter().copied().max_by(f32::total_cmp).unwrap_or(0.0);
    let middle = 0.5 * (*last + next);
    // Of neighbouring numbers the middle may be the upper one, which would not be above itself.
    Some(if middle < *last { middle } else { next })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_are_above_it() {
        let values: Vec<f32> = (0..100).map(|i| ((i * 37) % 100) as f32 / 10.0).collect();
        for active in [1, 2, 50, 98, 99] {
            let threshold = of_equal_l0(&values, active).unwrap();
            let above = values.iter().filter(|value| **value > threshold).count();
            assert_eq!(above, active);
        }
        // 0 is not active.
        assert_eq!(of_equal_l0(&values, 100), None);
        assert_eq!(of_equal_l0(&values, 0), None);
        let neighbours = [1.0, f32::from_bits(1.0_f32.to_bits() - 1)];
        let threshold = of_equal_l0(&neighbours, 1).unwrap();
        assert_eq!(
            neighbours
                .iter()
                .filter(|value| **value > threshold)
                .count(),
            1
        );
    }
}
