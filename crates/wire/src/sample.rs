//! The model's loss on the sample text.

use serde::{Deserialize, Serialize};

/// A model's loss on the sample text, or on as much of it as the context holds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "typings", derive(ts_rs::TS))]
pub struct SampleLoss {
    /// Mean next-token cross-entropy, nats per token.
    pub loss: f64,
    /// Number of predictions in the mean.
    pub predictions: usize,
    /// The loss of a model that holds all tokens for equally likely: ln(vocabulary).
    pub chance: f64,
    /// The range of a trained model, nats per token, in words: `"3 to 4"`.
    pub usual: String,
    /// Possible problem in words; `null` where there is none.
    pub caution: Option<String>,
}
