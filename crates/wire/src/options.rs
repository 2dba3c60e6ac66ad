//! Options of loading and of questions. What is left out has its default; an option that does not exist is an error.

use std::fmt;

use serde::de::{self, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

/// The device to compute on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "typings", derive(ts_rs::TS))]
pub enum BackendChoice {
    /// The GPU where there is one, else the CPU.
    #[default]
    Auto,
    /// The GPU, or an error.
    Gpu,
    /// The CPU.
    Cpu,
}

/// The GPU limits to ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "typings", derive(ts_rs::TS))]
pub enum LimitsChoice {
    /// All that the adapter offers.
    #[default]
    Adapter,
    /// Only what every WebGPU device guarantees: bindings of 128 MiB, 8 storage buffers per stage.
    Default,
}

/// The format of weights on the device. Arithmetic is always f32.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "typings", derive(ts_rs::TS))]
pub enum WeightChoice {
    /// As f16 where that loses nothing and the device gains by it, else as f32.
    #[default]
    Auto,
    /// As f32.
    F32,
    /// As f16: half the memory, and every weight rounded to 11 significant bits. On the CPU weights stay f32.
    F16,
}

/// The choice whether a BOS token is put before a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Bos {
    /// Once for everything that is loaded: with a BOS where any SAE was trained with one, else as the model is used; never where
    /// the text starts with one.
    #[default]
    Auto,
    /// Always. `true` means the same.
    Yes,
    /// Never. `false` means the same.
    No,
}

impl<'de> Deserialize<'de> for Bos {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(BosVisitor)
    }
}

struct BosVisitor;

impl Visitor<'_> for BosVisitor {
    type Value = Bos;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("auto, yes, no, true or false")
    }

    fn visit_bool<E: de::Error>(self, with: bool) -> Result<Bos, E> {
        Ok(if with { Bos::Yes } else { Bos::No })
    }

    fn visit_str<E: de::Error>(self, word: &str) -> Result<Bos, E> {
        match word {
            "auto" => Ok(Bos::Auto),
            "yes" => Ok(Bos::Yes),
            "no" => Ok(Bos::No),
            _ => Err(E::unknown_variant(word, &["auto", "yes", "no"])),
        }
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Bos, E> {
        Err(E::invalid_type(Unexpected::Float(number), &self))
    }
}

/// Options of everything that runs a prompt.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[cfg_attr(feature = "typings", derive(ts_rs::TS))]
pub struct PromptOptions {
    /// Choice of a BOS token before a text; `"auto"` (default) decides once from everything that is loaded: with a BOS where
    /// any SAE was trained with one, else as the model is used. `true` and `false` are the same as `"yes"` and `"no"`.
    #[cfg_attr(
        feature = "typings",
        ts(optional, as = "Option<crate::typings::BosChoice>")
    )]
    pub bos: Bos,
}

/// Options of a trace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[cfg_attr(feature = "typings", derive(ts_rs::TS))]
pub struct TraceOptions {
    /// Choice of a BOS token before a text, as of every prompt.
    #[cfg_attr(
        feature = "typings",
        ts(optional, as = "Option<crate::typings::BosChoice>")
    )]
    pub bos: Bos,
    /// Ids of the SAEs to encode with; default: all that are loaded.
    #[cfg_attr(feature = "typings", ts(optional))]
    pub saes: Option<Vec<String>>,
    /// Number of next tokens per position, 1 to 512; default 10.
    #[cfg_attr(feature = "typings", ts(optional, as = "Option<usize>"))]
    pub top_logits: usize,
    /// True if to read back logits, residual streams and reconstructions ([`crate::Dump`]), for callers in the same process.
    #[serde(skip)]
    #[cfg_attr(feature = "typings", ts(skip))]
    pub dump: bool,
}

/// Next tokens given for each position, unless the caller says otherwise.
pub(crate) const TOP_LOGITS: usize = 10;

impl Default for TraceOptions {
    fn default() -> Self {
        Self {
            bos: Bos::Auto,
            saes: None,
            top_logits: TOP_LOGITS,
            dump: false,
        }
    }
}

/// Values to take from a prompt's pass.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[cfg_attr(feature = "typings", derive(ts_rs::TS))]
pub struct TapOptions {
    /// TransformerLens's names: hook points (`blocks.3.hook_resid_post`, `blocks.3.mlp.hook_post`, …), attention patterns
    /// (`blocks.3.attn.hook_pattern`), and LayerNorm scales (`blocks.3.ln1.hook_scale`, `ln_final.hook_scale`).
    #[cfg_attr(feature = "typings", ts(optional, as = "Option<Vec<String>>"))]
    pub names: Vec<String>,
    /// How many of the likeliest next tokens to list per block and position, up to 512; 0 (default): no logit lens.
    #[cfg_attr(feature = "typings", ts(optional, as = "Option<usize>"))]
    pub logit_lens: usize,
    /// Choice of a BOS token before a text, as of every prompt.
    #[cfg_attr(
        feature = "typings",
        ts(optional, as = "Option<crate::typings::BosChoice>")
    )]
    pub bos: Bos,
}

/// Options of loading a model, as the engine gets them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "typings", derive(ts_rs::TS))]
pub struct ModelOptions {
    /// Id to give it.
    pub id: String,
    /// Name for people.
    pub name: String,
    /// Format of the weights on the device; `"auto"` (default): f16 where that is exact.
    #[serde(default)]
    #[cfg_attr(feature = "typings", ts(optional, as = "Option<WeightChoice>"))]
    pub weight_format: WeightChoice,
}

/// Options of loading an SAE.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[cfg_attr(feature = "typings", derive(ts_rs::TS))]
pub struct SaeOptions {
    /// Hook of the SAE, such as `blocks.3.hook_resid_post`; default: what its file says. An OpenAI `.pt` does not say, so it
    /// needs this.
    #[cfg_attr(feature = "typings", ts(optional))]
    pub hook: Option<String>,
    /// Format of the weights on the device; `"auto"` (default): f16 where that is exact.
    #[cfg_attr(feature = "typings", ts(optional, as = "Option<WeightChoice>"))]
    pub weight_format: WeightChoice,
    /// True if each position's mean over the width is taken off before encoding and put back after decoding, as for an SAE that was
    /// trained on a model with centred writing weights; default: what its files or the catalogue say.
    #[cfg_attr(feature = "typings", ts(optional))]
    pub centre: Option<bool>,
    /// True if it was trained with a BOS before each context, where its files do not say; default: what the catalogue says.
    #[cfg_attr(feature = "typings", ts(optional))]
    pub prepend_bos: Option<bool>,
    /// For `expected_average_only_in`: what activations are multiplied by, where its files do not say it.
    #[cfg_attr(feature = "typings", ts(optional))]
    pub norm_scaling_factor: Option<f32>,
    /// Leave the weights where they are, and read them through a buffer of 256 MiB for every call: for a TopK SAE in OpenAI's
    /// layout that is too large for the device. `'auto'`: where it does not fit whole, as far as is known. Default: false.
    #[cfg_attr(
        feature = "typings",
        ts(optional, as = "Option<crate::typings::StreamChoice>")
    )]
    pub stream: bool,
}
