//! What SAEs lose on a text.

use serde::Serialize;
use ts_rs::TS;

use crate::loaded::SaeInfo;
use crate::trace::Metrics;

/// Reconstruction metrics of an SAE on a text of any length.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Evaluation {
    /// The SAE.
    #[serde(flatten)]
    pub info: SaeInfo,
    /// Means over the tokens of all windows.
    #[serde(flatten)]
    pub metrics: Metrics,
    /// Mean next-token cross-entropy of the model itself, nats, over the windows' tokens.
    pub loss: Option<f64>,
    /// Tokens that went through the model, every window's BOS included.
    pub tokens: usize,
    /// In how many windows of at most the model's context the text was read.
    pub windows: usize,
    /// Tokens of the longest window, a BOS included.
    pub window_tokens: usize,
    /// True if each window begins with a BOS.
    pub bos_prepended: bool,
    /// As in a trace.
    pub cautions: Vec<String>,
}

/// The evaluation of some SAEs on one text.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Evaluations {
    /// The model's name.
    pub model: String,
    /// The text.
    pub text: String,
    /// One for each SAE.
    pub saes: Vec<Evaluation>,
    /// `gpu` or `cpu`.
    #[ts(type = "'gpu' | 'cpu'")]
    pub backend: String,
    /// Name of the GPU adapter, or of the CPU path.
    pub adapter: String,
}
