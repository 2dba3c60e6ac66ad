//! Ranking of features: at a token, over a prompt, and where a feature is strongest.

use std::collections::BTreeMap;

use crate::data::{SaeTrace, Trace};
use crate::state::lists::Ranking;

/// A latent that is active on a token.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Active {
    /// The latent.
    pub latent: u32,
    /// Its activation.
    pub activation: f32,
}

impl Active {
    /// True for an activation other than 0 that is a number.
    pub fn counts(&self) -> bool {
        self.activation != 0.0 && !self.activation.is_nan()
    }
}

/// A latent over a prompt.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ranked {
    /// The latent.
    pub latent: u32,
    /// Largest activation.
    pub max: f32,
    /// Mean activation over the counted tokens, zeros included.
    pub mean: f32,
    /// Counted tokens on which it is non-zero.
    pub count: usize,
}

/// The latents of one token, strongest first, as the engine gives them.
pub fn at_token(sae: &SaeTrace, token: usize) -> impl Iterator<Item = Active> + '_ {
    let row = token.saturating_mul(sae.k)..token.saturating_add(1).saturating_mul(sae.k);
    let latents = sae.latents.get(row.clone()).unwrap_or_default();
    let activations = sae.activations.get(row).unwrap_or_default();
    latents
        .iter()
        .zip(activations)
        .filter_map(|(&latent, &activation)| {
            let latent = u32::try_from(latent).ok()?;
            Some(Active { latent, activation })
        })
}

/// A latent's activation at each of a prompt's tokens.
pub fn along(sae: &SaeTrace, tokens: usize, latent: u32) -> Vec<f32> {
    (0..tokens)
        .map(|token| {
            at_token(sae, token)
                .find(|active| active.latent == latent)
                .map_or(0.0, |active| active.activation)
        })
        .collect()
}

/// The largest of the counted activations; 0 where there is none.
pub fn peak(along: &[f32], first: usize) -> f32 {
    along
        .iter()
        .skip(first)
        .copied()
        .reduce(f32::max)
        .unwrap_or(0.0)
}

/// The largest magnitude of the counted activations, and whether one is below 0, as a neuron's may be.
pub fn extent(along: &[f32], first: usize) -> (f32, bool) {
    let counted = along.iter().skip(first);
    let largest = counted.clone().map(|value| value.abs()).fold(0.0, f32::max);
    (largest, counted.clone().any(|value| *value < 0.0))
}

/// Every latent that is non-zero on one of the tokens from `first` on, best first; equals go to the lower latent.
pub fn over_prompt(sae: &SaeTrace, tokens: usize, first: usize, ranking: Ranking) -> Vec<Ranked> {
    let mut sums: BTreeMap<u32, (f32, f64, usize)> = BTreeMap::new();
    for token in first..tokens {
        for Active { latent, activation } in at_token(sae, token) {
            let (max, sum, count) = sums.entry(latent).or_insert((activation, 0.0, 0));
            *max = max.max(activation);
            *sum += f64::from(activation);
            *count += usize::from(activation != 0.0);
        }
    }
    let counted = tokens.saturating_sub(first).max(1);
    let mut ranked: Vec<_> = sums
        .into_iter()
        .filter(|&(_, (_, _, count))| count > 0)
        .map(|(latent, (max, sum, count))| {
            let mean = (sum / counted as f64) as f32;
            Ranked {
                latent,
                max,
                mean,
                count,
            }
        })
        .collect();
    // The sort is stable, and the map was in the order of the latents.
    ranked.sort_by(|a, b| match ranking {
        // How specific they are is another question: `rank_by`.
        Ranking::Max | Ranking::Specific => b.max.total_cmp(&a.max),
        Ranking::Mean => b.mean.total_cmp(&a.mean),
        Ranking::Count => b.count.cmp(&a.count).then(b.max.total_cmp(&a.max)),
    });
    ranked
}

/// Puts a prompt's latents in the order of a measure of their largest activation, largest first; equals stay as they are.
pub fn rank_by(ranked: &mut [Ranked], measure: impl Fn(Active) -> f64) {
    ranked.sort_by_cached_key(|one| {
        let active = Active {
            latent: one.latent,
            activation: one.max,
        };
        Descending(measure(active))
    });
}

/// A number that is less the larger it is.
#[derive(Clone, Copy, PartialEq)]
struct Descending(f64);

impl Eq for Descending {}

impl Ord for Descending {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        other.0.total_cmp(&self.0)
    }
}

