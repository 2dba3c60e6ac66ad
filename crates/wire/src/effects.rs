//! What a prompt's active features cause, by ablation.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::column;
use crate::text::{Token, TokenChange};

/// The difference that ablating one feature makes, the error term kept: ablated minus clean.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Effect {
    /// The latent.
    pub latent: u32,
    /// Its largest activation at the chosen positions; of a neuron the one of the largest magnitude.
    pub activation: f32,
    /// Where that is.
    pub position: usize,
    /// Number of chosen positions at which it is active.
    pub active: usize,
    /// Of the mean loss, nats; `null` where nothing is predicted.
    pub loss: Option<f64>,
    /// Mean of KL(clean ‖ ablated) over the positions that count, nats; `null` where none does.
    pub kl: Option<f64>,
    /// The most that `loss` and `kl` are off, proven, nats: with `within` the logits of some tokens are bounded and not computed. 0
    /// where all are measured.
    pub within: f64,
    /// Of the target's logit minus the distractor's after the last token; `null` where they are not named.
    pub logit_difference: Option<f64>,
    /// What the direct path alone would give for that: minus the activation at the last token times the decoder direction,
    /// through the final LayerNorm with the clean run's scale, times the difference of the two rows of W_U. 0 for a feature
    /// that is not active there. `null` where a feature does not write to the residual stream itself (heads, neurons of an MLP),
    /// and for an SAE that stays in its file.
    pub direct: Option<f64>,
    /// Length T − 1; entry i is of the loss of token i + 1, nats.
    #[serde(with = "column")]
    #[ts(type = "Float32Array")]
    pub token_losses: Vec<f32>,
    /// KL(clean ‖ ablated) after each token, T values, nats.
    #[serde(with = "column")]
    #[ts(type = "Float32Array")]
    pub kl_by_position: Vec<f32>,
    /// The most that the loss of the token after it and KL after it are off, for each token, T values, nats; empty where all are
    /// measured.
    #[serde(with = "column")]
    #[ts(type = "Float32Array")]
    pub errors: Vec<f32>,
    /// The tokens whose logits after the last token rise the most, the first the most.
    pub up: Vec<TokenChange>,
    /// Those whose logits fall the most.
    pub down: Vec<TokenChange>,
}

/// The effects of every active feature of a prompt.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Effects {
    /// The SAE's id.
    pub sae: String,
    /// The tokens, a BOS included.
    pub tokens: Vec<Token>,
    /// Mean loss of the clean run, nats.
    pub loss: Option<f64>,
    /// The target; `null` where none is named.
    pub target: Option<Token>,
    /// The distractor; `null` where none is named.
    pub distractor: Option<Token>,
    /// The target's logit minus the distractor's after the last token of the clean run.
    pub logit_difference: Option<f64>,
    /// One entry per feature that is active at a chosen position, the largest effect first; empty where none is.
    pub effects: Vec<Effect>,
}
