//! Descriptions of what is loaded.

use serde::Serialize;

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
    /// The storage of the weights on the device: `f32`, `f16`, or `mixed` where the file mixes them.
    pub weights: &'static str,
}

/// An autoencoder that is loaded.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SaeInfo {
    /// Its id.
    pub id: String,
    /// Its hook point.
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
    /// The storage of the weights on the device: `f32` or `f16`; `none` for neurons.
    pub weights: &'static str,
    /// For `expected_average_only_in`: the factor of the activations, where it is known; without it the weights are used as if
    /// it were folded into them.
    pub norm_scaling_factor: Option<f32>,
    /// True if a BOS was prepended in training, if its file or whoever loaded it says so.
    pub prepend_bos: Option<bool>,
    /// Tokens of a training context, if its file says so.
    pub context_size: Option<usize>,
    /// The model that it was trained on, if its file says so.
    pub model_name: Option<String>,
    /// True if that is certainly another one than the loaded.
    pub other_model: bool,
    /// Sentences for whoever loaded it: what its file left open and what was assumed, another name of its hook, and what
    /// looks wrong without being certain.
    pub notices: Vec<String>,
}