impl PartialOrd for Descending {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// The tokens from `first` on where a latent is largest in magnitude, the largest first; only those where it is not 0.
pub fn strongest(along: &[f32], first: usize, at_most: usize) -> Vec<usize> {
    let mut tokens: Vec<_> = (first..along.len())
        .filter(|&token| along[token] != 0.0)
        .collect();
    tokens.sort_by(|&a, &b| along[b].abs().total_cmp(&along[a].abs()));
    tokens.truncate(at_most);
    tokens
}

/// True if a latent is active at a token.
pub fn is_active(sae: &SaeTrace, token: usize, latent: u32) -> bool {
    at_token(sae, token).any(|active| active.latent == latent && active.activation != 0.0)
}

/// The measure of how specific a latent is to a token, by its share of this prompt: |a| · ln((1 + N) / n), where a is its
/// activation there, N the number of the prompt's own tokens, and n the number of those on which the latent is active, at
/// least 1. A strong latent that is active everywhere has little of it (ln((1 + N) / N)), one that is active on this token
/// alone has its activation ln(1 + N) times.
pub struct Specificity {
    /// Own tokens on which each latent is active.
    counts: Vec<u32>,
    /// Number of own tokens.
    own: usize,
}

impl Specificity {
    /// For the latents of an SAE in a prompt.
    pub fn of(trace: &Trace, sae: &SaeTrace) -> Self {
        let first = trace.first_own();
        let mut counts = vec![0; sae.n_latents];
        for token in first..trace.tokens.len() {
            for active in at_token(sae, token).filter(Active::counts) {
                if let Some(count) = counts.get_mut(active.latent as usize) {
                    *count += 1;
                }
            }
        }
        let own = trace.tokens.len().saturating_sub(first);
        Self { counts, own }
    }

    /// Number of the prompt's own tokens on which a latent is active.
    pub fn tokens(&self, latent: u32) -> usize {
        let count = self.counts.get(latent as usize).copied();
        count.unwrap_or(0) as usize
    }

    /// The measure for a latent with its activation at a token.
    pub fn measure(&self, active: Active) -> f64 {
        let count = self.tokens(active.latent).max(1);
        let share = (1.0 + self.own as f64) / count as f64;
        f64::from(active.activation.abs()) * share.ln()
    }

