//! Values of a logit lens at a token.

use crate::data::{Lens, NextToken, Trace};

/// Candidates that are listed for each layer and token.
pub const LISTED: u32 = 5;

/// The likeliest next tokens after `token`, likeliest first.
pub fn best(lens: &Lens, token: usize) -> &[NextToken] {
    lens.next_by_position
        .get(token)
        .map(Vec::as_slice)
        .unwrap_or_default()
}

/// The loss in nats of the token that does follow `token`; the last has none.
pub fn loss_after(lens: &Lens, token: usize) -> Option<f32> {
    lens.token_losses.get(token).copied()
}

/// True if the likeliest token is the one that does follow.
pub fn right(lens: &Lens, trace: &Trace, token: usize) -> bool {
    let actual = trace.tokens.get(token + 1).map(|actual| actual.id);
    actual.is_some() && best(lens, token).first().map(|first| first.id) == actual
}

/// The largest of the layers' mean losses, in nats; 0 where there is none.
pub fn largest_loss(lenses: &[Lens]) -> f32 {
    let losses = lenses.iter().filter_map(|lens| lens.loss);
    // `f64::max` passes over what is not a number.
    losses.fold(0.0, f64::max) as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Token;

    fn next(id: u32, prob: f32) -> NextToken {
        NextToken {
            id,
            prob,
            ..NextToken::default()
        }
    }

    #[test]
    fn the_loss_beside_a_prediction_is_that_of_the_token_that_follows() {
        let trace = Trace {
            tokens: [7, 8, 9]
                .map(|id| Token {
                    id,
                    ..Token::default()
                })
                .to_vec(),
            ..Trace::default()
        };
        let lens = Lens {
            layer: Some(0),
            loss: Some(1.5),
            token_losses: vec![1.0, 2.0],
            next_by_position: vec![
                vec![next(8, 0.5), next(9, 0.1)],
                vec![next(7, 0.4)],
                vec![next(1, 0.3)],
            ],
        };
        assert_eq!(
            [0, 1, 2].map(|at| right(&lens, &trace, at)),
            [true, false, false]
        );
        assert_eq!(
            [0, 1, 2].map(|at| loss_after(&lens, at)),
            [Some(1.0), Some(2.0), None]
        );
        assert_eq!(best(&lens, 0).len(), 2);
        assert!(best(&lens, 9).is_empty());
        let unknown = Lens {
            loss: Some(f64::NAN),
            ..Lens::default()
        };
        assert_eq!(largest_loss(&[lens, unknown]), 1.5);
        assert_eq!(largest_loss(&[]), 0.0);
    }
}
