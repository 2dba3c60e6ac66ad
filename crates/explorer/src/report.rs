//! Results. Every number's definition stands with it; losses and divergences are in nats.

use kernels::Counters;
use serde::Serialize;

/// A token of a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Token {
    /// Its number in the vocabulary.
    pub id: u32,
    /// Its text; bytes that are not whole characters show as `<0xF0>`.
    pub text: String,
}

/// A text as tokens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Tokenization {
    /// The tokens, a BOS included.
    pub tokens: Vec<Token>,
    /// Whether the first token is a BOS.
    pub bos_prepended: bool,
    /// Why it is or is not: a sentence.
    pub bos_reason: String,
    /// Positions of the model's context.
    pub n_ctx: usize,
}

/// A candidate for the next token.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NextToken {
    /// Its number in the vocabulary.
    pub id: u32,
    /// Its text.
    pub text: String,
    /// Its logit.
    pub logit: f32,
    /// Its probability.
    pub prob: f32,
}

/// A model that is loaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ModelInfo {
    /// Its id.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// Blocks.
    pub n_layers: usize,
    /// Width of the residual stream.
    pub d_model: usize,
    /// Attention heads a block.
    pub n_heads: usize,
    /// Positions of the context.
    pub n_ctx: usize,
    /// Tokens of the vocabulary.
    pub vocab: usize,
    /// The BOS token, if there is one.
    pub bos: Option<u32>,
    /// The tokens that end a text, and with it a generation.
    pub eos: Vec<u32>,
    /// Sentences for whoever loaded it: which of its files' settings were not used, and why.
    pub notices: Vec<String>,
    /// How the weights are stored on the device: `f32`, `f16`, or `mixed` where the file mixes them.
    pub weights: &'static str,
}

/// An autoencoder that is loaded.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SaeInfo {
    /// Its id.
    pub id: String,
    /// Where it is attached.
    pub hook: String,
    /// `standard`, `topk`, `jumprelu` or `gated`; `neurons` for an activation's own dimensions.
    pub architecture: &'static str,
    /// Number of latents.
    pub n_latents: usize,
    /// k of a TopK autoencoder.
    pub k: Option<usize>,
    /// Width of the activation it reads.
    pub d_in: usize,
    /// `none`, `layer_norm`, `constant_norm_rescale` or `expected_average_only_in`, as its file says; `centred` where each
    /// position's mean is taken off, and nothing else is done.
    pub normalization: &'static str,
    /// How the weights lie on the device: `f32` or `f16`; `none` for neurons.
    pub weights: &'static str,
    /// For `expected_average_only_in`: the factor of the activations, where it is known; without it the weights are used as if
    /// it were folded into them.
    pub norm_scaling_factor: Option<f32>,
    /// Whether a BOS was prepended in training, if its file or whoever loaded it says so.
    pub prepend_bos: Option<bool>,
    /// Tokens of a training context, if its file says so.
    pub context_size: Option<usize>,
    /// The model that it was trained on, if its file says so.
    pub model_name: Option<String>,
    /// Whether that is certainly another one than the loaded.
    pub other_model: bool,
    /// Sentences for whoever loaded it: what its file left open and what was assumed, another name of its hook, and what
    /// looks wrong without being certain.
    pub notices: Vec<String>,
}

/// Reconstruction metrics of an autoencoder on a prompt. Means are over the positions that count: all but a BOS at 0 and
/// those that the autoencoder's file excludes (special tokens, positions outside of its slice of the context). Positions
/// that do not count are not replaced by the reconstruction either. A metric without any position is None.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Metrics {
    /// Mean number of non-zero latents per token.
    pub l0: Option<f64>,
    /// Σ‖x − x̂‖² / Σ‖x − x̄‖², x̄ the mean over the sample, in the space the autoencoder was trained in. None where the
    /// sample does not vary by more than rounding.
    pub fvu: Option<f64>,
    /// Mean over tokens of ‖x − x̂‖² / ‖x‖² in raw space; tokens with x = 0 are left out.
    pub relative_error: Option<f64>,
    /// Mean over tokens of the cosine of x and x̂ in raw space; tokens where either is 0 are left out.
    pub cosine: Option<f64>,
    /// Loss with x̂ in place of x at the hook. None where no token is predicted from a replaced position on.
    pub spliced_loss: Option<f64>,
    /// Spliced loss minus clean loss, both over all predictions of the text: the one made at a BOS is among them, although
    /// nothing is replaced there. SAELens leaves it out: over T tokens with a BOS its value is (T − 1)/(T − 2) times this.
    pub delta_ce: Option<f64>,
    /// Mean over the positions that count of KL(clean ‖ spliced) of the next-token distribution.
    pub kl: Option<f64>,
    /// How many positions count.
    pub positions: usize,
}

/// One autoencoder's part of a trace.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SaeTrace {
    /// The autoencoder.
    #[serde(flatten)]
    pub info: SaeInfo,
    /// Slots per token in the two lists below: k of TopK; for ReLU the most latents that any token has.
    #[serde(skip)]
    pub slots: usize,
    /// `[tokens, slots]`, the strongest first; -1 is an empty slot.
    #[serde(skip)]
    pub latents: Vec<i32>,
    /// `[tokens, slots]`.
    #[serde(skip)]
    pub activations: Vec<f32>,
    /// Its reconstruction metrics.
    #[serde(flatten)]
    pub metrics: Metrics,
    /// Positions that do not count in the metrics, ascending.
    pub skipped: Vec<usize>,
    /// Sentences on what does not fit: another model, a longer context, a BOS, a reconstruction that fails.
    pub cautions: Vec<String>,
}

