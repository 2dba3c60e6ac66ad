//! What the engine answers, as the page holds it. Names follow the JavaScript API (`pkg/index.d.ts`).

use serde::Deserialize;

/// A token: its id and its decoded bytes.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Token {
    /// Index in the vocabulary.
    pub id: u32,
    /// Decoded bytes; a part of a UTF-8 sequence is written as `<0xF0>`.
    pub text: String,
}

/// A candidate for the next token.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct NextToken {
    /// Index in the vocabulary.
    pub id: u32,
    /// Decoded bytes.
    pub text: String,
    /// Logit.
    pub logit: f32,
    /// Probability over the whole vocabulary.
    pub prob: f32,
}

/// A loaded model.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ModelInfo {
    /// Id, as in the address.
    pub id: String,
    /// Name for people.
    pub name: String,
    /// The longest prompt, in tokens, BOS included.
    pub n_ctx: usize,
}

/// A loaded SAE.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SaeInfo {
    /// Id, as in the address.
    pub id: String,
    /// Hook point, such as `blocks.3.hook_resid_post`.
    pub hook: String,
    /// `topk` or `standard`.
    pub architecture: String,
    /// Number of latents.
    pub n_latents: usize,
    /// Most latents a token may have, where there is such a bound.
    pub k: Option<usize>,
}

/// How much an SAE loses on a prompt; `None` where the prompt is too short for the metric.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Metrics {
    /// Mean number of non-zero latents a token.
    pub l0: Option<f64>,
    /// Fraction of variance unexplained.
    pub fvu: Option<f64>,
    /// Mean over tokens of ‖x−x̂‖²/‖x‖².
    pub relative_error: Option<f64>,
    /// Loss with the reconstruction in place, nats.
    pub spliced_loss: Option<f64>,
    /// Spliced loss − loss, nats.
    pub delta_ce: Option<f64>,
    /// KL(clean ‖ spliced), nats.
    pub kl: Option<f64>,
    /// Number of positions the means are over.
    pub positions: usize,
}

/// What one SAE finds in a prompt.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SaeTrace {
    /// Id of the SAE.
    pub id: String,
    /// Hook point.
    pub hook: String,
    /// `topk` or `standard`.
    pub architecture: String,
    /// Number of latents.
    pub n_latents: usize,
    /// Row length of `latents` and `activations`.
    pub k: usize,
    /// `[T, k]`, strongest first, −1 where a token has fewer.
    pub latents: Vec<i32>,
    /// `[T, k]`.
    pub activations: Vec<f32>,
    /// How much the SAE loses.
    pub metrics: Metrics,
}

/// A prompt run through the model and its SAEs.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Trace {
    /// The text that was traced; the engine does not send it back.
    #[serde(skip)]
    pub prompt: String,
    /// T tokens.
    pub tokens: Vec<Token>,
    /// Whether token 0 is a BOS that was put there.
    pub bos_prepended: bool,
    /// Mean next-token cross-entropy, nats.
    pub loss: Option<f64>,
    /// `[T−1]`; entry i is the loss of token i+1, nats.
    pub token_losses: Vec<f32>,
    /// The likeliest tokens after each position.
    pub next_by_position: Vec<Vec<NextToken>>,
    /// One for each SAE.
    pub saes: Vec<SaeTrace>,
    /// `gpu` or `cpu`.
    pub backend: String,
    /// Name of the adapter.
    pub adapter: String,
    /// Duration.
    pub milliseconds: f64,
}

impl Trace {
    /// The first token that is the person's own: after the BOS, if one was put there.
    pub fn first_own(&self) -> usize {
        usize::from(self.bos_prepended && self.tokens.len() > 1)
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

/// A token and how far a latent pushes its logit.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct TokenValue {
    /// Decoded bytes.
    pub text: String,
    /// Logit effect, centred over the vocabulary.
    pub value: f32,
}

/// The two ends of a latent's logit effect.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct LogitEffect {
    /// Largest first.
    pub top: Vec<TokenValue>,
    /// Smallest first.
    pub bottom: Vec<TokenValue>,
}

/// A latent and the cosine of its decoder row with another's.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Neighbour {
    /// The other latent.
    pub latent: u32,
    /// Cosine of the two decoder rows.
    pub cosine: f32,
}

/// What a latent writes, and what it resembles.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Feature {
    /// Euclidean norm of the decoder row.
    pub decoder_norm: f64,
    /// The latent's entry of b_enc.
    pub encoder_bias: f64,
    /// Direct path only.
    pub logit_effect: LogitEffect,
    /// Nearest by decoder cosine.
    pub nearest: Vec<Neighbour>,
}

/// The model's answer with one latent edited.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Edited {
    /// Mean loss, nats.
    pub loss: Option<f64>,
    /// `[T−1]`, nats.
    pub token_losses: Vec<f32>,
    /// The likeliest tokens after each position.
    pub next_by_position: Vec<Vec<NextToken>>,
    /// Mean KL(clean ‖ edited), nats.
    pub kl: Option<f64>,
    /// `[T]`; KL(clean ‖ edited) after each token, nats.
    pub kl_by_position: Vec<f32>,
}

/// Where the engine runs and what it uses.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Info {
    /// `gpu` or `cpu`.
    pub backend: String,
    /// Name of the adapter.
    pub adapter: String,
    /// Memory held on the device, bytes.
    pub device_bytes: f64,
}

/// A prompt without its run.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Tokenization {
    /// T tokens.
    pub tokens: Vec<Token>,
    /// The model's context, in tokens.
    pub n_ctx: usize,
}

/// A continuation.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Generation {
    /// The new tokens' text.
    pub text: String,
    /// Whether it was stopped.
    pub cancelled: bool,
}

/// Bytes loaded so far; `total` is 0 where it is not known.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Progress {
    /// `engine`, `model` or `sae`.
    pub stage: String,
    /// Bytes.
    pub loaded: f64,
    /// Bytes.
    pub total: f64,
}

/// Something the engine tells without failing.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Notice {
    /// What it is about, such as `device-lost`.
    pub code: String,
    /// Text for people.
    pub message: String,
}

/// A prompt worth a look.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Example {
    /// Name on its button.
    pub name: String,
    /// The prompt.
    pub text: String,
}

/// The part of the demo bundle's manifest that the page reads.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Manifest {
    /// Example prompts, the first of which is traced at once.
    pub prompts: Vec<Example>,
}
