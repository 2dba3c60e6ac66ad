//! Ranking of features: at a token, over a prompt, and where a feature is strongest.

use std::collections::BTreeMap;
use std::ops::Range;

pub use display::ranking::{Active, Rows, Specificity, extent, peak, strongest};

use crate::data::{SaeTrace, Trace};
use crate::state::lists::Ranking;

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

/// An SAE's active latents in a prompt.
pub fn rows(sae: &SaeTrace) -> Rows<'_> {
    Rows {
        slots: sae.k,
        n_latents: sae.n_latents,
        latents: &sae.latents,
        activations: &sae.activations,
    }
}

/// The latents of one token, strongest first, as the engine gives them.
pub fn at_token(sae: &SaeTrace, token: usize) -> impl Iterator<Item = Active> + '_ {
    rows(sae).at(token)
}

/// A latent's activation at each of a prompt's tokens.
pub fn along(sae: &SaeTrace, tokens: usize, latent: u32) -> Vec<f32> {
    rows(sae).along(tokens, latent)
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

/// True if a latent is active at a token.
pub fn is_active(sae: &SaeTrace, token: usize, latent: u32) -> bool {
    rows(sae).is_active(token, latent)
}

/// The person's own tokens of a prompt: all but a BOS that was put before it.
fn own(trace: &Trace) -> Range<usize> {
    trace.first_own()..trace.tokens.len()
}

/// The measure of how specific the latents of an SAE are in a prompt.
pub fn specificity(trace: &Trace, sae: &SaeTrace) -> Specificity {
    Specificity::of(rows(sae), own(trace))
}

/// The most specific latent of a token, see [`Specificity`]; nothing where none is active.
pub fn most_specific(trace: &Trace, sae: &SaeTrace, token: usize) -> Option<u32> {
    let best = specificity(trace, sae).best_at(rows(sae), token);
    best.map(|(active, _)| active.latent)
}

/// The selection of a token and a latent, completed where somebody selected neither or one of them.
pub fn choose(
    trace: &Trace,
    sae: &SaeTrace,
    token: Option<usize>,
    latent: Option<u32>,
) -> (usize, Option<u32>) {
    display::ranking::choose(rows(sae), own(trace), token, latent)
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
        let specificity = specificity(&trace, &sae(2, &rows));
        let measure = |latent, activation| specificity.measure(Active { latent, activation });
        let near = |a: f64, b: f64| (a - b).abs() < 1e-12;
        // Four own tokens: active on all of them, on one, on two, and on none.
        assert!(near(measure(1, 4.0), 4.0 * (5.0_f64 / 4.0).ln()));
        assert!(near(measure(2, 2.0), 2.0 * 5.0_f64.ln()));
        assert!(near(measure(3, -1.0), 2.5_f64.ln()));
        assert!(near(measure(9, 1.0), 5.0_f64.ln()));
        assert_eq!(choose(&trace, &sae(2, &rows), None, None), (1, Some(2)));
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
        assert_eq!(choose(&trace, &sae_trace, None, None), (5, Some(4)));
        assert_eq!(choose(&trace, &sae_trace, None, Some(7)), (1, Some(7)));
        assert_eq!(choose(&trace, &sae_trace, None, Some(99)), (5, Some(4)));
        assert_eq!(choose(&trace, &sae_trace, Some(5), None), (5, Some(4)));
        assert_eq!(most_specific(&trace, &sae_trace, 5), Some(4));
        // Where both are everywhere, or nearly, the stronger one.
        assert_eq!(most_specific(&trace, &sae_trace, 3), Some(7));
        assert_eq!(most_specific(&trace, &sae_trace, 99), None);
        assert!(is_active(&sae_trace, 5, 4) && !is_active(&sae_trace, 4, 4));
        assert_eq!(
            choose(&Trace::default(), &sae(2, &[]), None, None),
            (0, None)
        );
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
