//! Active features of a prompt's tokens: where each is strongest, how specific it is, and which is looked at first.

use std::ops::Range;

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

/// The active latents of each token, as the engine gives them.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a> {
    /// Slots per token in the two lists.
    pub slots: usize,
    /// Latents of the SAE.
    pub n_latents: usize,
    /// `[tokens, slots]`, the strongest first; -1 is an empty slot.
    pub latents: &'a [i32],
    /// `[tokens, slots]`.
    pub activations: &'a [f32],
}

impl<'a> Rows<'a> {
    /// The latents of one token, strongest first.
    pub fn at(self, token: usize) -> impl Iterator<Item = Active> + 'a {
        let row =
            token.saturating_mul(self.slots)..token.saturating_add(1).saturating_mul(self.slots);
        let latents = self.latents.get(row.clone()).unwrap_or_default();
        let activations = self.activations.get(row).unwrap_or_default();
        latents
            .iter()
            .zip(activations)
            .filter_map(|(&latent, &activation)| {
                let latent = u32::try_from(latent).ok()?;
                Some(Active { latent, activation })
            })
    }

    /// A latent's activation at each of a prompt's tokens.
    pub fn along(self, tokens: usize, latent: u32) -> Vec<f32> {
        (0..tokens)
            .map(|token| {
                self.at(token)
                    .find(|active| active.latent == latent)
                    .map_or(0.0, |active| active.activation)
            })
            .collect()
    }

    /// True if a latent is active at a token.
    pub fn is_active(self, token: usize, latent: u32) -> bool {
        self.at(token)
            .any(|active| active.latent == latent && active.activation != 0.0)
    }
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

/// The tokens from `first` on where a latent is largest in magnitude, the largest first; only those where it is not 0.
pub fn strongest(along: &[f32], first: usize, at_most: usize) -> Vec<usize> {
    let mut tokens: Vec<_> = (first..along.len())
        .filter(|&token| along[token] != 0.0)
        .collect();
    tokens.sort_by(|&a, &b| along[b].abs().total_cmp(&along[a].abs()));
    tokens.truncate(at_most);
    tokens
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
    /// For the latents of an SAE in a prompt with these own tokens.
    pub fn of(rows: Rows<'_>, own: Range<usize>) -> Self {
        let mut counts = vec![0; rows.n_latents];
        for token in own.clone() {
            for active in rows.at(token).filter(Active::counts) {
                if let Some(count) = counts.get_mut(active.latent as usize) {
                    *count += 1;
                }
            }
        }
        Self {
            counts,
            own: own.len(),
        }
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
    pub fn best_at(&self, rows: Rows<'_>, token: usize) -> Option<(Active, f64)> {
        rows.at(token)
            .filter(Active::counts)
            .map(|active| (active, self.measure(active)))
            .reduce(|best, next| if next.1 > best.1 { next } else { best })
    }
}

/// Initial selection in a prompt without one: the token and latent that are the most specific, see [`Specificity`]. The very
/// strongest latent is often active everywhere.
pub fn beginning(rows: Rows<'_>, own: Range<usize>) -> Option<(usize, u32)> {
    let specificity = Specificity::of(rows, own.clone());
    own.filter_map(|token| {
        let (active, measure) = specificity.best_at(rows, token)?;
        Some((token, active.latent, measure))
    })
    .reduce(|best, next| if next.2 > best.2 { next } else { best })
    .map(|(token, latent, _)| (token, latent))
}

/// The selection of a token and a latent, completed where somebody selected neither or one of them: a selected latent is shown
/// where it is strongest, at a selected token its most specific latent.
pub fn choose(
    rows: Rows<'_>,
    own: Range<usize>,
    token: Option<usize>,
    latent: Option<u32>,
) -> (usize, Option<u32>) {
    match (token, latent) {
        (None, None) => match beginning(rows, own) {
            Some((token, latent)) => (token, Some(latent)),
            None => (0, None),
        },
        (None, Some(latent)) => {
            let along = rows.along(own.end, latent);
            match (
                strongest(&along, own.start, 1).first(),
                beginning(rows, own),
            ) {
                (Some(&token), _) => (token, Some(latent)),
                // In a text without it there is something else to see.
                (None, Some((token, other))) => (token, Some(other)),
                (None, None) => (0, Some(latent)),
            }
        }
        (Some(token), None) => {
            let best = Specificity::of(rows, own).best_at(rows, token);
            (token, best.map(|(active, _)| active.latent))
        }
        (Some(token), Some(latent)) => (token, Some(latent)),
    }
}
