//! What is said of a token on hover.

use std::fmt::Write as _;

use crate::characters::describe_bytes;
use crate::format::fixed;
use crate::layout::Layout;
use crate::marks::quoted;

/// A token of a prompt, with what is known of it.
#[derive(Clone, Debug)]
pub struct TokenFacts<'a> {
    /// Its position, a BOS included.
    pub position: usize,
    /// Its id in the vocabulary.
    pub id: u32,
    /// Its text.
    pub text: &'a str,
    /// True for a BOS before the prompt's own tokens.
    pub is_bos: bool,
    /// True if it does not count in the SAE's numbers.
    pub is_skipped: bool,
    /// A feature, and its activation here as a number for people.
    pub activation: Option<(u32, String)>,
    /// Its loss in nats.
    pub loss: Option<f32>,
}

impl Layout {
    /// A token's facts in a line.
    pub fn title(&self, token: &TokenFacts<'_>) -> String {
        let position = token.position;
        let mut title = quoted(token.text);
        // A String takes whatever is written to it.
        if let Some(bytes) = describe_bytes(self.pieces(position)) {
            let _ = write!(title, " · {bytes}");
        }
        let _ = write!(title, " · position {position} · id {}", token.id);
        if token.is_bos {
            title.push_str(match self.in_prompt(position) {
                true => " · BOS, as typed",
                false => " · BOS, put before the prompt",
            });
        }
        if token.is_skipped {
            title.push_str(" · does not count in the SAE's numbers");
        }
        if let Some((latent, activation)) = &token.activation {
            let _ = write!(title, " · activation of feature {latent}: {activation}");
        }
        if let Some(loss) = token.loss {
            let _ = write!(title, " · loss {} nats", fixed(loss.into(), 3));
        }
        title
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_is_known() {
        let layout = Layout::new("a", &["<|endoftext|>", "a"], 1);
        let token = TokenFacts {
            position: 1,
            id: 64,
            text: "a",
            is_bos: false,
            is_skipped: true,
            activation: Some((9, "1.250".to_owned())),
            loss: Some(0.5),
        };
        assert_eq!(
            layout.title(&token),
            "“a” · position 1 · id 64 · does not count in the SAE's numbers · activation of feature 9: 1.250 · loss 0.500 nats"
        );
        let bos = TokenFacts {
            position: 0,
            text: "<|endoftext|>",
            is_bos: true,
            is_skipped: false,
            activation: None,
            loss: None,
            ..token
        };
        assert_eq!(
            layout.title(&bos),
            "“<|endoftext|>” · position 0 · id 64 · BOS, put before the prompt"
        );
    }
}
