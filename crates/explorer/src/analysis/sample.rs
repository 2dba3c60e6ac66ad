//! Choosing the next token. A pure function of logits, settings and the generator's state.

use rand_xoshiro::SplitMix64;
use rand_xoshiro::rand_core::Rng;

use crate::error::Error;

/// Uniform in [0, 1). SplitMix64 gives the same numbers from the same seed on every machine and in every version.
fn uniform(random: &mut SplitMix64) -> f64 {
    (random.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
}

/// The settings of sampling.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Sampling {
    /// 0 takes the likeliest token; otherwise logits are divided by it.
    pub(crate) temperature: f32,
    /// Samples among this many likeliest tokens; 0 for all.
    pub(crate) top_k: usize,
    /// Samples among the likeliest tokens that together have this probability; 1 for all.
    pub(crate) top_p: f32,
    /// Logits of tokens that stand in the text already are divided by it where they are positive, and multiplied where not.
    pub(crate) repetition_penalty: f32,
}

/// Checks the sampling options.
///
/// # Errors
/// [`Error::BadOption`].
pub(crate) fn check(options: &Sampling) -> Result<(), Error> {
    let bad = |name, value: f32, expected: &str| Error::BadOption {
        name,
        value: value.to_string(),
        expected: expected.to_owned(),
    };
    if !options.temperature.is_finite() || options.temperature < 0.0 {
        return Err(bad(
            "temperature",
            options.temperature,
            "it must be 0 or a positive number",
        ));
    }
    if !(options.repetition_penalty > 0.0 && options.repetition_penalty.is_finite()) {
        return Err(bad(
            "repetition_penalty",
            options.repetition_penalty,
            "it must be a positive number; 1 changes nothing, 1.2 is usual",
        ));
    }
    if !(options.top_p > 0.0 && options.top_p <= 1.0) {
        return Err(bad(
            "top_p",
            options.top_p,
            "it must be above 0 and at most 1",
        ));
    }
    Ok(())
}

/// Makes tokens that stand in the text already less likely: `seen [vocabulary]` says which, and is empty for none. The rule of
/// CTRL (Keskar et al., 2019): a positive logit is divided by the penalty, another one multiplied.
pub(crate) fn penalise(candidates: &mut [(u32, f32)], seen: &[bool], penalty: f32) {
    if seen.is_empty() {
        return;
    }
    for (id, logit) in candidates {
        if seen.get(*id as usize).copied().unwrap_or(false) {
            *logit = match *logit > 0.0 {
                true => *logit / penalty,
                false => *logit * penalty,
            };
        }
    }
}

/// The next token among candidates with their logits: the likeliest at temperature 0 (ties to the lower id), else a draw from
/// softmax(logits / temperature) cut to top-k and then to top-p. None of none.
pub(crate) fn choose(
    mut candidates: Vec<(u32, f32)>,
    sampling: &Sampling,
    random: &mut SplitMix64,
) -> Option<u32> {
    if sampling.temperature == 0.0 {
        let mut best = *candidates.first()?;
        for candidate in candidates {
            if candidate.1 > best.1 {
                best = candidate;
            }
        }
        return Some(best.0);
    }
    let better = |a: &(u32, f32), b: &(u32, f32)| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0));
    if sampling.top_k > 0 && sampling.top_k < candidates.len() {
        candidates.select_nth_unstable_by(sampling.top_k - 1, better);
        candidates.truncate(sampling.top_k);
    }
    candidates.sort_by(better);
    let largest = f64::from(candidates.first()?.1);
    let temperature = f64::from(sampling.temperature);
    let weights: Vec<f64> = candidates
        .iter()
        .map(|(_, logit)| ((f64::from(*logit) - largest) / temperature).exp())
        .collect();
    let total: f64 = weights.iter().sum();
    let mut kept = 0.0;
    let mut count = 0;
    for weight in &weights {
        kept += weight;
        count += 1;
        if kept >= total * f64::from(sampling.top_p) {
            break;
        }
    }
    let mut left = uniform(random) * kept;
    for ((id, _), weight) in candidates.iter().zip(&weights).take(count) {
        left -= weight;
        if left < 0.0 {
            return Some(*id);
        }
    }
    candidates.get(count.saturating_sub(1)).map(|(id, _)| *id)
}

#[cfg(test)]
mod tests {
    use rand_xoshiro::rand_core::SeedableRng;

    use super::*;

