//! A prompt, looked into: its tokens, and the features of each SAE.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::column;
use crate::loaded::SaeInfo;
use crate::matrix::Matrix;
use crate::text::{NextToken, Token};

/// Activations read back with a trace, for callers in the same process.
#[derive(Debug, Clone, PartialEq)]
pub struct Dump {
    /// `[tokens, vocabulary]`.
    pub logits: Matrix,
    /// `blocks.{L}.hook_resid_post` of every block, `[tokens, d_model]`.
    pub resid_post: Vec<Matrix>,
    /// The reconstruction of every SAE, `[tokens, d_in]`.
    pub reconstructions: Vec<Matrix>,
}

/// A prompt run through the model and its SAEs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Trace {
    /// T tokens, the BOS included where one was prepended.
    pub tokens: Vec<Token>,
    /// True if the first token is a BOS that was put there.
    pub bos_prepended: bool,
    /// Why the first token is a BOS or is not: a sentence.
    pub bos_reason: String,
    /// Mean next-token cross-entropy, nats: the mean of `tokenLosses`, with and without a BOS; `null` where no token has a loss.
    pub loss: Option<f64>,
    /// Length T − 1, nats; entry i is the loss of token i + 1.
    #[serde(with = "column")]
    #[ts(type = "Float32Array")]
    pub token_losses: Vec<f32>,
    /// The likeliest tokens after the last position.
    pub next: Vec<NextToken>,
    /// The same after each of the T positions.
    pub next_by_position: Vec<Vec<NextToken>>,
    /// One for each SAE.
    pub saes: Vec<SaeTrace>,
    /// `gpu` or `cpu`.
    #[ts(type = "'gpu' | 'cpu'")]
    pub backend: String,
    /// Name of the GPU adapter, or of the CPU path.
    pub adapter: String,
    /// Duration of the call. The package measures it; 0, and left out, where nobody did.
    #[serde(default, skip_serializing_if = "not_measured")]
    #[ts(optional = false)]
    pub milliseconds: f64,
    /// The text that was traced, and a person's choice of a BOS for it: not sent, but noted by the page with the answer.
    #[serde(skip)]
    #[ts(skip)]
    pub prompt: String,
    /// See `prompt`; None where the choice was left to the engine.
    #[serde(skip)]
    #[ts(skip)]
    pub bos: Option<bool>,
    /// The activations, where requested; for callers in the same process.
    #[serde(skip)]
    #[ts(skip)]
    pub dump: Option<Box<Dump>>,
}

impl Trace {
    /// The first token that is the person's own: after the BOS, if one was put there.
    pub fn first_own(&self) -> usize {
        usize::from(self.bos_prepended && self.tokens.len() > 1)
    }

    /// Ids of its tokens, for later questions about the same tokens.
    pub fn ids(&self) -> Vec<u32> {
        self.tokens.iter().map(|token| token.id).collect()
    }

    /// Loss of a token, in nats; the first has none.
    pub fn loss_of(&self, token: usize) -> Option<f32> {
        self.token_losses.get(token.checked_sub(1)?).copied()
    }

    /// The SAE with this id.
    pub fn sae(&self, id: &str) -> Option<&SaeTrace> {
        self.saes.iter().find(|sae| sae.id == id)
    }
}

fn not_measured(milliseconds: &f64) -> bool {
    *milliseconds == 0.0
}