/// A matrix read back, row-major.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Matrix {
    /// Rows: tokens.
    pub rows: usize,
    /// Columns.
    pub cols: usize,
    /// `rows * cols` numbers.
    pub data: Vec<f32>,
}

/// Activations read back with a trace.
#[derive(Debug, Clone, PartialEq)]
pub struct Dump {
    /// `[tokens, vocabulary]`.
    pub logits: Matrix,
    /// `blocks.{L}.hook_resid_post` of every block, `[tokens, d_model]`.
    pub resid_post: Vec<Matrix>,
    /// The reconstruction of every autoencoder, `[tokens, d_in]`.
    pub reconstructions: Vec<Matrix>,
}

/// A prompt, looked into.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Trace {
    /// The tokens, a BOS included.
    pub tokens: Vec<Token>,
    /// Whether the first token is a BOS.
    pub bos_prepended: bool,
    /// Why it is or is not: a sentence.
    pub bos_reason: String,
    /// Mean next-token cross-entropy: the mean of `token_losses`, with and without a BOS. None where nothing is predicted.
    pub loss: Option<f64>,
    /// `[tokens - 1]`: entry i is the loss of token i + 1.
    pub token_losses: Vec<f32>,
    /// The likeliest next tokens after the last token.
    pub next: Vec<NextToken>,
    /// The same after every token.
    #[serde(skip)]
    pub next_by_position: Vec<Vec<NextToken>>,
    /// One entry an autoencoder.
    pub saes: Vec<SaeTrace>,
    /// `gpu` or `cpu`.
    pub backend: &'static str,
    /// The adapter's name.
    pub adapter: String,
    /// Where asked for.
    #[serde(skip)]
    pub dump: Option<Dump>,
}

/// A prompt with one feature edited.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Edited {
    /// As in [`Trace`], with the edit.
    pub loss: Option<f64>,
    /// As in [`Trace`], with the edit.
    pub token_losses: Vec<f32>,
    /// As in [`Trace`], with the edit.
    pub next: Vec<NextToken>,
    /// As in [`Trace`], with the edit.
    #[serde(skip)]
    pub next_by_position: Vec<Vec<NextToken>>,
    /// Mean of KL(clean ‖ edited) over the positions that count for the autoencoder, as in [`Metrics`]; None of none.
    pub mean_kl: Option<f64>,
    /// KL(clean ‖ edited) after every token.
    pub kl: Vec<f32>,
    /// `[tokens, vocabulary]`, where asked for.
    #[serde(skip)]
    pub logits: Option<Matrix>,
    /// The edited activation at the hook `[tokens, d_in]`, where asked for.
    #[serde(skip)]
    pub activation: Option<Matrix>,
}

/// A token and what a feature does to its logit.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TokenEffect {
    /// Its number in the vocabulary.
    pub id: u32,
    /// Its text.
    pub text: String,
    /// Change of its logit for one unit of activation, centred over the vocabulary, by the direct path alone.
    pub value: f32,
}

/// `W_U · ((d − mean(d)) ⊙ ln_f.weight)`, centred over the vocabulary: the direct path only. The final LayerNorm takes the
/// mean off whatever is written to the residual stream. d is what one unit of the latent writes there: `W_dec[latent]`,
/// through W_O of the layer at `attn.hook_z`, through W_out at `mlp.hook_post`. At `ln_final.hook_normalized`, behind
/// that subtraction, it is `W_U · (W_dec[latent] ⊙ ln_f.weight)`, and at `ln_final.hook_out` `W_U · W_dec[latent]`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LogitEffect {
    /// The ten tokens pushed up the most.
    pub top: Vec<TokenEffect>,
    /// The ten tokens pushed down the most.
    pub bottom: Vec<TokenEffect>,
}

/// Another feature of the same autoencoder.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Neighbour {
    /// The latent.
    pub latent: u32,
    /// Cosine of the two decoder directions.
    pub cosine: f32,
}

/// What a feature is, apart from any prompt.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Feature {
    /// The latent.
    pub latent: u32,
    /// `‖W_dec[latent]‖`; 1 for a neuron, whose direction is its dimension.
    pub decoder_norm: f32,
    /// Norm of what one unit of it writes to the residual stream: through W_O at `attn.hook_z`, through W_out at
    /// `mlp.hook_post`; the decoder norm elsewhere.
    pub output_norm: f32,
    /// `b_enc[latent]`.
    pub encoder_bias: f32,
    /// Its direct effect on the logits.
    pub logit_effect: LogitEffect,
    /// The ten nearest features by decoder cosine.
    pub nearest: Vec<Neighbour>,
}

/// Why a generation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stop {
    /// As many tokens as asked for.
    MaxTokens,
    /// The model's context is full.
    ContextFull,
    /// The model ended the text.
    EndOfText,
    /// It was cancelled.
    Cancelled,
}

/// A continuation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Generation {
    /// The new tokens.
    pub ids: Vec<u32>,
    /// Their text.
    pub text: String,
    /// Whether it was cancelled.
    pub cancelled: bool,
    /// Why it ended.
    pub stop: Stop,
}

/// The state of a session.
#[derive(Debug, Clone, PartialEq)]
pub struct Info {
    /// `gpu` or `cpu`.
    pub backend: &'static str,
    /// The adapter's name.
    pub adapter: String,
    /// Why the CPU is used although a GPU was wished for.
    pub fallback_reason: Option<String>,
    /// The model.
    pub model: Option<ModelInfo>,
    /// The autoencoders.
    pub saes: Vec<SaeInfo>,
    /// Bytes of the device's buffers.
    pub device_bytes: u64,
    /// What the device has done.
    pub counters: Counters,
}
