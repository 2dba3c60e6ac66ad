//! A prompt with features edited, and one feature at many values.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::column;
use crate::matrix::Matrix;
use crate::text::NextToken;

/// A prompt with features edited.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Edited {
    /// As in a trace, with the edit.
    pub loss: Option<f64>,
    /// As in a trace, with the edit.
    #[serde(with = "column")]
    #[ts(type = "Float32Array")]
    pub token_losses: Vec<f32>,
    /// As in a trace, with the edit.
    pub next: Vec<NextToken>,
    /// As in a trace, with the edit.
    pub next_by_position: Vec<Vec<NextToken>>,
    /// KL(clean ‖ edited) of the next-token distribution, nats: its mean over the positions that count for all edited SAEs; `null`
    /// where none does.
    pub kl: Option<f64>,
    /// The same after each token, T values.
    #[serde(with = "column")]
    #[ts(type = "Float32Array")]
    pub kl_by_position: Vec<f32>,
    /// The tracked tokens after the last one, in the order of `track`.
    pub tracked: Vec<NextToken>,
    /// `[T, vocab]`, present if requested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional, as = "Option<crate::matrix::Shaped>")]
    pub logits: Option<Matrix>,
    /// The activation `[T, d_in]` at the first edit's hook point, edited, with the logits; for callers in the same process.
    #[serde(skip)]
    #[ts(skip)]
    pub activation: Option<Matrix>,
}

/// One feature moved over several values.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Sweep {
    /// The SAE, as it was named.
    pub sae: String,
    /// The latent.
    pub latent: u32,
    /// What is done with its activation.
    #[ts(type = "'set' | 'add' | 'scale'")]
    pub operation: String,
    /// The prompt as it is.
    pub clean: SweepPoint,
    /// One for each value, in the order of the values.
    pub points: Vec<SweepPoint>,
}

/// The prompt with a feature at one value.
#[derive(Debug, Clone, Default, PartialEq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct SweepPoint {
    /// The value; the clean run has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub value: Option<f32>,
    /// Mean loss, nats.
    pub loss: Option<f64>,
    /// Mean KL from the clean run, nats.
    pub kl: Option<f64>,
    /// The tracked tokens after the last one.
    pub tracked: Vec<NextToken>,
    /// The likeliest tokens there.
    pub next: Vec<NextToken>,
}

impl SweepPoint {
    /// Of a run at a value; None for the clean run.
    pub fn new(value: Option<f32>, edited: Edited) -> Self {
        Self {
            value,
            loss: edited.loss,
            kl: edited.kl,
            tracked: edited.tracked,
            next: edited.next,
        }
    }
}
