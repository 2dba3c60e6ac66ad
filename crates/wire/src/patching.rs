//! What the residual stream of another prompt brings.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::column::rows;
use crate::text::Token;

/// What each patch of the residual stream brings. Rows are hook points, columns are positions.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct StreamPatching {
    /// The tokens of the prompt, a BOS included.
    pub tokens: Vec<Token>,
    /// Those of the source, equally many.
    pub source_tokens: Vec<Token>,
    /// The token whose logit counts.
    pub target: Token,
    /// The token that it is compared with.
    pub distractor: Token,
    /// The target's logit minus the distractor's after the last token of the prompt.
    pub clean: f64,
    /// The same of the source.
    pub source: f64,
    /// Names of the hook points: the stream into each block, and out of the last one.
    pub hooks: Vec<String>,
    /// Per hook point, T values: the target's logit minus the distractor's where the prompt's stream is the source's there.
    #[serde(with = "rows")]
    #[ts(type = "Float64Array[]")]
    pub logit_differences: Vec<Vec<f64>>,
    /// Per hook point, T values: KL(clean ‖ patched) of the distribution after the last token, nats.
    #[serde(with = "rows")]
    #[ts(type = "Float64Array[]")]
    pub kl: Vec<Vec<f64>>,
}
