//! Descriptions of what is loaded, and of the engine's state.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// The source of a loaded model or SAE: all that others need to load the same. The package knows it, not the engine.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Origin {
    /// `owner/name`; `null` for an address outside a repository.
    pub repository: Option<String>,
    /// The requested revision, such as `"main"`; `null` for an address.
    pub revision: Option<String>,
    /// The commit that it stood for, 40 hexadecimal digits: as the `revision` of a repository's source it gives the same files,
    /// whatever the branch is at by then. `null` where the host does not state it.
    pub commit: Option<String>,
    /// The folder or file in the repository, `""` for all of it; for an address its path.
    pub path: String,
    /// An address that loads the same: of the folder or file at its commit, without a query.
    pub url: String,
    /// SHA-256 of the weights, hexadecimal, where they are one file whose hash the host or the catalogue states.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub sha256: Option<String>,
}

/// A loaded model.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct ModelInfo {
    /// Its id.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// Blocks.
    pub n_layers: usize,
    /// Width of the residual stream.
    pub d_model: usize,
    /// Width of the MLPs.
    #[serde(default)]
    pub d_mlp: usize,
    /// Attention heads per block.
    pub n_heads: usize,
    /// The longest prompt, in tokens, with the BOS.
    pub n_ctx: usize,
    /// Tokens of the vocabulary.
    pub vocab: usize,
    /// Id of the beginning-of-sequence token.
    pub bos: Option<u32>,
    /// Ids of the tokens that end a text, and with it a generation.
    pub eos: Vec<u32>,
    /// Sentences on what its files leave open and what was assumed: which of their settings were not used, and why.
    pub notices: Vec<String>,
    /// Format of the weights on the device; `"mixed"` where the file mixes F16 with other types.
    #[ts(type = "'f32' | 'f16' | 'mixed'")]
    pub weights: String,
    /// Its source; `null` for the demo and for files. The engine leaves it out, and the package adds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional = false)]
    pub origin: Option<Origin>,
}

/// A loaded SAE, or other feature set.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct SaeInfo {
    /// Its id.
    pub id: String,
    /// Its hook point.
    pub hook: String,
    /// `"topk"`, `"standard"` (ReLU), `"jumprelu"` or `"gated"`; `"neurons"` for an activation's own dimensions.
    pub architecture: String,
    /// Number of latents.
    pub n_latents: usize,
    /// Latents a token may have; for architectures without such a bound, `null`.
    pub k: Option<usize>,
    /// Width of the activation it reads.
    pub d_in: usize,
    /// `"none"`, `"layer_norm"`, `"constant_norm_rescale"` or `"expected_average_only_in"`, as its file says; `"centred"` where
    /// each position's mean is taken off, and nothing else is done.
    pub normalization: String,
    /// Format of the weights on the device; `"streamed"` where they stay in the file, `"none"` for neurons.
    #[ts(type = "'f32' | 'f16' | 'streamed' | 'none'")]
    pub weights: String,
    /// For `expected_average_only_in`: the factor of the activations; `null` where it is not known, and for the others. Without it
    /// the weights are used as if it were folded into them.
    pub norm_scaling_factor: Option<f32>,
    /// True if it was trained with a BOS before each context; `null` where neither its files nor the catalogue say.
    pub prepend_bos: Option<bool>,
    /// Length of the contexts that it was trained on, tokens.
    pub context_size: Option<usize>,
    /// The model that it was trained on, as its files call it.
    pub model_name: Option<String>,
    /// True if that seems to be another one than the loaded: by the shape for the sizes of GPT-2, else by the name.
    pub other_model: bool,
    /// Sentences on what its files leave open, what was assumed, another name of its hook, and what looks wrong without being
    /// certain.
    pub notices: Vec<String>,
    /// Its source; `null` for the demo, for files and for neurons. The engine leaves it out, and the package adds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional = false)]
    pub origin: Option<Origin>,
}

/// The settings in an SAE's file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct SaeConfig {
    /// As of a loaded SAE.
    pub architecture: String,
    /// Width of the activation it reads.
    pub d_in: usize,
    /// Number of latents.
    pub n_latents: usize,
    /// k of a TopK SAE.
    pub k: Option<usize>,
    /// As of a loaded SAE.
    pub normalization: String,
    /// Its hook point, as the file calls it.
    pub hook: Option<String>,
    /// The model that it was trained on.
    pub model_name: Option<String>,
    /// True if it was trained with a BOS before each context.
    pub prepend_bos: Option<bool>,
    /// Length of the contexts that it was trained on, tokens.
    pub context_size: Option<usize>,
}

/// The loaded model and SAEs, the engine's device and its memory.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Info {
    /// `gpu` or `cpu`.
    #[ts(type = "'gpu' | 'cpu'")]
    pub backend: String,
    /// Name of the GPU adapter, or of the CPU path.
    pub adapter: String,
    /// Why the CPU is used although a GPU was wished for.
    pub fallback_reason: Option<String>,
    /// The model.
    pub model: Option<ModelInfo>,
    /// The SAEs and other feature sets, in the order of loading.
    pub saes: Vec<SaeInfo>,
    /// Memory held on the device, bytes: what is loaded, and what questions left to be used again.
    pub device_bytes: u64,
    /// Memory that waits to be used again, bytes; part of `deviceBytes`.
    pub pooled_bytes: u64,
    /// Memory of what is loaded alone, bytes: `deviceBytes` right after the last load.
    pub loaded_bytes: u64,
    /// Counted since the engine started.
    pub counters: Counters,
    /// Size of the worker's wasm memory, bytes. The package adds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional = false, type = "number")]
    pub wasm_bytes: Option<u64>,
    /// Duration of the last trace, milliseconds. The package adds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional = false)]
    pub last_trace_milliseconds: Option<f64>,
}

/// Counts of a device's work.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Counters {
    /// Kernels dispatched.
    pub dispatches: u64,
    /// Compute passes begun.
    pub passes: u64,
    /// Command buffers submitted.
    pub submits: u64,
    /// Read-backs mapped.
    pub read_backs: u64,
    /// Buffers made.
    pub buffers: u64,
    /// Bind groups made.
    pub bind_groups: u64,
    /// Pipelines compiled.
    pub pipelines: u64,
}
