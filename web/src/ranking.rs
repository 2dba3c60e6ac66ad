//! Ranking of features: at a token, over a prompt, and where a feature is strongest.

use std::collections::BTreeMap;

use crate::data::{SaeTrace, Trace};
use crate::state::url::Ranking;

/// A latent that is active on a token.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Active {
    /// The latent.
    pub latent: u32,
    /// Its activation.
    pub activation: f32,
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
        Ranking::Max => b.max.total_cmp(&a.max),
        Ranking::Mean => b.mean.total_cmp(&a.mean),
        Ranking::Count => b.count.cmp(&a.count).then(b.max.total_cmp(&a.max)),
    });
    ranked
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

/// Initial selection in a prompt without one: the latent with the largest activation among those that
/// are active on few tokens, because the very strongest is often active everywhere; and its token.
pub fn beginning(trace: &Trace, sae: &SaeTrace) -> Option<(usize, u32)> {
    let (tokens, first) = (trace.tokens.len(), trace.first_own());
    let ranked = over_prompt(sae, tokens, first, Ranking::Max);
    let few = (tokens - first.min(tokens)).div_ceil(6).max(1);
    let chosen = ranked
        .iter()
        .find(|ranked| ranked.count <= few)
        .or(ranked.first())?;
    let token = strongest(&along(sae, tokens, chosen.latent), first, 1)
        .first()
        .copied()?;
    Some((token, chosen.latent))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Token;
    use proptest::prelude::*;

    fn sae(k: usize, rows: &[&[(i32, f32)]]) -> SaeTrace {
        let mut sae = SaeTrace {
            k,
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
    fn begins_at_a_feature_that_is_not_everywhere() {
        let mut rows: Vec<&[(i32, f32)]> = vec![&[(7, 9.0), (8, 1.0)]; 8];
        rows[5] = &[(7, 9.0), (4, 6.0)];
        let trace = Trace {
            tokens: vec![Token::default(); 8],
            bos_prepended: true,
            ..Trace::default()
        };
        assert_eq!(beginning(&trace, &sae(2, &rows)), Some((5, 4)));
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
