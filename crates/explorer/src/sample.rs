//! Choosing the next token. A pure function of logits, settings and the generator's state.

use crate::Error;
use crate::options::GenerateOptions;

/// SplitMix64 (Steele, Lea & Flood, "Fast splittable pseudorandom number generators", 2014): the same numbers from the
/// same seed on every machine and in every version.
pub(crate) struct SplitMix64(u64);

impl SplitMix64 {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Uniform in [0, 1).
    fn next_f64(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// Checks the sampling options.
pub(crate) fn check(options: &GenerateOptions) -> Result<(), Error> {
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
    if !(options.top_p > 0.0 && options.top_p <= 1.0) {
        return Err(bad(
            "top_p",
            options.top_p,
            "it must be above 0 and at most 1",
        ));
    }
    Ok(())
}

/// The next token: the likeliest at temperature 0 (ties to the lower id), else a draw from softmax(logits / temperature)
/// cut to top-k and then to top-p.
pub(crate) fn choose(logits: &[f32], options: &GenerateOptions, random: &mut SplitMix64) -> u32 {
    if options.temperature == 0.0 {
        let mut best = 0;
        for (index, logit) in logits.iter().enumerate() {
            if *logit > logits[best] {
                best = index;
            }
        }
        return best as u32;
    }
    let mut order: Vec<usize> = (0..logits.len()).collect();
    let better = |a: &usize, b: &usize| logits[*b].total_cmp(&logits[*a]).then(a.cmp(b));
    if options.top_k > 0 && options.top_k < order.len() {
        order.select_nth_unstable_by(options.top_k - 1, better);
        order.truncate(options.top_k);
    }
    order.sort_by(better);
    let largest = order.first().map_or(0.0, |index| f64::from(logits[*index]));
    let weights: Vec<f64> = order
        .iter()
        .map(|index| ((f64::from(logits[*index]) - largest) / f64::from(options.temperature)).exp())
        .collect();
    let total: f64 = weights.iter().sum();
    let mut kept = 0.0;
    let mut count = 0;
    for weight in &weights {
        kept += weight;
        count += 1;
        if kept >= total * f64::from(options.top_p) {
            break;
        }
    }
    let mut left = random.next_f64() * kept;
    for (index, weight) in order.iter().zip(&weights).take(count) {
        left -= weight;
        if left < 0.0 {
            return *index as u32;
        }
    }
    order[count.saturating_sub(1)] as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(temperature: f32, top_k: usize, top_p: f32) -> GenerateOptions {
        GenerateOptions {
            temperature,
            top_k,
            top_p,
            ..GenerateOptions::default()
        }
    }

    #[test]
    fn temperature_zero_takes_the_largest_and_the_lower_of_equals() {
        let mut random = SplitMix64::new(1);
        let chosen = choose(&[0.0, 3.0, 3.0, -1.0], &options(0.0, 0, 1.0), &mut random);
        assert_eq!(chosen, 1);
    }

    #[test]
    fn draws_follow_the_softmax() {
        let mut random = SplitMix64::new(7);
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
        let mut random = SplitMix64::new(3);
        for _ in 0..500 {
            assert!(choose(&logits, &options(1.0, 2, 1.0), &mut random) >= 2);
            assert_eq!(choose(&logits, &options(1.0, 0, 0.5), &mut random), 3);
        }
    }

    #[test]
    fn the_same_seed_draws_the_same() {
        let logits: Vec<f32> = (0..50).map(|i| (i as f32 * 0.7).sin()).collect();
        let draw = |seed| {
            let mut random = SplitMix64::new(seed);
            (0..30)
                .map(|_| choose(&logits, &options(0.9, 0, 0.95), &mut random))
                .collect::<Vec<_>>()
        };
        assert_eq!(draw(11), draw(11));
        assert_ne!(draw(11), draw(12));
    }

    #[test]
    fn unusable_settings_are_refused_by_name() {
        for (settings, name) in [
            (options(-1.0, 0, 1.0), "temperature"),
            (options(f32::NAN, 0, 1.0), "temperature"),
            (options(1.0, 0, 0.0), "top_p"),
            (options(1.0, 0, 1.5), "top_p"),
        ] {
            match check(&settings) {
                Err(Error::BadOption { name: found, .. }) => assert_eq!(found, name),
                other => panic!("{other:?}"),
            }
        }
    }
}
