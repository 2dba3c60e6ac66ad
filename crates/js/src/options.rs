//! Arguments as JavaScript gives them. Every field may be absent or `undefined`.

use explorer::{BackendChoice, Bos, Edits, Input, LimitsChoice, RankBy, SaeOptions, WeightChoice};
use js_sys::{Array, Uint32Array};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use wasm_bindgen::{JsCast, JsValue};

use crate::error::bad_option;

/// A prompt: a text, or the ids of tokens.
#[derive(Deserialize)]
#[serde(untagged, expecting = "it must be a text, or an array of token ids")]
pub enum Prompt {
    Text(String),
    Tokens(Vec<u32>),
}

impl Prompt {
    /// As JavaScript gives it: a string, an array or a Uint32Array.
    pub fn read(value: JsValue) -> Result<Self, JsValue> {
        if let Some(text) = value.as_string() {
            return Ok(Self::Text(text));
        }
        if let Some(ids) = value.dyn_ref::<Uint32Array>() {
            return Ok(Self::Tokens(ids.to_vec()));
        }
        read("prompt", value)
    }

    /// As the session takes it.
    pub fn as_input(&self) -> Input<'_> {
        match self {
            Self::Text(text) => text.into(),
            Self::Tokens(ids) => ids.into(),
        }
    }
}

/// Options of everything that runs a prompt.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PromptOptions {
    bos: Option<String>,
    /// Ids of the SAEs to encode with; all, if absent.
    saes: Option<Vec<String>>,
    /// Number of next tokens to give for each position.
    top_logits: Option<u32>,
    /// True if every position's logits are wanted.
    logits: Option<bool>,
    /// Tokens whose probabilities after an edited prompt are wanted.
    track: Option<Vec<u32>>,
}

/// Next tokens given for each position, unless the caller says otherwise.
const TOP_LOGITS: u32 = 10;

/// The options of something that runs a prompt, as the session takes them.
pub fn trace(options: JsValue) -> Result<explorer::TraceOptions, JsValue> {
    let options: PromptOptions = read("options", options)?;
    Ok(explorer::TraceOptions {
        bos: bos(options.bos.as_deref())?,
        top_logits: options.top_logits.unwrap_or(TOP_LOGITS) as usize,
        dump: options.logits.unwrap_or(false),
        saes: options.saes,
        track: options.track.unwrap_or_default(),
    })
}

/// The choice of a BOS: all that matters of the options where nothing is traced.
pub fn bos_of(options: JsValue) -> Result<Bos, JsValue> {
    bos(read::<PromptOptions>("options", options)?.bos.as_deref())
}

/// The edits of one run: a text in the grammar of edits, an object, or a list of texts and objects.
pub fn edits(edits: &JsValue) -> Result<Vec<explorer::Edit>, JsValue> {
    let mut found = Vec::new();
    match edits.dyn_ref::<Array>() {
        None => one_of_edits(edits, &mut found)?,
        Some(list) => {
            for edit in list.iter() {
                one_of_edits(&edit, &mut found)?;
            }
        }
    }
    Ok(found)
}

fn one_of_edits(edit: &JsValue, found: &mut Vec<explorer::Edit>) -> Result<(), JsValue> {
    match edit.as_string() {
        None => found.push(read("edit", edit.clone())?),
        Some(text) => {
            let edits: Edits = text.parse().map_err(|error| bad_option("edit", error))?;
            found.extend(edits.0);
        }
    }
    Ok(())
}

/// The edits of several runs of one prompt.
pub fn edit_lists(lists: &JsValue) -> Result<Vec<Vec<explorer::Edit>>, JsValue> {
    let lists = lists.dyn_ref::<Array>();
    let lists = lists.ok_or_else(|| bad_option("edits", "it must be a list of lists of edits"))?;
    lists.iter().map(|list| edits(&list)).collect()
}

/// Options of ranking features by what their ablation changes.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EffectsOptions {
    sae: String,
    positions: Option<String>,
    target: Option<u32>,
    distractor: Option<u32>,
    rank_by: Option<String>,
    top: Option<u32>,
    bos: Option<String>,
}

/// The options of effects, as the session takes them.
pub fn effects(options: JsValue) -> Result<explorer::EffectsOptions, JsValue> {
    let given: EffectsOptions = read("options", options)?;
    let tokens = compared(given.target, given.distractor)?;
    let rank_by = match given.rank_by.as_deref() {
        None if tokens.is_some() => RankBy::LogitDifference,
        None | Some("kl") => RankBy::Kl,
        Some("loss") => RankBy::Loss,
        Some("logitDifference") => RankBy::LogitDifference,
        Some(other) => return Err(one_of("rankBy", other, "loss, kl or logitDifference")),
    };
    let positions = given.positions.map(|text| text.parse());
    let positions = positions.transpose();
    let usual = explorer::EffectsOptions::new(&given.sae);
    Ok(explorer::EffectsOptions {
        positions: positions.map_err(|error| bad_option("positions", error))?,
        tokens,
        rank_by,
        top: given.top.map_or(usual.top, |top| top as usize),
        bos: bos(given.bos.as_deref())?,
        ..usual
    })
}

