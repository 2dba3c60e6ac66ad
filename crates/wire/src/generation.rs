//! Continuations of a prompt, and what is at work while they are written.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::column;
use crate::text::Token;

/// The reason why a generation ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum Stop {
    /// The requested number of tokens.
    #[default]
    MaxTokens,
    /// The model's context is full.
    ContextFull,
    /// The model ended the text.
    EndOfText,
    /// It was cancelled.
    Cancelled,
}

/// A continuation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Generation {
    /// The new tokens.
    pub ids: Vec<u32>,
    /// Their text.
    pub text: String,
    /// True if `signal` ended it.
    pub cancelled: bool,
    /// Why it ended.
    pub stop: Stop,
}

/// The active features of one token of a text that is being written.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct TokenFeatures {
    /// Its position in the text, the prompt and a BOS included.
    pub position: usize,
    /// The token.
    pub token: Token,
    /// Of each watched set whose features count at this position; one that was not trained on such a position is left out.
    pub sets: Vec<SetFeatures>,
}

/// Latents of one set that are active (above 0) at a token, the largest first, then the lower index. They are those of the
/// activation that arrives at the set's hook point: edits of layers before are in it, edits at the hook point itself are not.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct SetFeatures {
    /// Id of the set.
    pub sae: String,
    /// Latents.
    #[serde(with = "column")]
    #[ts(type = "Uint32Array")]
    pub latents: Vec<u32>,
    /// Their activations.
    #[serde(with = "column")]
    #[ts(type = "Float32Array")]
    pub activations: Vec<f32>,
}