/// One SAE's part of a trace.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct SaeTrace {
    /// Its id.
    pub id: String,
    /// Its hook point.
    pub hook: String,
    /// As of a loaded SAE.
    pub architecture: String,
    /// Number of latents.
    pub n_latents: usize,
    /// As of a loaded SAE.
    #[serde(default)]
    pub d_in: usize,
    /// As of a loaded SAE.
    #[serde(default)]
    pub normalization: String,
    /// As of a loaded SAE.
    #[serde(default)]
    #[ts(type = "'f32' | 'f16' | 'streamed' | 'none'")]
    pub weights: String,
    /// As of a loaded SAE.
    pub norm_scaling_factor: Option<f32>,
    /// As of a loaded SAE.
    pub prepend_bos: Option<bool>,
    /// As of a loaded SAE.
    pub context_size: Option<usize>,
    /// As of a loaded SAE.
    pub model_name: Option<String>,
    /// As of a loaded SAE.
    #[serde(default)]
    pub other_model: bool,
    /// As of a loaded SAE.
    #[serde(default)]
    pub notices: Vec<String>,
    /// Row length of `latents` and `activations`: the most latents that any token has, and never more than k of TopK.
    pub k: usize,
    /// `[T, k]`, row-major, strongest first; −1 where a token has fewer than k active latents.
    #[serde(with = "column")]
    #[ts(type = "Int32Array")]
    pub latents: Vec<i32>,
    /// `[T, k]`, row-major; 0 where `latents` is −1.
    #[serde(with = "column")]
    #[ts(type = "Float32Array")]
    pub activations: Vec<f32>,
    /// Its reconstruction metrics.
    pub metrics: Metrics,
    /// Positions that count in none of the metrics and are not replaced, ascending: a BOS, and what the SAE's files exclude.
    #[serde(with = "column")]
    #[ts(type = "Uint32Array")]
    pub skipped: Vec<u32>,
    /// Sentences on what does not fit: another model, a longer context, a BOS, a reconstruction that fails.
    pub cautions: Vec<String>,
}

impl SaeTrace {
    /// Of a loaded SAE, without anything that was found.
    pub fn of(info: &SaeInfo) -> Self {
        Self {
            id: info.id.clone(),
            hook: info.hook.clone(),
            architecture: info.architecture.clone(),
            n_latents: info.n_latents,
            d_in: info.d_in,
            normalization: info.normalization.clone(),
            weights: info.weights.clone(),
            norm_scaling_factor: info.norm_scaling_factor,
            prepend_bos: info.prepend_bos,
            context_size: info.context_size,
            model_name: info.model_name.clone(),
            other_model: info.other_model,
            notices: info.notices.clone(),
            ..Self::default()
        }
    }
}

/// Reconstruction metrics of an SAE. Means are over the positions that count: all but a BOS at 0 and those that the SAE's file
/// excludes (special tokens, positions outside of its slice of the context). Positions that do not count are not replaced by
/// the reconstruction either. `null` where no position counts, or where a metric is not defined.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(rename = "SaeMetrics")]
pub struct Metrics {
    /// Mean number of non-zero latents per token.
    pub l0: Option<f64>,
    /// Fraction of variance unexplained, Σ‖x − x̂‖² / Σ‖x − x̄‖² with x̄ the mean over the sample, in the space that the SAE was
    /// trained in; `null` where the positions do not vary by more than rounding.
    pub fvu: Option<f64>,
    /// Mean over tokens of ‖x − x̂‖² / ‖x‖², raw space; tokens with x = 0 are left out.
    pub relative_error: Option<f64>,
    /// Mean over tokens of the cosine of x and x̂, raw space; tokens where either is 0 are left out.
    pub cosine: Option<f64>,
    /// Loss with the reconstruction instead of the hook's activation, nats; `null` where no token is predicted from a replaced
    /// position on.
    pub spliced_loss: Option<f64>,
    /// Spliced loss minus clean loss, nats, over all predictions of the prompt, the one made at a BOS included, although nothing
    /// is replaced there; SAELens leaves that one out: over T tokens with a BOS its value is (T − 1)/(T − 2) times this. `null`
    /// where nothing is predicted from a replaced position on.
    pub delta_ce: Option<f64>,
    /// KL(clean ‖ spliced) of the next-token distribution, nats.
    pub kl: Option<f64>,
    /// How many positions count.
    pub positions: usize,
}
