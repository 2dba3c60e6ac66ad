//! Continuations of a prompt.

use serde::{Deserialize, Serialize};

use crate::options::Bos;

/// Options of a continuation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "typings", derive(ts_rs::TS))]
pub struct GenerateOptions {
    /// The most tokens to add.
    pub max_tokens: usize,
    /// 0 (default) takes the likeliest token each time; otherwise logits are divided by it.
    #[serde(default)]
    #[cfg_attr(feature = "typings", ts(optional, as = "Option<f32>"))]
    pub temperature: f32,
    /// Same seed, same settings: same text. Default 0; above 2^53 a BigInt.
    #[serde(default)]
    #[cfg_attr(feature = "typings", ts(optional, as = "Option<crate::typings::Seed>"))]
    pub seed: u64,
    /// Draw among this many likeliest tokens; 0 (default): all.
    #[serde(default)]
    #[cfg_attr(feature = "typings", ts(optional, as = "Option<usize>"))]
    pub top_k: usize,
    /// Draw among the likeliest tokens that together reach this probability; 1 (default): all.
    #[serde(default = "all")]
    #[cfg_attr(feature = "typings", ts(optional, as = "Option<f32>"))]
    pub top_p: f32,
    /// Choice of a BOS token before a text, as of every prompt.
    #[serde(default)]
    #[cfg_attr(
        feature = "typings",
        ts(optional, as = "Option<crate::typings::BosChoice>")
    )]
    pub bos: Bos,
}

fn all() -> f32 {
    1.0
}

impl Default for GenerateOptions {
    fn default() -> Self {
        Self {
            max_tokens: 40,
            temperature: 0.0,
            seed: 0,
            top_k: 0,
            top_p: all(),
            bos: Bos::Auto,
        }
    }
}

/// The reason why a generation ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "typings", derive(ts_rs::TS))]
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
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "typings", derive(ts_rs::TS))]
pub struct Generation {
    /// The new tokens.
    pub ids: Vec<u32>,
    /// Their text.
    pub text: String,
    /// True if it was cancelled.
    pub cancelled: bool,
    /// The reason why it ended.
    pub stop: Stop,
}
