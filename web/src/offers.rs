//! Models and SAEs that can be loaded, and stored files, as the engine's API describes them (`pkg/index.d.ts`).

use serde::Deserialize;

use crate::data::{ModelInfo, or_default};

/// Source of a model or SAE: a value of the API that is handed back to it as it came.
#[cfg(target_arch = "wasm32")]
pub type Source = wasm_bindgen::JsValue;

/// Source of a model or SAE. There are none outside a browser.
#[cfg(not(target_arch = "wasm32"))]
pub type Source = ();

/// True if there is room for something on this device.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Fits {
    /// True if there is.
    pub ok: bool,
    /// Why it does not fit, or not whole.
    #[serde(deserialize_with = "or_default")]
    pub reason: String,
    /// Memory that it needs on the device, bytes.
    pub needed_bytes: f64,
    /// Memory that there is for it, bytes.
    pub available_bytes: f64,
}

/// Fields of every entry of the catalogue; for SAEs, about one of them.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Offer {
    /// Id, as in the address.
    pub id: String,
    /// Name for people.
    pub name: String,
    /// The repository in which it is published, `owner/name`.
    pub repo: String,
    /// Licence.
    pub licence: String,
    /// Size of the download, bytes.
    pub bytes: f64,
    /// True if there is room for it.
    pub fits: Fits,
}

/// A model of the catalogue.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CatalogueModel {
    /// Fields of every entry.
    #[serde(rename = "")]
    pub offer: Offer,
    /// Number of blocks.
    pub layers: u32,
    /// Width of the residual stream.
    pub d_model: u32,
    /// Size of the vocabulary.
    pub vocab: u32,
    /// Longest prompt, tokens.
    pub context: u32,
    /// Bytes of it that the browser stores.
    pub stored_bytes: f64,
}

/// A release of SAEs in the catalogue: one for each of its layers.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CatalogueSae {
    /// Fields of every entry.
    #[serde(rename = "")]
    pub offer: Offer,
    /// Id of the catalogue's model that they are for.
    pub model: String,
    /// The layers there are.
    pub layers: Vec<u32>,
    /// Their hook point; `{L}` stands for the layer.
    pub hook: String,
    /// Width of the activation that they read.
    pub d_in: Option<u32>,
    /// Number of latents.
    pub d_sae: u32,
    /// `topk` or `standard`.
    pub architecture: String,
    /// Latents per token of a TopK SAE.
    pub k: Option<u32>,
    /// Fit of one of them together with its model, where the catalogue has that.
    pub fits_with_model: Option<Fits>,
    /// Bytes of each layer's SAE that the browser stores, in the order of the layers.
    pub stored_bytes: Vec<f64>,
}

/// The catalogue of the site.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Catalogue {
    /// Mirror from which files are downloaded.
    #[serde(deserialize_with = "or_default")]
    pub mirror: String,
    /// Models.
    pub models: Vec<CatalogueModel>,
    /// SAEs.
    pub saes: Vec<CatalogueSae>,
}

/// A model or SAE that was found in files or behind a link.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FoundPart {
    /// Name for people.
    pub name: String,
    /// Description in a few words.
    pub summary: String,
    /// Hook of an SAE, if it states one.
    pub hook: Option<String>,
    /// Width of the activation that an SAE reads, where its description says so.
    pub d_in: Option<u32>,
    /// True if there is room for it, where that is known.
    pub fits: Option<Fits>,
    /// Argument that loads it.
    #[serde(skip)]
    pub source: Source,
}

/// A file that is of no use, and why.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Trouble {
    /// The file.
    pub file: String,
    /// Text for people.
    pub message: String,
}

/// Models and SAEs in files or behind a link.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Found {
    /// Models.
    pub models: Vec<FoundPart>,
    /// SAEs.
    pub saes: Vec<FoundPart>,
    /// Problems with the rest.
    pub problems: Vec<Trouble>,
}

/// A stored file.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Stored {
    /// Tells it from the others.
    pub key: String,
    /// Name for people.
    pub name: String,
    /// Address that it came from.
    pub url: String,
    /// Length of the whole file, bytes.
    pub bytes: f64,
    /// Stored bytes of it.
    pub stored_bytes: f64,
    /// True if all of it is.
    pub complete: bool,
    /// True if it was found to have the SHA-256 that its host lists.
    pub verified: bool,
    /// When it was last used, in milliseconds since 1970.
    pub used_at: f64,
    /// Id of the catalogue's model that it belongs to, itself or as part of an SAE; `demo` for the demo's.
    pub model: Option<String>,
    /// Id of the catalogue's release of SAEs that it is a part of.
    pub sae: Option<String>,
    /// The layer in that release.
    pub layer: Option<u32>,
}

/// Files that the browser stores for the page.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Storage {
    /// Files.
    pub entries: Vec<Stored>,
    /// Used bytes.
    pub usage_bytes: Option<f64>,
    /// Bytes that may be used.
    pub quota_bytes: Option<f64>,
    /// True if the browser keeps it when space is short.
    pub persisted: bool,
    /// True if the browser keeps anything.
    pub available: bool,
    /// Why it does not.
    #[serde(deserialize_with = "or_default")]
    pub reason: String,
}

#[cfg(target_arch = "wasm32")]
impl Found {
    /// What was found, with the sources as they came.
    ///
    /// # Errors
    /// Those of reading.
    pub fn read(value: wasm_bindgen::JsValue) -> Result<Self, crate::engine::Fault> {
        use crate::js_value::get;
        let mut found: Self = crate::engine::read(value.clone())?;
        for (name, parts) in [("models", &mut found.models), ("saes", &mut found.saes)] {
            let sources = get(&value, name).map(|list| js_sys::Array::from(&list));
            let sources = sources.unwrap_or_default();
            for (part, from) in parts.iter_mut().zip(sources.iter()) {
                part.source = get(&from, "source").unwrap_or_default();
            }
        }
        Ok(found)
    }
}

