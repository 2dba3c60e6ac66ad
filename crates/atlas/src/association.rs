//! Association of two features that fire on the same tokens: how much more often than independent ones, and how likely chance
//! alone would do as much.
//!
//! The null hypothesis is a permutation: the tokens of one feature are put in random order, which leaves its number of firings. The
//! number of tokens on which both then fire is distributed hypergeometrically, so the share of permutations that do at least as
//! much needs no drawing: it is a sum.

/// Counts of a pair of features over the same tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Tokens in all.
    pub tokens: u64,
    /// Tokens on which one fires.
    pub one: u64,
    /// Tokens on which the other fires.
    pub other: u64,
    /// Tokens on which both fire.
    pub both: u64,
}

impl Counts {
    /// True if there can be such tokens.
    fn is_possible(self) -> bool {
        let Self {
            tokens,
            one,
            other,
            both,
        } = self;
        let either = u128::from(one) + u128::from(other);
        both <= one.min(other)
            && one.max(other) <= tokens
            && either <= u128::from(tokens) + u128::from(both)
    }

    /// ln(p(both) / (p(one) · p(other))), nats. None where both never fire together, or the counts contradict each other.
    pub fn pmi(self) -> Option<f64> {
        let Self {
            tokens,
            one,
            other,
            both,
        } = self;
        (self.is_possible() && both > 0).then(|| {
            (both as f64).ln() + (tokens as f64).ln() - (one as f64).ln() - (other as f64).ln()
        })
    }

    /// PMI ÷ −ln p(both): 1 where the two always fire together, 0 where they are independent. None as for [`Counts::pmi`], and where
    /// both fire on every token.
    pub fn normalised_pmi(self) -> Option<f64> {
        let most = (self.tokens as f64).ln() - (self.both as f64).ln();
        self.pmi().filter(|_| most > 0.0).map(|pmi| pmi / most)
    }

    /// The probability that a random order of one feature's tokens makes both fire together at least as often: the upper tail of the
    /// hypergeometric distribution, exact but for rounding. None where the counts contradict each other.
    pub fn chance(self) -> Option<f64> {
        if !self.is_possible() {
            return None;
        }
        let Self {
            tokens,
            one,
            other,
            both,
        } = self;
        let (tokens, one, other) = (tokens as f64, one as f64, other as f64);
        let both = both as f64;
        // Summed from where the terms decrease, so that nothing small is a difference of large numbers.
        let mode = ((one + 1.0) * (other + 1.0) / (tokens + 2.0)).floor();
        let least = (one + other - tokens).max(0.0);
        if both > mode {
            let next =
                |k: f64| (one - k) * (other - k) / ((k + 1.0) * (tokens - one - other + k + 1.0));
            return Some(sum(log_term(tokens, one, other, both), both, next, 1.0).min(1.0));
        }
        if both <= least {
            return Some(1.0);
        }
        let next = |k: f64| k * (tokens - one - other + k) / ((one - k + 1.0) * (other - k + 1.0));
        let below = sum(
            log_term(tokens, one, other, both - 1.0),
            both - 1.0,
            next,
            -1.0,
        );
        Some((1.0 - below).clamp(0.0, 1.0))
    }
}

/// A probability of one among many tests, times their number, at most 1 (Bonferroni): below 0.05 it would be so for any of them by
/// chance in one of twenty corpora at the most.
pub fn corrected(chance: f64, tests: u64) -> f64 {
    (chance * tests as f64).min(1.0)
}

/// Number of pairs of so many things.
pub fn pairs(things: u64) -> u64 {
    things.saturating_mul(things.saturating_sub(1)) / 2
}

/// ln of the probability that exactly `both` fire together.
fn log_term(tokens: f64, one: f64, other: f64, both: f64) -> f64 {
    log_choose(one, both) + log_choose(tokens - one, other - both) - log_choose(tokens, other)
}

fn log_choose(n: f64, k: f64) -> f64 {
    libm::lgamma(n + 1.0) - libm::lgamma(k + 1.0) - libm::lgamma(n - k + 1.0)
}

