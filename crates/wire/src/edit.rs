//! Edits of features, and what the model makes of them.

use serde::{Deserialize, Serialize};

use crate::column;
use crate::options::{Bos, TOP_LOGITS};
use crate::text::NextToken;
use crate::trace::Matrix;

/// What an edit makes of an activation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "typings", derive(ts_rs::TS))]
pub enum EditOperation {
    /// The value itself; 0 ablates.
    #[default]
    Set,
    /// The activation plus the value: steering in multiples of the decoder direction.
    Add,
    /// The activation times the value.
    Scale,
}

/// One feature's edit, the error term kept.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "typings", derive(ts_rs::TS))]
pub struct Edit {
    /// Id of the SAE.
    pub sae: String,
    /// The latent.
    pub latent: u32,
    /// The activation to set (0 ablates), the number to add to it, or the factor to scale it by.
    pub value: f32,
    /// `"set"` by default. Edits change what a latent is in the clean run; two edits of one latent at one position are refused.
    #[serde(default)]
    #[cfg_attr(feature = "typings", ts(optional, as = "Option<EditOperation>"))]
    pub operation: EditOperation,
    /// Token positions; default: all that count for the SAE.
    #[serde(default)]
    #[cfg_attr(feature = "typings", ts(optional))]
    pub positions: Option<Vec<usize>>,
}

impl Edit {
    /// A latent set to a value at all positions that count.
    pub fn set(sae: &str, latent: u32, value: f32) -> Self {
        Self {
            sae: sae.to_owned(),
            latent,
            value,
            ..Self::default()
        }
    }
}

/// Options of a run with edits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[cfg_attr(feature = "typings", derive(ts_rs::TS))]
pub struct EditOptions {
    /// Choice of a BOS token before a text, as of every prompt.
    #[cfg_attr(
        feature = "typings",
        ts(optional, as = "Option<crate::typings::BosChoice>")
    )]
    pub bos: Bos,
    /// Number of next tokens per position, 1 to 512; default 10.
    #[cfg_attr(feature = "typings", ts(optional, as = "Option<usize>"))]
    pub top_logits: usize,
    /// True to get the edited logits of every position as well.
    #[cfg_attr(feature = "typings", ts(optional, as = "Option<bool>"))]
    pub logits: bool,
}

impl Default for EditOptions {
    fn default() -> Self {
        Self {
            bos: Bos::Auto,
            top_logits: TOP_LOGITS,
            logits: false,
        }
    }
}

/// A prompt with features edited.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "typings", derive(ts_rs::TS))]
pub struct Edited {
    /// As in a trace, with the edit.
    pub loss: Option<f64>,
    /// As in a trace, with the edit.
    #[serde(serialize_with = "column::serialize")]
    #[cfg_attr(feature = "typings", ts(type = "Float32Array"))]
    pub token_losses: Vec<f32>,
    /// As in a trace, with the edit.
    pub next: Vec<NextToken>,
    /// As in a trace, with the edit.
    pub next_by_position: Vec<Vec<NextToken>>,
    /// KL(clean ‖ edited) of the next-token distribution, nats: its mean over the positions that count for all edited SAEs; `null`
    /// where none does.
    pub kl: Option<f64>,
    /// The same after each token, T values.
    #[serde(serialize_with = "column::serialize")]
    #[cfg_attr(feature = "typings", ts(type = "Float32Array"))]
    pub kl_by_position: Vec<f32>,
    /// `[T, vocab]`, present if requested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typings", ts(optional))]
    pub logits: Option<Matrix>,
    /// The activation `[T, d_in]` at the first edit's hook point, edited, with the logits; for callers in the same process.
    #[serde(skip)]
    #[cfg_attr(feature = "typings", ts(skip))]
    pub activation: Option<Matrix>,
}
