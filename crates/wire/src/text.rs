//! Tokens, and texts as tokens.

use serde::{Deserialize, Serialize};

/// A token of a text.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "typings", derive(ts_rs::TS))]
pub struct Token {
    /// Its number in the vocabulary.
    pub id: u32,
    /// The decoded bytes. A token that is a part of a UTF-8 sequence shows its bytes, as `<0xF0>`.
    pub text: String,
}

/// A candidate for the next token.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "typings", derive(ts_rs::TS))]
pub struct NextToken {
    /// Its number in the vocabulary.
    pub id: u32,
    /// As of a token.
    pub text: String,
    /// Its logit.
    pub logit: f32,
    /// Its probability, over the whole vocabulary.
    pub prob: f32,
}

/// A token and what a feature does to its logit.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "typings", derive(ts_rs::TS))]
pub struct TokenValue {
    /// Its number in the vocabulary.
    pub id: u32,
    /// As of a token.
    pub text: String,
    /// Change of its logit for one unit of activation, centred over the vocabulary, by the direct path alone.
    pub value: f32,
}

/// A text as tokens.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "typings", derive(ts_rs::TS))]
pub struct Tokenization {
    /// The tokens, a BOS included.
    pub tokens: Vec<Token>,
    /// True if the first token is a BOS that was put there.
    pub bos_prepended: bool,
    /// Why the first token is a BOS or is not: a sentence.
    pub bos_reason: String,
    /// Positions of the model's context.
    pub n_ctx: usize,
}