/// Sum of terms of which each is the one before times `next` of its place, until they no longer matter.
fn sum(log_first: f64, first: f64, next: impl Fn(f64) -> f64, step: f64) -> f64 {
    let (mut term, mut total, mut k) = (1.0, 1.0, first);
    loop {
        term *= next(k);
        // A term that is 0 is the end of the distribution.
        if term.is_nan() || term <= total * 1e-17 {
            break;
        }
        total += term;
        k += step;
    }
    (log_first + total.ln()).exp()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn choose(n: u64, k: u64) -> u128 {
        if k > n {
            return 0;
        }
        (0..k).fold(1, |product, at| {
            product * u128::from(n - at) / u128::from(at + 1)
        })
    }

    /// The tail as a quotient of whole numbers.
    fn exact(counts: Counts) -> f64 {
        let Counts {
            tokens,
            one,
            other,
            both,
        } = counts;
        let ways = |k: u64| {
            if k > other {
                0
            } else {
                choose(one, k) * choose(tokens - one, other - k)
            }
        };
        let above: u128 = (both..=one.min(other)).map(ways).sum();
        above as f64 / choose(tokens, other) as f64
    }

    proptest! {
        #[test]
        fn the_tail_is_that_of_whole_numbers((tokens, one, other, both) in (1u64..60).prop_flat_map(|tokens| {
            (Just(tokens), 0..=tokens, 0..=tokens)
        }).prop_flat_map(|(tokens, one, other)| {
            (Just(tokens), Just(one), Just(other), (one + other).saturating_sub(tokens)..=one.min(other))
        })) {
            let counts = Counts { tokens, one, other, both };
            let (found, exact) = (counts.chance().unwrap(), exact(counts));
            prop_assert!((found - exact).abs() <= 1e-11 * exact.max(1e-300) + 1e-13, "{counts:?}: {found} instead of {exact}");
        }
    }

    #[test]
    fn permuted_tokens_are_distributed_so() {
        // 40 tokens; one feature fires on the first 9, the other on 12 that are drawn without a place being taken twice.
        let mut state = 7u64;
        let mut next = move |below: u64| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        let trials = 40_000;
        let mut at_least = [0u32; 13];
        for _ in 0..trials {
            let mut tokens: Vec<u64> = (0..40).collect();
            let mut together = 0;
            for drawn in 0..12 {
                let other = drawn + next(40 - drawn as u64) as usize;
                tokens.swap(drawn, other);
                together += usize::from(tokens[drawn] < 9);
            }
            for count in &mut at_least[..=together] {
                *count += 1;
            }
        }
        for both in 0..=9 {
            let counts = Counts {
                tokens: 40,
                one: 9,
                other: 12,
                both,
            };
            let share = f64::from(at_least[both as usize]) / f64::from(trials);
            let chance = counts.chance().unwrap();
            assert!(
                (share - chance).abs() < 0.01,
                "{both}: {share} of the permutations, {chance}"
            );
        }
    }

    #[test]
    fn large_corpora_and_impossible_counts() {
        // From sums of binomial coefficients as fractions of whole numbers.
        let cases = [
            (1_000_000, 2_000, 3_000, 40, 2.959_626_238_915_136e-20),
            (200_000, 500, 500, 10, 7.210_865_541_756_044e-7),
            (1_000_000, 2_000, 3_000, 6, 0.554_722_256_420_155_5),
        ];
        for (tokens, one, other, both, expected) in cases {
            let found = Counts {
                tokens,
                one,
                other,
                both,
            }
            .chance()
            .unwrap();
            assert!(
                (found / expected - 1.0).abs() < 1e-6,
                "{found} instead of {expected}"
            );
        }
        let counts = Counts {
            tokens: 10,
            one: 3,
            other: 3,
            both: 3,
        };
        assert!((counts.pmi().unwrap() - (10f64 / 3.0).ln()).abs() < 1e-12);
        assert!((counts.normalised_pmi().unwrap() - 1.0).abs() < 1e-12);
        let independent = Counts {
            tokens: 100,
            one: 10,
            other: 20,
            both: 2,
        };
        assert!(independent.pmi().unwrap().abs() < 1e-12);
        for impossible in [
            Counts { both: 4, ..counts },
            Counts { one: 11, ..counts },
            Counts {
                one: 9,
                other: 9,
                both: 3,
                ..counts
            },
        ] {
            assert_eq!(
                (impossible.chance(), impossible.pmi()),
                (None, None),
                "{impossible:?}"
            );
        }
        assert_eq!(Counts { both: 0, ..counts }.pmi(), None);
        assert_eq!(Counts { both: 0, ..counts }.chance(), Some(1.0));
        assert_eq!(
            Counts {
                tokens: 0,
                one: 0,
                other: 0,
                both: 0
            }
            .chance(),
            Some(1.0)
        );
        assert_eq!((pairs(0), pairs(1), pairs(4)), (0, 0, 6));
        assert_eq!((corrected(0.01, 6), corrected(0.5, 6)), (0.06, 1.0));
    }
}
