//! Effects from the results of runs.

use super::EffectsOptions;
use super::batches::Ablation;
use super::clean::Clean;
use wire::{Effect, Token, TokenChange};

use crate::analysis::compared::logit_difference;
use crate::analysis::metrics::{self, counted_mean};
use crate::analysis::question::Question;
use crate::analysis::set_trace::difference;
use crate::error::Error;
use crate::run::output::HeadOutput;

/// The means to measure effects.
pub(super) struct Measure<'a> {
    pub(super) question: &'a Question<'a>,
    pub(super) options: &'a EffectsOptions,
    pub(super) clean: &'a Clean,
    /// `[latents]`: [`super::direct::direct_weights`].
    pub(super) direct: Option<&'a [f32]>,
    /// `[tokens]`: positions that count for the feature set.
    pub(super) counted: &'a [bool],
}

/// What an ablation changes, from the first position on at which it can.
#[derive(Default)]
pub(super) struct Changes {
    /// The ablated run's losses; none of the token after the last.
    pub(super) losses: Vec<f32>,
    /// KL(clean ‖ ablated).
    pub(super) kl: Vec<f32>,
    /// The most that both are off; empty where they are measured.
    pub(super) errors: Vec<f32>,
}

impl Measure<'_> {
    /// The effects of a batch of ablations, whose rows follow each other. Each begins at the first position that can change.
    ///
    /// # Errors
    /// [`Error::NotANumber`], [`Error::NoSuchIndex`].
    pub(super) fn batch(
        &self,
        head: &HeadOutput,
        ablations: &[Ablation],
    ) -> Result<Vec<Effect>, Error> {
        let tokens = self.counted.len();
        let mut effects = Vec::new();
        let mut first_row = 0;
        for (place, ablation) in ablations.iter().enumerate() {
            let rows = first_row..first_row + tokens - ablation.active.first;
            first_row = rows.end;
            let changes = Changes {
                losses: head.token_losses(rows.clone())?,
                kl: head.divergences(rows.clone())?,
                errors: Vec::new(),
            };
            let log_sum = head.log_sum_exp(rows.end - 1, tokens - 1)?;
            let last = (head.shown(place)?, log_sum);
            effects.push(self.effect(ablation, changes, last)?);
        }
        Ok(effects)
    }

    /// The effect of an ablation, from what changes from the first position on at which it can, and from the logits after the last
    /// token with their log Σ exp.
    ///
    /// # Errors
    /// [`Error::NoSuchIndex`].
    pub(super) fn effect(
        &self,
        Ablation { latent, active }: &Ablation,
        changes: Changes,
        (logits, log_sum): (&[f32], f32),
    ) -> Result<Effect, Error> {
        let first = active.first;
        // What comes before is as in the clean run.
        let clean_losses = &self.clean.token_losses;
        let mut losses = clean_losses[..first.min(clean_losses.len())].to_vec();
        losses.extend(changes.losses);
        let mut kl_by_position = vec![0.0; first];
        kl_by_position.extend(changes.kl);
        let mut errors = Vec::new();
        if changes.errors.iter().any(|error| *error > 0.0) {
            errors.resize(first, 0.0);
            errors.extend(changes.errors);
        }
        let of_losses = metrics::mean(&errors[..losses.len().min(errors.len())]);
        let within = [of_losses, counted_mean(&errors, self.counted)];
        let ablated = self.options.tokens;
        let ablated = ablated.map(|tokens| logit_difference(tokens, logits));
        let ablated = ablated.transpose()?;
        let (up, down) = self.moved(logits, log_sum)?;
        let direct = self.direct.and_then(|direct| direct.get(*latent as usize));
        let direct = direct.map(|weight| {
            -f64::from(active.last) * f64::from(*weight) / f64::from(self.clean.scale)
        });
        Ok(Effect {
            latent: *latent,
            activation: active.activation,
            position: active.position,
            active: active.count,
            loss: difference(metrics::mean(&losses), self.clean.loss),
            kl: counted_mean(&kl_by_position, self.counted),
            within: within.into_iter().flatten().fold(0.0, f64::max),
            logit_difference: difference(ablated, self.clean.logit_difference),
            direct,
            token_losses: losses
                .iter()
                .zip(clean_losses)
                .map(|(a, b)| a - b)
                .collect(),
            kl_by_position,
            errors,
            up,
            down,
        })
    }

    /// The tokens whose logits rise and fall the most.
    fn moved(
        &self,
        logits: &[f32],
        log_sum: f32,
    ) -> Result<(Vec<TokenChange>, Vec<TokenChange>), Error> {
        let vocabulary = &self.question.model()?.vocabulary;
        let clean = &self.clean.logits;
        let probability = |logit: f32, log_sum: f32| (f64::from(logit) - f64::from(log_sum)).exp();
        let token = |(id, logit): &(u32, f32)| {
            let at = |logits| crate::error::index(logits, "the logit of token", *id);
            let ablated = probability(at(logits)?, log_sum);
            let before = probability(at(clean)?, self.clean.log_sum);
            let Token { id, text } = vocabulary.token(*id);
            Ok(TokenChange {
                id,
                text,
                logit: *logit,
                prob: (ablated - before) as f32,
            })
        };
        let changes = logits
            .iter()
            .zip(clean)
            .map(|(ablated, clean)| ablated - clean);
        let [up, down] = outermost(changes, self.options.top);
        let listed = |changes: Vec<(u32, f32)>| -> Result<Vec<TokenChange>, Error> {
            changes.iter().map(token).collect()
        };
        Ok((listed(up)?, listed(down)?))
    }
}

/// The largest positive changes with their indices, the largest first, and the largest negative ones; of equals the one with the
/// lower index first. One reading of the changes: almost none of them is among the `top`.
fn outermost(changes: impl Iterator<Item = f32>, top: usize) -> [Vec<(u32, f32)>; 2] {
    let mut ends = [Vec::new(), Vec::new()];
    if top == 0 {
        return ends;
    }
    // A change has to be larger than the last of a full list; what does not change is in none.
    let mut bounds = [0.0_f32; 2];
    for (index, change) in (0_u32..).zip(changes) {
        for ((end, bound), size) in ends.iter_mut().zip(&mut bounds).zip([change, -change]) {
            if size > *bound {
                let at = end.partition_point(|(_, listed): &(u32, f32)| listed.abs() >= size);
                end.insert(at, (index, change));
                end.truncate(top);
                if let (true, Some((_, last))) = (end.len() == top, end.last()) {
                    *bound = last.abs();
                }
            }
        }
    }
    ends
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_outermost_changes_are_those_of_a_sorted_list() {
        let mut state = 7_u32;
        let changes: Vec<f32> = (0..1000)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                // Many are equal, and many are 0.
                (f64::from(state >> 16) / 65_536.0 * 40.0 - 20.0).round() as f32 / 4.0
            })
            .collect();
        for top in [0, 1, 10, 2000] {
            let found = outermost(changes.iter().copied(), top);
            for (found, sign) in found.iter().zip([1.0, -1.0]) {
                let mut sorted: Vec<(u32, f32)> = (0..).zip(changes.iter().copied()).collect();
                sorted.retain(|(_, change)| sign * change > 0.0);
                sorted.sort_by(|a, b| (sign * b.1).total_cmp(&(sign * a.1)).then(a.0.cmp(&b.0)));
                sorted.truncate(top);
                assert_eq!(*found, sorted, "{top}, {sign}");
            }
        }
    }
}
