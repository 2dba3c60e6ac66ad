//! Prompts as they are given.

/// A prompt: a text, or the tokens of one.
#[derive(Debug, Clone, Copy)]
pub enum Input<'a> {
    /// A text, which is tokenised, with a BOS before it where one belongs.
    Text(&'a str),
    /// Tokens as they are, a BOS included: those of a [`crate::Trace`], so that later questions are about the same ones.
    Tokens(&'a [u32]),
}

impl<'a> From<&'a str> for Input<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<&'a String> for Input<'a> {
    fn from(text: &'a String) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<&'a [u32]> for Input<'a> {
    fn from(ids: &'a [u32]) -> Self {
        Self::Tokens(ids)
    }
}

impl<'a> From<&'a Vec<u32>> for Input<'a> {
    fn from(ids: &'a Vec<u32>) -> Self {
        Self::Tokens(ids)
    }
}