/// Both tokens whose logits are compared, or none.
fn compared(target: Option<u32>, distractor: Option<u32>) -> Result<Option<(u32, u32)>, JsValue> {
    match (target, distractor) {
        (None, None) => Ok(None),
        (Some(target), Some(distractor)) => Ok(Some((target, distractor))),
        (Some(_), None) => Err(bad_option("distractor", "target needs one")),
        (None, Some(_)) => Err(bad_option("target", "distractor needs one")),
    }
}

/// Options of patching the residual stream.
#[derive(Deserialize)]
struct StreamPatchOptions {
    target: Option<u32>,
    distractor: Option<u32>,
    bos: Option<String>,
}

/// The options of patching, as the session takes them.
pub fn patch_stream(options: JsValue) -> Result<explorer::StreamPatchOptions, JsValue> {
    let given: StreamPatchOptions = read("options", options)?;
    Ok(explorer::StreamPatchOptions {
        tokens: compared(given.target, given.distractor)?,
        bos: bos(given.bos.as_deref())?,
    })
}

/// Values to take from a prompt's pass.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Taps {
    names: Vec<String>,
    logit_lens: u32,
    bos: Option<String>,
}

/// The taps of a pass.
pub fn taps(options: JsValue) -> Result<explorer::TapOptions, JsValue> {
    let taps: Taps = read("options", options)?;
    Ok(explorer::TapOptions {
        names: taps.names,
        logit_lens: taps.logit_lens as usize,
        bos: bos(taps.bos.as_deref())?,
    })
}

/// Options of loading a model.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ModelOptions {
    pub id: String,
    pub name: String,
    weight_format: Option<String>,
}

impl ModelOptions {
    /// The storage of the weights.
    pub fn weights(&self) -> Result<WeightChoice, JsValue> {
        weights(self.weight_format.as_deref())
    }
}

/// Options of loading an SAE.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LoadOptions {
    hook: Option<String>,
    weight_format: Option<String>,
    centre: Option<bool>,
    prepend_bos: Option<bool>,
    norm_scaling_factor: Option<f32>,
    stream: Option<bool>,
}

fn weights(format: Option<&str>) -> Result<WeightChoice, JsValue> {
    match format {
        None | Some("auto") => Ok(WeightChoice::Auto),
        Some("f32") => Ok(WeightChoice::F32),
        Some("f16") => Ok(WeightChoice::F16),
        Some(other) => Err(bad_option(
            "weightFormat",
            format!("\"{other}\" is none of auto, f32, f16"),
        )),
    }
}

impl LoadOptions {
    /// True if it stays in its file, and is read through a buffer for each prompt.
    pub fn stream(&self) -> bool {
        self.stream.unwrap_or(false)
    }

    /// As the session takes it.
    pub fn into_sae_options(self) -> Result<SaeOptions, JsValue> {
        Ok(SaeOptions {
            weights: weights(self.weight_format.as_deref())?,
            hook: self.hook,
            centre: self.centre,
            prepend_bos: self.prepend_bos,
            norm_scaling_factor: self.norm_scaling_factor,
        })
    }
}

/// Settings of a generation.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GenerateOptions {
    max_tokens: u32,
    temperature: Option<f32>,
    seed: Option<u64>,
    top_k: Option<u32>,
    top_p: Option<f32>,
    repetition_penalty: Option<f32>,
    #[serde(default)]
    features: Vec<String>,
    bos: Option<String>,
}

impl GenerateOptions {
    /// As the session takes it.
    pub fn into_session_options(
        self,
        edits: Vec<explorer::Edit>,
    ) -> Result<explorer::GenerateOptions, JsValue> {
        Ok(explorer::GenerateOptions {
            max_tokens: self.max_tokens as usize,
            temperature: self.temperature.unwrap_or(0.0),
            seed: self.seed.unwrap_or(0),
            top_k: self.top_k.unwrap_or(0) as usize,
            top_p: self.top_p.unwrap_or(1.0),
            repetition_penalty: self.repetition_penalty.unwrap_or(1.0),
            edits,
            features: self.features,
            bos: bos(self.bos.as_deref())?,
        })
    }
}

/// An argument of a call.
pub fn read<T: DeserializeOwned>(name: &str, value: JsValue) -> Result<T, JsValue> {
    serde_wasm_bindgen::from_value(value).map_err(|error| bad_option(name, error))
}

/// The device to compute on.
pub fn backend(name: &str) -> Result<BackendChoice, JsValue> {
    match name {
        "auto" => Ok(BackendChoice::Auto),
        "gpu" => Ok(BackendChoice::Gpu),
        "cpu" => Ok(BackendChoice::Cpu),
        other => Err(one_of("backend", other, "auto, gpu or cpu")),
    }
}

/// The GPU limits to request.
pub fn limits(name: &str) -> Result<LimitsChoice, JsValue> {
    match name {
        "adapter" => Ok(LimitsChoice::Adapter),
        "default" => Ok(LimitsChoice::Default),
        other => Err(one_of("limits", other, "adapter or default")),
    }
}

pub fn bos(name: Option<&str>) -> Result<Bos, JsValue> {
    match name {
        None | Some("auto") => Ok(Bos::Auto),
        Some("yes") => Ok(Bos::Yes),
        Some("no") => Ok(Bos::No),
        Some(other) => Err(one_of("bos", other, "auto, yes or no")),
    }
}

fn one_of(name: &str, value: &str, allowed: &str) -> JsValue {
    bad_option(name, format!("it is \"{value}\"; it can be {allowed}"))
}
