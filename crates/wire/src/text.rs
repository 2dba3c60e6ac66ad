//! Tokens, and texts as tokens.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// A token of a text.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Token {
    /// Its number in the vocabulary.
    pub id: u32,
    /// The decoded bytes. A token that is a part of a UTF-8 sequence shows its bytes, as `<0xF0>`.
    pub text: String,
}

/// A candidate for the next token.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
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

impl NextToken {
    /// The token by itself.
    pub fn token(&self) -> Token {
        Token {
            id: self.id,
            text: self.text.clone(),
        }
    }
}

/// A token that a change of the pass moves, after the last token: changed minus clean.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct TokenChange {
    /// Its number in the vocabulary.
    pub id: u32,
    /// As of a token.
    pub text: String,
    /// Change of its logit.
    pub logit: f32,
    /// Change of its probability.
    pub prob: f32,
}

/// A token and what a feature does to its logit.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct TokenValue {
    /// Its number in the vocabulary.
    pub id: u32,
    /// As of a token.
    pub text: String,
    /// Change of its logit for one unit of activation, centred over the vocabulary, by the direct path alone.
    pub value: f32,
}

/// A text as tokens.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
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