    #[test]
    fn the_numbers_of_a_seed_stay_the_same() {
        let mut random = SplitMix64::seed_from_u64(7);
        let bits: [u64; 3] = std::array::from_fn(|_| uniform(&mut random).to_bits());
        assert_eq!(
            bits,
            [
                0x3fd8_f2f8_7916_4c82,
                0x3f91_30f3_5fd0_f180,
                0x3fec_d308_1017_5625
            ]
        );
    }

    fn options(temperature: f32, top_k: usize, top_p: f32) -> Sampling {
        Sampling {
            temperature,
            top_k,
            top_p,
            repetition_penalty: 1.0,
        }
    }

    /// Of all tokens.
    fn choose(logits: &[f32], sampling: &Sampling, random: &mut SplitMix64) -> u32 {
        let candidates = (0..).zip(logits.iter().copied()).collect();
        super::choose(candidates, sampling, random).unwrap()
    }

    #[test]
    fn no_candidates_are_no_token() {
        for temperature in [0.0, 1.0] {
            let mut random = SplitMix64::seed_from_u64(1);
            let chosen = super::choose(Vec::new(), &options(temperature, 0, 1.0), &mut random);
            assert_eq!(chosen, None);
        }
    }

    #[test]
    fn temperature_zero_takes_the_largest_and_the_lower_of_equals() {
        let mut random = SplitMix64::seed_from_u64(1);
        let chosen = choose(&[0.0, 3.0, 3.0, -1.0], &options(0.0, 0, 1.0), &mut random);
        assert_eq!(chosen, 1);
    }

    #[test]
    fn draws_follow_the_softmax() {
        let mut random = SplitMix64::seed_from_u64(7);
        let logits = [0.0_f32, 1.0, 2.0];
        let mut counts = [0_u32; 3];
        for _ in 0..20_000 {
            counts[choose(&logits, &options(1.0, 0, 1.0), &mut random) as usize] += 1;
        }
        let total: f64 = logits.iter().map(|logit| f64::from(*logit).exp()).sum();
        for (count, logit) in counts.iter().zip(logits) {
            let expected = f64::from(logit).exp() / total;
            assert!((f64::from(*count) / 20_000.0 - expected).abs() < 0.015);
        }
    }

    #[test]
    fn top_k_and_top_p_cut_the_tail() {
        let logits = [0.0_f32, 1.0, 2.0, 3.0];
        let mut random = SplitMix64::seed_from_u64(3);
        for _ in 0..500 {
            assert!(choose(&logits, &options(1.0, 2, 1.0), &mut random) >= 2);
            assert_eq!(choose(&logits, &options(1.0, 0, 0.5), &mut random), 3);
        }
    }

    #[test]
    fn the_same_seed_draws_the_same() {
        let logits: Vec<f32> = (0..50).map(|i| (i as f32 * 0.7).sin()).collect();
        let draw = |seed| {
            let mut random = SplitMix64::seed_from_u64(seed);
            (0..30)
                .map(|_| choose(&logits, &options(0.9, 0, 0.95), &mut random))
                .collect::<Vec<_>>()
        };
        assert_eq!(draw(11), draw(11));
        assert_ne!(draw(11), draw(12));
    }

    #[test]
    fn a_penalty_moves_seen_tokens_down_alone() {
        let mut candidates = vec![(0, 2.0), (1, 3.0), (2, -1.0), (3, -1.0)];
        penalise(&mut candidates, &[false, true, true, false], 2.0);
        assert_eq!(candidates, [(0, 2.0), (1, 1.5), (2, -2.0), (3, -1.0)]);
        let before = candidates.clone();
        penalise(&mut candidates, &[], 2.0);
        assert_eq!(candidates, before);
    }

    #[test]
    fn unusable_settings_are_refused_by_name() {
        let penalty = |repetition_penalty| Sampling {
            repetition_penalty,
            ..options(1.0, 0, 1.0)
        };
        for (settings, name) in [
            (options(-1.0, 0, 1.0), "temperature"),
            (options(f32::NAN, 0, 1.0), "temperature"),
            (options(1.0, 0, 0.0), "top_p"),
            (options(1.0, 0, 1.5), "top_p"),
            (penalty(0.0), "repetition_penalty"),
            (penalty(f32::INFINITY), "repetition_penalty"),
            (penalty(f32::NAN), "repetition_penalty"),
        ] {
            match check(&settings) {
                Err(Error::BadOption { name: found, .. }) => assert_eq!(found, name),
                other => panic!("{other:?}"),
            }
        }
    }
}
