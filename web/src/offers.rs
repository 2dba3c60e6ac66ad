//! Models and SAEs that can be loaded, and stored files, as the engine's API describes them (`pkg/index.d.ts`).

use crate::data::{ModelInfo, from_js};

/// Source of a model or SAE: a value of the API that is handed back to it as it came.
#[cfg(target_arch = "wasm32")]
pub type Source = wasm_bindgen::JsValue;

/// Source of a model or SAE. There are none outside a browser.
#[cfg(not(target_arch = "wasm32"))]
pub type Source = ();

from_js! {
    /// True if there is room for something on this device.
    Fits {
        /// True if there is.
        ok: bool = "ok",
        /// Why it does not fit, or not whole.
        reason: String = "reason",
        /// Memory that it needs on the device, bytes.
        needed_bytes: f64 = "neededBytes",
        /// Memory that there is for it, bytes.
        available_bytes: f64 = "availableBytes",
    }

    /// Fields of every entry of the catalogue; for SAEs, about one of them.
    Offer {
        /// Id, as in the address.
        id: String = "id",
        /// Name for people.
        name: String = "name",
        /// The repository in which it is published, `owner/name`.
        repo: String = "repo",
        /// Licence.
        licence: String = "licence",
        /// Size of the download, bytes.
        bytes: f64 = "bytes",
        /// True if there is room for it.
        fits: Fits = "fits",
    }

    /// A model of the catalogue.
    CatalogueModel {
        /// Fields of every entry.
        offer: Offer = "",
        /// Number of blocks.
        layers: u32 = "layers",
        /// Width of the residual stream.
        d_model: u32 = "dModel",
        /// Size of the vocabulary.
        vocab: u32 = "vocab",
        /// Longest prompt, tokens.
        context: u32 = "context",
        /// Bytes of it that the browser stores.
        stored_bytes: f64 = "storedBytes",
    }

    /// A release of SAEs in the catalogue: one for each of its layers.
    CatalogueSae {
        /// Fields of every entry.
        offer: Offer = "",
        /// Id of the catalogue's model that they are for.
        model: String = "model",
        /// The layers there are.
        layers: Vec<u32> = "layers",
        /// Their hook point; `{L}` stands for the layer.
        hook: String = "hook",
        /// Width of the activation that they read.
        d_in: Option<u32> = "dIn",
        /// Number of latents.
        d_sae: u32 = "dSae",
        /// `topk` or `standard`.
        architecture: String = "architecture",
        /// Latents per token of a TopK SAE.
        k: Option<u32> = "k",
        /// Fit of one of them together with its model, where the catalogue has that.
        fits_with_model: Option<Fits> = "fitsWithModel",
        /// Bytes of each layer's SAE that the browser stores, in the order of the layers.
        stored_bytes: Vec<f64> = "storedBytes",
    }

    /// The catalogue of the site.
    Catalogue {
        /// Mirror from which files are downloaded.
        mirror: String = "mirror",
        /// Models.
        models: Vec<CatalogueModel> = "models",
        /// SAEs.
        saes: Vec<CatalogueSae> = "saes",
    }

    /// A model or SAE that was found in files or behind a link.
    FoundPart {
        /// Name for people.
        name: String = "name",
        /// Description in a few words.
        summary: String = "summary",
        /// Hook of an SAE, if it states one.
        hook: Option<String> = "hook",
        /// Name of the model that an SAE says it was trained on.
        model: Option<String> = "model",
        /// Width of the activation that an SAE reads, where its description says so.
        d_in: Option<u32> = "dIn",
        /// True if there is room for it, where that is known.
        fits: Option<Fits> = "fits",
        /// Argument that loads it.
        source: Source = "source",
    }

    /// A file that is of no use, and why.
    Trouble {
        /// The file.
        file: String = "file",
        /// Text for people.
        message: String = "message",
    }

    /// Models and SAEs in files or behind a link.
    Found {
        /// Models.
        models: Vec<FoundPart> = "models",
        /// SAEs.
        saes: Vec<FoundPart> = "saes",
        /// Problems with the rest.
        problems: Vec<Trouble> = "problems",
    }

    /// A stored file.
    Stored {
        /// Tells it from the others.
        key: String = "key",
        /// Name for people.
        name: String = "name",
        /// Address that it came from.
        url: String = "url",
        /// Length of the whole file, bytes.
        bytes: f64 = "bytes",
        /// Stored bytes of it.
        stored_bytes: f64 = "storedBytes",
        /// True if all of it is.
        complete: bool = "complete",
        /// True if it was found to have the SHA-256 that its host lists.
        verified: bool = "verified",
        /// When it was last used, in milliseconds since 1970.
        used_at: f64 = "usedAt",
        /// Id of the catalogue's model that it belongs to, itself or as part of an SAE; `demo` for the demo's.
        model: Option<String> = "model",
        /// Id of the catalogue's release of SAEs that it is a part of.
        sae: Option<String> = "sae",
        /// The layer in that release.
        layer: Option<u32> = "layer",
    }

    /// Files that the browser stores for the page.
    Storage {
        /// Files.
        entries: Vec<Stored> = "entries",
        /// Used bytes.
        usage_bytes: Option<f64> = "usageBytes",
        /// Bytes that may be used.
        quota_bytes: Option<f64> = "quotaBytes",
        /// True if the browser keeps it when space is short.
        persisted: bool = "persisted",
        /// True if the browser keeps anything.
        available: bool = "available",
        /// Why it does not.
        reason: String = "reason",
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
        "mlp.hook_pre" | "mlp.hook_post" => (model.d_mlp > 0).then_some(model.d_mlp as u32),
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

/// A model's own name without its owner, capitals and the signs between its words; GPT-2's smallest is called both ways.
fn plain(name: &str) -> String {
    let last = name.rsplit('/').next().unwrap_or_default();
    let signs = last.chars().filter(|sign| sign.is_alphanumeric());
    let plain: String = signs.map(|sign| sign.to_ascii_lowercase()).collect();
    match plain.as_str() {
        "gpt2small" => "gpt2".to_owned(),
        _ => plain,
    }
}

impl Catalogue {
    /// The model of a name that an SAE gives, if the site offers it.
    pub fn named(&self, name: &str) -> Option<&CatalogueModel> {
        let name = plain(name);
        let has = |text: &str| !name.is_empty() && plain(text) == name;
        let mut models = self.models.iter();
        models.find(|model| has(&model.offer.id) || has(&model.offer.repo))
    }
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
    fn a_model_is_found_by_the_name_that_an_sae_gives() {
        let model = |id: &str, repo: &str| CatalogueModel {
            offer: Offer {
                id: id.to_owned(),
                repo: repo.to_owned(),
                ..Offer::default()
            },
            ..CatalogueModel::default()
        };
        let catalogue = Catalogue {
            models: vec![
                model("gpt2", "openai-community/gpt2"),
                model("gpt2-medium", "openai-community/gpt2-medium"),
            ],
            ..Catalogue::default()
        };
        let found = |name| catalogue.named(name).map(|model| model.offer.id.as_str());
        for name in ["gpt2-small", "gpt2", "openai-community/gpt2", "GPT2_small"] {
            assert_eq!(found(name), Some("gpt2"), "{name}");
        }
        assert_eq!(found("gpt2-medium"), Some("gpt2-medium"));
        assert_eq!(found("pythia-70m"), None);
        assert_eq!(found(""), None);
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
