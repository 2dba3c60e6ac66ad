//! Options of questions as JavaScript gives them. Every field may be absent, but for what a question is about. The package adds its
//! own, such as signals and listeners; whether values are possible is checked where they are used.

use serde::Deserialize;
use ts_rs::TS;

/// Options of everything that runs a prompt.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct PromptOptions {
    /// Choice of a BOS token before a text; `"auto"` (default) decides once from everything that is loaded: with a BOS where
    /// any SAE was trained with one, else as the model is used. `true` and `false` are the same as `"yes"` and `"no"`.
    #[ts(optional, type = "boolean | 'auto' | 'yes' | 'no'")]
    pub bos: Option<String>,
}

/// Options of a trace.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct TraceOptions {
    /// As of every prompt.
    #[ts(optional, type = "boolean | 'auto' | 'yes' | 'no'")]
    pub bos: Option<String>,
    /// Ids of the SAEs to encode with; default: all that are loaded.
    #[ts(optional)]
    pub saes: Option<Vec<String>>,
    /// Number of next tokens per position; default 10.
    #[ts(optional)]
    pub top_logits: Option<u32>,
}

/// Options of a run with edits.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct EditOptions {
    /// As of every prompt.
    #[ts(optional, type = "boolean | 'auto' | 'yes' | 'no'")]
    pub bos: Option<String>,
    /// Number of next tokens per position; default 10.
    #[ts(optional)]
    pub top_logits: Option<u32>,
    /// True to get the edited logits of every position as well.
    #[ts(optional)]
    pub logits: Option<bool>,
    /// Ids of tokens whose probabilities after the last token are wanted.
    #[ts(optional)]
    pub track: Option<Vec<u32>>,
}

/// Options of ranking features by what their ablation changes.
#[derive(Debug, Clone, PartialEq, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct EffectsOptions {
    /// Id of the SAE, or the name of the hook where only one is loaded.
    pub sae: String,
    /// Positions at which to ablate, as text: `"5,7..9,12.."`; default: all that count.
    #[ts(optional)]
    pub positions: Option<String>,
    /// Two tokens' ids, whose logits after the last token are compared.
    #[ts(optional)]
    pub target: Option<u32>,
    /// The other of the two.
    #[ts(optional)]
    pub distractor: Option<u32>,
    /// Default: `"logitDifference"` with a target, else `"kl"`.
    #[ts(optional, type = "'loss' | 'kl' | 'logitDifference'")]
    pub rank_by: Option<String>,
    /// Number of tokens listed that move up the most, and as many that move down; default 10.
    #[ts(optional)]
    pub top: Option<u32>,
    /// Share of each mean KL, from 0 to 1, by which it may be off, proven; on the CPU that is faster. Default 0: all is measured.
    #[ts(optional)]
    pub within: Option<f64>,
    /// As of every prompt.
    #[ts(optional, type = "boolean | 'auto' | 'yes' | 'no'")]
    pub bos: Option<String>,
}

/// Options of patching the residual stream.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct StreamPatchOptions {
    /// Two tokens' ids, whose logits after the last token are compared; default: the likeliest after the source and after the prompt.
    #[ts(optional)]
    pub target: Option<u32>,
    /// The other of the two.
    #[ts(optional)]
    pub distractor: Option<u32>,
    /// As of every prompt, for both.
    #[ts(optional, type = "boolean | 'auto' | 'yes' | 'no'")]
    pub bos: Option<String>,
}

/// Values to take from a prompt's pass.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct TapOptions {
    /// TransformerLens's names: hook points (`blocks.3.hook_resid_post`, `blocks.3.mlp.hook_post`, …), attention patterns
    /// (`blocks.3.attn.hook_pattern`), and LayerNorm scales (`blocks.3.ln1.hook_scale`, `ln_final.hook_scale`).
    #[ts(optional)]
    pub names: Option<Vec<String>>,
    /// How many of the likeliest next tokens to list per block and position; 0 (default): no logit lens.
    #[ts(optional)]
    pub logit_lens: Option<u32>,
    /// As of every prompt.
    #[ts(optional, type = "boolean | 'auto' | 'yes' | 'no'")]
    pub bos: Option<String>,
}

/// Settings of a continuation.
#[derive(Debug, Clone, PartialEq, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct GenerateOptions {
    /// The most tokens to add.
    pub max_tokens: u32,
    /// 0 (default) takes the likeliest token each time; otherwise logits are divided by it.
    #[ts(optional)]
    pub temperature: Option<f32>,
    /// Same seed, same settings: same text. Default 0.
    #[ts(optional)]
    pub seed: Option<u64>,
    /// Draw among this many likeliest tokens; 0 (default): all.
    #[ts(optional)]
    pub top_k: Option<u32>,
    /// Draw among the likeliest tokens that together reach this probability; 1 (default): all.
    #[ts(optional)]
    pub top_p: Option<f32>,
    /// Divides positive logits of tokens that stand in the text, and multiplies others; 1 (default): no change.
    #[ts(optional)]
    pub repetition_penalty: Option<f32>,
    /// Ids of SAEs, or names of their hooks, whose features `onFeatures` receives.
    #[ts(optional)]
    pub features: Option<Vec<String>>,
    /// As of every prompt.
    #[ts(optional, type = "boolean | 'auto' | 'yes' | 'no'")]
    pub bos: Option<String>,
}

/// Options of loading an SAE.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct SaeOptions {
    /// Hook of the SAE, such as `blocks.3.hook_resid_post`. An OpenAI `.pt` does not say, so it needs this.
    #[ts(optional)]
    pub hook: Option<String>,
    /// Format of the weights on the device; `"auto"` (default): f16 where that is exact.
    #[ts(optional, type = "'auto' | 'f32' | 'f16'")]
    pub weight_format: Option<String>,
    /// True if the mean over the width is subtracted from its input; default: what its files or the catalogue say.
    #[ts(optional)]
    pub centre: Option<bool>,
    /// True if it was trained with a BOS before each context, where its files do not say; default: what the catalogue says.
    #[ts(optional)]
    pub prepend_bos: Option<bool>,
    /// The factor of an SAE that was trained on activations scaled to an average length, where its files do not say it.
    #[ts(optional)]
    pub norm_scaling_factor: Option<f32>,
    /// Leave the weights where they are, and read them through a buffer of 256 MiB for every call: for a TopK SAE in OpenAI's
    /// layout that is too large for the device. `'auto'`: where it does not fit whole, as far as is known. Default: false.
    #[ts(optional, type = "boolean | 'auto'")]
    pub stream: Option<bool>,
}
