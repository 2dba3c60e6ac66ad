//! Arguments as JavaScript gives them: options are those of `wire`, and every field may be absent or `undefined`.

use explorer::{BackendChoice, Bos, Edits, Input, LimitsChoice, RankBy, SaeOptions, WeightChoice};
use js_sys::{Array, Uint32Array};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use wasm_bindgen::{JsCast, JsValue};
use wire::options as given;

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

/// Next tokens given for each position, unless the caller says otherwise.
const TOP_LOGITS: u32 = 10;

/// The options of a trace, as the session takes them.
pub fn trace(options: JsValue) -> Result<explorer::TraceOptions, JsValue> {
    let given: given::TraceOptions = read("options", options)?;
    Ok(explorer::TraceOptions {
        bos: bos(given.bos.as_deref())?,
        top_logits: given.top_logits.unwrap_or(TOP_LOGITS) as usize,
        saes: given.saes,
        ..explorer::TraceOptions::default()
    })
}

/// The options of a run with edits, as the session takes them.
pub fn edited(options: JsValue) -> Result<explorer::TraceOptions, JsValue> {
    let given: given::EditOptions = read("options", options)?;
    Ok(explorer::TraceOptions {
        bos: bos(given.bos.as_deref())?,
        top_logits: given.top_logits.unwrap_or(TOP_LOGITS) as usize,
        dump: given.logits.unwrap_or(false),
        track: given.track.unwrap_or_default(),
        ..explorer::TraceOptions::default()
    })
}

/// The choice of a BOS: all that matters of the options where nothing is traced.
pub fn bos_of(options: JsValue) -> Result<Bos, JsValue> {
    bos(read::<given::PromptOptions>("options", options)?
        .bos
        .as_deref())
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

/// The options of effects, as the session takes them.
pub fn effects(options: JsValue) -> Result<explorer::EffectsOptions, JsValue> {
    let given: given::EffectsOptions = read("options", options)?;
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
        within: given.within.unwrap_or(usual.within),
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

/// The options of patching, as the session takes them.
pub fn patch_stream(options: JsValue) -> Result<explorer::StreamPatchOptions, JsValue> {
    let given: given::StreamPatchOptions = read("options", options)?;
    Ok(explorer::StreamPatchOptions {
        tokens: compared(given.target, given.distractor)?,
        bos: bos(given.bos.as_deref())?,
    })
}

/// The taps of a pass.
pub fn taps(options: JsValue) -> Result<explorer::TapOptions, JsValue> {
    let given: given::TapOptions = read("options", options)?;
    Ok(explorer::TapOptions {
        names: given.names.unwrap_or_default(),
        logit_lens: given.logit_lens.unwrap_or(0) as usize,
        bos: bos(given.bos.as_deref())?,
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

/// The options of loading an SAE, as the session takes them.
pub fn sae(given: given::SaeOptions) -> Result<SaeOptions, JsValue> {
    Ok(SaeOptions {
        weights: weights(given.weight_format.as_deref())?,
        hook: given.hook,
        centre: given.centre,
        prepend_bos: given.prepend_bos,
        norm_scaling_factor: given.norm_scaling_factor,
    })
}

/// The settings of a generation, as the session takes them.
pub fn generate(
    options: JsValue,
    edits: Vec<explorer::Edit>,
) -> Result<explorer::GenerateOptions, JsValue> {
    let given: given::GenerateOptions = read("options", options)?;
    Ok(explorer::GenerateOptions {
        max_tokens: given.max_tokens as usize,
        temperature: given.temperature.unwrap_or(0.0),
        seed: given.seed.unwrap_or(0),
        top_k: given.top_k.unwrap_or(0) as usize,
        top_p: given.top_p.unwrap_or(1.0),
        repetition_penalty: given.repetition_penalty.unwrap_or(1.0),
        edits,
        features: given.features.unwrap_or_default(),
        bos: bos(given.bos.as_deref())?,
    })
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
