//! The model's loss on the sample text.

use std::fmt;

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// A model's loss on the sample text, or on as much of it as the context holds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
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

impl fmt::Display for SampleLoss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "loss on the sample text: {:.2} nats per token over {} predictions; usual for a trained model is {}, chance is {:.2}",
            self.loss, self.predictions, self.usual, self.chance
        )
    }
}