    /// The most specific latent of a token, with its measure; of equals the stronger one. Nothing where none is active.
    pub fn best_at(&self, sae: &SaeTrace, token: usize) -> Option<(Active, f64)> {
        at_token(sae, token)
            .filter(Active::counts)
            .map(|active| (active, self.measure(active)))
            .reduce(|best, next| if next.1 > best.1 { next } else { best })
    }
}

/// The most specific latent of a token, see [`Specificity`]; nothing where none is active.
pub fn most_specific(trace: &Trace, sae: &SaeTrace, token: usize) -> Option<u32> {
    let best = Specificity::of(trace, sae).best_at(sae, token);
    best.map(|(active, _)| active.latent)
}

/// Initial selection in a prompt without one: the token and latent that are the most specific, see [`Specificity`]. The very
/// strongest latent is often active everywhere.
pub fn beginning(trace: &Trace, sae: &SaeTrace) -> Option<(usize, u32)> {
    let specificity = Specificity::of(trace, sae);
    (trace.first_own()..trace.tokens.len())
        .filter_map(|token| {
            let (active, measure) = specificity.best_at(sae, token)?;
            Some((token, active.latent, measure))
        })
        .reduce(|best, next| if next.2 > best.2 { next } else { best })
        .map(|(token, latent, _)| (token, latent))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Token;
    use proptest::prelude::*;

    fn sae(k: usize, rows: &[&[(i32, f32)]]) -> SaeTrace {
        let mut sae = SaeTrace {
            k,
            n_latents: 100,
            ..SaeTrace::default()
        };
        for row in rows {
            for at in 0..k {
                let (latent, activation) = row.get(at).copied().unwrap_or((-1, 0.0));
                sae.latents.push(latent);
                sae.activations.push(activation);
            }
        }
        sae
    }

    #[test]
    fn ranks_in_three_ways_and_leaves_the_bos_out() {
        let sae = sae(
            2,
            &[
                &[(9, 90.0)],
                &[(1, 5.0), (2, 3.0)],
                &[(2, 3.0), (3, 2.0)],
                &[(3, 1.0), (2, 1.0)],
            ],
        );
        let mut ranked = over_prompt(&sae, 4, 1, Ranking::Specific);
        rank_by(&mut ranked, |active| -f64::from(active.activation));
        let latents: Vec<_> = ranked.iter().map(|one| one.latent).collect();
        assert_eq!(latents, [3, 2, 1]);
        let order = |ranking| {
            over_prompt(&sae, 4, 1, ranking)
                .iter()
                .map(|ranked| ranked.latent)
                .collect::<Vec<_>>()
        };
        assert_eq!(order(Ranking::Max), [1, 2, 3]);
        assert_eq!(order(Ranking::Mean), [2, 1, 3]);
        assert_eq!(order(Ranking::Count), [2, 3, 1]);
        assert_eq!(along(&sae, 4, 2), [0.0, 3.0, 3.0, 1.0]);
        assert_eq!(strongest(&along(&sae, 4, 2), 1, 2), [1, 2]);
        assert_eq!(at_token(&sae, 0).count(), 1);
        assert_eq!(at_token(&sae, 99).count(), 0);
        assert_eq!(at_token(&sae, usize::MAX).count(), 0);
    }

    #[test]
    fn specificity_is_the_activation_by_the_share_of_the_prompt() {
        let trace = Trace {
            tokens: vec![Token::default(); 5],
            bos_prepended: true,
            ..Trace::default()
        };
        let rows: [&[(i32, f32)]; 5] = [
            &[(1, 9.0)],
            &[(1, 4.0), (2, 2.0)],
            &[(1, 4.0)],
            &[(1, 4.0), (3, 1.0)],
            &[(1, 4.0), (3, -1.0)],
        ];
        let specificity = Specificity::of(&trace, &sae(2, &rows));
        let measure = |latent, activation| specificity.measure(Active { latent, activation });
        let near = |a: f64, b: f64| (a - b).abs() < 1e-12;
        // Four own tokens: active on all of them, on one, on two, and on none.
        assert!(near(measure(1, 4.0), 4.0 * (5.0_f64 / 4.0).ln()));
        assert!(near(measure(2, 2.0), 2.0 * 5.0_f64.ln()));
        assert!(near(measure(3, -1.0), 2.5_f64.ln()));
        assert!(near(measure(9, 1.0), 5.0_f64.ln()));
        assert_eq!(beginning(&trace, &sae(2, &rows)), Some((1, 2)));
    }

    #[test]
    fn begins_at_a_feature_that_is_not_everywhere() {
        let mut rows: Vec<&[(i32, f32)]> = vec![&[(7, 9.0), (8, 1.0)]; 8];
        rows[5] = &[(7, 9.0), (4, 6.0)];
        let trace = Trace {
            tokens: vec![Token::default(); 8],
            bos_prepended: true,
            ..Trace::default()
        };
        let sae_trace = sae(2, &rows);
        assert_eq!(beginning(&trace, &sae_trace), Some((5, 4)));
        assert_eq!(most_specific(&trace, &sae_trace, 5), Some(4));
        // Where both are everywhere, or nearly, the stronger one.
        assert_eq!(most_specific(&trace, &sae_trace, 3), Some(7));
        assert_eq!(most_specific(&trace, &sae_trace, 99), None);
        assert!(is_active(&sae_trace, 5, 4) && !is_active(&sae_trace, 4, 4));
        assert_eq!(beginning(&Trace::default(), &sae(2, &[])), None);
    }

    proptest! {
        #[test]
        fn rankings_hold_the_same_latents(rows in prop::collection::vec(prop::collection::btree_map(0i32..20, 0.01f32..9.0, 0..4), 1..12)) {
            let rows: Vec<Vec<_>> = rows.into_iter().map(|row| row.into_iter().collect()).collect();
            let borrowed: Vec<_> = rows.iter().map(Vec::as_slice).collect();
            let sae = sae(4, &borrowed);
            let sorted = |ranking| {
                let mut latents: Vec<_> = over_prompt(&sae, rows.len(), 0, ranking).iter().map(|ranked| ranked.latent).collect();
                latents.sort_unstable();
                latents
            };
            prop_assert_eq!(sorted(Ranking::Max), sorted(Ranking::Mean));
            prop_assert_eq!(sorted(Ranking::Max), sorted(Ranking::Count));
            for ranked in over_prompt(&sae, rows.len(), 0, Ranking::Max) {
                prop_assert_eq!(ranked.max, peak(&along(&sae, rows.len(), ranked.latent), 0));
            }
        }
    }
}
