//! Labels of an axis whose steps are a prompt's tokens.

use crate::data::Trace;
use crate::display::{Byte, Piece, pieces};

/// A label of an axis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// The token.
    pub token: usize,
    /// Its text, shortened.
    pub text: String,
    /// True if it is the one that is pointed at.
    pub on: bool,
}

/// The labels of an axis: every token's where at most `most` have room, else every second, third, … one's. `on` always has
/// its own, in the place of those that it would cover.
pub fn labels(trace: &Trace, on: Option<usize>, most: usize, characters: usize) -> Vec<Label> {
    let tokens = trace.tokens.len();
    let every = tokens.div_ceil(most.max(1)).max(1);
    let on = on.filter(|&on| on < tokens);
    let label = |token: usize, on: bool| Label {
        token,
        text: match trace.tokens.get(token) {
            _ if token < trace.first_own() => "BOS".to_owned(),
            Some(word) => short(&word.text, characters),
            None => String::new(),
        },
        on,
    };
    let free = |token: &usize| on.is_none_or(|on| token.abs_diff(on) >= every);
    let others = (0..tokens).step_by(every).filter(free);
    let mut labels: Vec<_> = others.map(|token| label(token, false)).collect();
    // The last is drawn over the others.
    labels.extend(on.map(|on| label(on, true)));
    labels
}

/// A token's text with marks for what cannot be seen, cut to so many characters.
fn short(text: &str, characters: usize) -> String {
    let mut whole = String::new();
    for piece in pieces(text) {
        match piece {
            Piece::Text(text) => whole.push_str(&text),
            Piece::Mark(mark, _) => whole.push_str(&mark),
            Piece::Byte(Byte { value, .. }) => whole.push_str(&format!("<0x{value:02X}>")),
        }
    }
    if whole.chars().count() <= characters {
        return whole;
    }
    let cut = whole.chars().take(characters.saturating_sub(1));
    cut.chain(['…']).collect()
}

/// The middle of a token's step along an axis, as a share in percent.
pub fn middle(token: usize, tokens: usize) -> f64 {
    100.0 * (token as f64 + 0.5) / tokens.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Token;

    fn trace(tokens: usize) -> Trace {
        Trace {
            tokens: (0..tokens)
                .map(|token| Token {
                    text: format!(" t{token}"),
                    ..Token::default()
                })
                .collect(),
            bos_prepended: true,
            ..Trace::default()
        }
    }

    #[test]
    fn every_token_has_a_label_where_there_is_room() {
        let texts = |labels: Vec<Label>| {
            let texts = labels.into_iter().map(|label| label.text);
            texts.collect::<Vec<_>>()
        };
        assert_eq!(texts(labels(&trace(3), None, 3, 6)), ["BOS", "␣t1", "␣t2"]);
        assert_eq!(texts(labels(&trace(5), None, 3, 6)), ["BOS", "␣t2", "␣t4"]);
        assert!(labels(&trace(0), Some(0), 3, 6).is_empty());
    }

    #[test]
    fn what_is_pointed_at_has_its_label_and_covers_no_other() {
        let found = labels(&trace(10), Some(5), 5, 6);
        let tokens: Vec<_> = found.iter().map(|label| label.token).collect();
        assert_eq!(tokens, [0, 2, 8, 5]);
        assert_eq!(found.iter().filter(|label| label.on).count(), 1);
    }

    #[test]
    fn a_label_is_cut_and_shows_what_cannot_be_seen() {
        assert_eq!(short(" kingdom", 6), "␣king…");
        assert_eq!(short("\n", 6), "↵");
        assert_eq!(short("a", 1), "a");
    }

    #[test]
    fn a_label_stands_in_the_middle_of_its_step() {
        assert_eq!((middle(0, 4), middle(3, 4)), (12.5, 87.5));
        assert!(middle(0, 0).is_finite());
    }
}