impl FoundPart {
    /// Width of the activation that an SAE reads: as its description states it by itself, or else in words.
    pub fn width(&self) -> Option<u32> {
        let words = || {
            self.summary
                .split_once("latents of width ")?
                .1
                .split(',')
                .next()
        };
        self.d_in.or_else(|| words()?.trim().parse().ok())
    }
}

/// Id of the demo's model.
const DEMO: &str = "demo";

/// Width of the activation at a hook point of a model, where that is certain.
fn hook_width(model: &ModelInfo, hook: &str) -> Option<u32> {
    let point = match hook.strip_prefix("blocks.") {
        Some(rest) => rest.split_once('.')?.1,
        None => hook,
    };
    match point {
        "mlp.hook_pre" | "mlp.hook_post" if model.d_mlp > 0 => Some(model.d_mlp as u32),
        // The heads of a GPT-2 together are as wide as its residual stream.
        "hook_embed"
        | "hook_resid_pre"
        | "hook_resid_mid"
        | "hook_resid_post"
        | "hook_in"
        | "hook_out"
        | "hook_attn_out"
        | "attn.hook_out"
        | "hook_mlp_out"
        | "mlp.hook_out"
        | "attn.hook_z"
        | "ln_final.hook_normalized" => Some(model.d_model as u32),
        _ => None,
    }
}

/// Why an SAE that reads an activation of some width cannot belong to a hook point of a model.
pub fn does_not_belong(
    model: &ModelInfo,
    width: Option<u32>,
    hook: Option<&str>,
) -> Option<String> {
    let (width, hook) = (width?, hook?);
    let there = hook_width(model, hook).filter(|&there| there != width)?;
    let name = &model.name;
    Some(format!(
        "does not belong to {name}: it reads {width} values, and {hook} has {there} there"
    ))
}

impl CatalogueModel {
    /// True if a loaded model was taken from this entry, at whatever commit.
    pub fn gave(&self, model: &ModelInfo) -> bool {
        model.id.split('@').next() == Some(&self.offer.id)
    }

    /// True if a loaded model is this one: taken from the catalogue, or of the same shape from elsewhere. The demo is a model of
    /// its own, whatever its shape.
    pub fn is(&self, model: &ModelInfo) -> bool {
        let shape = [self.layers, self.d_model, self.vocab].map(|size| size as usize);
        self.gave(model)
            || model.id != DEMO && shape == [model.n_layers, model.d_model, model.vocab]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_sae_of_another_width_does_not_belong() {
        let model = ModelInfo {
            name: "GPT-2 small".to_owned(),
            d_model: 768,
            ..ModelInfo::default()
        };
        let at = |width, hook| does_not_belong(&model, width, hook);
        for hook in ["blocks.8.hook_resid_post", "blocks.3.attn.hook_z"] {
            assert_eq!(at(Some(768), Some(hook)), None);
            let why = at(Some(1024), Some(hook)).unwrap_or_default();
            assert!(why.contains("1024 values"), "{why}");
            assert!(why.contains("GPT-2 small") && why.contains("768"), "{why}");
        }
        // Nothing is said of what is not known: a width, a hook point, how wide that is.
        assert_eq!(at(None, Some("blocks.8.hook_resid_post")), None);
        assert_eq!(at(Some(1024), None), None);
        assert_eq!(at(Some(1024), Some("blocks.8.mlp.hook_post")), None);
        let wide = ModelInfo {
            d_mlp: 3072,
            ..model.clone()
        };
        assert_eq!(
            does_not_belong(&wide, Some(3072), Some("blocks.8.mlp.hook_post")),
            None
        );
        assert!(does_not_belong(&wide, Some(768), Some("blocks.8.mlp.hook_post")).is_some());
    }

    #[test]
    fn a_width_is_read_from_its_own_field_or_from_the_words() {
        let part = |d_in, summary: &str| FoundPart {
            d_in,
            summary: summary.to_owned(),
            ..FoundPart::default()
        };
        assert_eq!(
            part(None, "TopK, 4096 latents of width 256, k = 16").width(),
            Some(256)
        );
        assert_eq!(part(None, "ReLU, 8 latents of width 64").width(), Some(64));
        assert_eq!(
            part(Some(5), "ReLU, 8 latents of width 64").width(),
            Some(5)
        );
        assert_eq!(part(None, "torch .pt file").width(), None);
    }

    #[test]
    fn a_model_is_known_by_its_id_or_its_shape() {
        let entry = CatalogueModel {
            offer: Offer {
                id: "gpt2".to_owned(),
                ..Offer::default()
            },
            layers: 12,
            d_model: 768,
            vocab: 50257,
            ..CatalogueModel::default()
        };
        let model = |id: &str, n_layers| ModelInfo {
            id: id.to_owned(),
            n_layers,
            d_model: 768,
            vocab: 50257,
            ..ModelInfo::default()
        };
        assert!(entry.is(&model("gpt2", 0)));
        assert!(entry.is(&model("file:my-gpt2", 12)));
        assert!(!entry.is(&model("file:my-gpt2", 6)));
        assert!(!entry.is(&model("demo", 12)));
        let pinned = model("gpt2@0123456789abcdef0123456789abcdef01234567", 0);
        assert!(entry.is(&pinned) && entry.gave(&pinned));
        assert!(!entry.gave(&model("file:my-gpt2", 12)));
    }
}
