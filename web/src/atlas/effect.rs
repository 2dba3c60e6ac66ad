//! The effect of an ablation on a context: clean and ablated run side by side.

use crate::data::{Edited, NextToken, Trace};

/// Tokens that are named as going up, and as many as going down.
const NAMED: usize = 4;

/// A token whose probability changes.
#[derive(Clone, Debug, PartialEq)]
pub struct Shift {
    /// Decoded bytes.
    pub text: String,
    /// Probability in the clean run.
    pub clean: f32,
    /// Probability in the ablated run.
    pub ablated: f32,
}

/// The effect of an ablation at one token.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Effect {
    /// Mean over the later tokens of ablated − clean loss, nats; nothing where there are none.
    pub loss_change: Option<f64>,
    /// Ablated − clean loss of each later token, nats.
    pub loss_changes: Vec<f32>,
    /// KL(clean ‖ ablated) of the next-token distribution after the ablated token and after each later one, nats.
    pub kl: Vec<f32>,
    /// Tokens that become likelier right after the ablated token, the largest change first.
    pub up: Vec<Shift>,
    /// Tokens that become less likely there.
    pub down: Vec<Shift>,
}

impl Effect {
    /// Mean of the divergences.
    pub fn mean_kl(&self) -> Option<f64> {
        mean(&self.kl)
    }
}

fn mean(values: &[f32]) -> Option<f64> {
    let sum: f64 = values.iter().map(|&value| f64::from(value)).sum();
    (!values.is_empty()).then(|| sum / values.len() as f64)
}

/// Compares two runs of the same tokens, of which one was ablated at a token.
pub fn effect(clean: &Trace, ablated: &Edited, at: usize) -> Effect {
    // Entry i of the losses is that of token i + 1.
    let losses = clean.token_losses.iter().zip(&ablated.token_losses);
    let changes = losses.map(|(clean, ablated)| ablated - clean);
    let loss_changes: Vec<f32> = changes.skip(at).collect();
    let next = |lists: &[Vec<NextToken>]| lists.get(at).cloned().unwrap_or_default();
    let (before, after) = (
        next(&clean.next_by_position),
        next(&ablated.next_by_position),
    );
    // Of a token that only one run lists among its likeliest, the other's probability is not known.
    let mut shifts: Vec<_> = before
        .iter()
        .filter_map(|clean| {
            let ablated = after.iter().find(|next| next.id == clean.id)?;
            Some(Shift {
                text: clean.text.clone(),
                clean: clean.prob,
                ablated: ablated.prob,
            })
        })
        .filter(|shift| shift.ablated != shift.clean)
        .collect();
    let change = |shift: &Shift| shift.ablated - shift.clean;
    shifts.sort_by(|a, b| change(b).total_cmp(&change(a)));
    let up = shifts.iter().filter(|shift| change(shift) > 0.0);
    let down = shifts.iter().rev().filter(|shift| change(shift) < 0.0);
    Effect {
        loss_change: mean(&loss_changes),
        loss_changes,
        kl: ablated
            .kl_by_position
            .get(at..)
            .unwrap_or_default()
            .to_vec(),
        up: up.take(NAMED).cloned().collect(),
        down: down.take(NAMED).cloned().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(list: &[(u32, f32)]) -> Vec<NextToken> {
        let token = |&(id, prob): &(u32, f32)| NextToken {
            id,
            text: format!("t{id}"),
            prob,
            ..NextToken::default()
        };
        list.iter().map(token).collect()
    }

    #[test]
    fn only_what_comes_after_the_ablated_token_counts() {
        let clean = Trace {
            token_losses: vec![1.0, 2.0, 3.0],
            next_by_position: vec![
                next(&[]),
                next(&[(1, 0.5), (2, 0.25), (3, 0.125), (4, 0.1)]),
            ],
            ..Trace::default()
        };
        let ablated = Edited {
            token_losses: vec![1.0, 2.5, 2.75],
            next_by_position: vec![next(&[]), next(&[(2, 0.5), (1, 0.25), (4, 0.1), (9, 0.05)])],
            kl_by_position: vec![0.0, 0.5, 0.25, 0.75],
            ..Edited::default()
        };
        let effect = effect(&clean, &ablated, 1);
        assert_eq!(effect.loss_changes, [0.5, -0.25]);
        assert_eq!(effect.loss_change, Some(0.125));
        assert_eq!(effect.kl, [0.5, 0.25, 0.75]);
        assert_eq!(effect.mean_kl(), Some(0.5));
        let names = |shifts: &[Shift]| {
            shifts
                .iter()
                .map(|one| one.text.clone())
                .collect::<Vec<_>>()
        };
        // 3 and 9 are listed by one run alone, and 4 does not change.
        assert_eq!(names(&effect.up), ["t2"]);
        assert_eq!(names(&effect.down), ["t1"]);
    }

    #[test]
    fn at_the_last_token_no_loss_is_behind_it() {
        let clean = Trace {
            token_losses: vec![1.0],
            ..Trace::default()
        };
        let ablated = Edited {
            token_losses: vec![1.0],
            kl_by_position: vec![0.0, 0.5],
            ..Edited::default()
        };
        let effect = effect(&clean, &ablated, 1);
        assert_eq!((effect.loss_change, effect.mean_kl()), (None, Some(0.5)));
    }
}
