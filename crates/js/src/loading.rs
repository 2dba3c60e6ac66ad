//! Loading models and SAEs into the engine, and what files are.

use std::rc::Rc;

use formats::gpt2::Gpt2Files;
use formats::sae::{Architecture, FileKind, SaeFile, attention, openai, saelens};
use formats::tensors::{ShardIndex, TensorFile};
use wasm_bindgen::prelude::*;
use wire::SaeConfig;
use wire::options::SaeOptions;

use crate::engine::Engine;
use crate::error::{answer, bad_option, refused, unreadable};
use crate::options::{self, ModelOptions};
use crate::source::{self, Thrown};
use crate::tokenizer::Tokenizer;

#[wasm_bindgen]
// The session stays borrowed while a call waits for the device: that is what keeps a second call out.
#[allow(clippy::await_holding_refcell_ref)]
impl Engine {
    /// Loads a model, in place of the one before. `weights` are sources (see `source.rs`): one, or the files that
    /// `index` names. Of them no more than a few pieces of 4 MiB are in memory at a time.
    ///
    /// # Errors
    /// Those of the files, what a source throws, `cancelled`, `out-of-memory`, `device-lost`.
    #[wasm_bindgen(js_name = loadModel)]
    pub async fn load_model(
        &self,
        config: Vec<u8>,
        weights: Vec<JsValue>,
        index: Option<Vec<u8>>,
        tokenizer: Tokenizer,
        options: JsValue,
    ) -> Result<JsValue, JsValue> {
        let options: ModelOptions = options::read("options", options)?;
        let thrown = Thrown::default();
        let model = open_model(&config, weights, index, &thrown).await?;
        let format = options.weights()?;
        let (id, name) = (&options.id, &options.name);
        let mut session = self.session()?;
        let loaded = session.load_model(id, name, model, tokenizer.inner, format);
        let info = loaded.await.map_err(|error| thrown.or(|| refused(error)))?;
        answer(&info)
    }

    /// Loads a `.pt` from a source: OpenAI's, which does not say where it belongs and so needs a hook, or, with its
    /// settings `cfg`, one for attention heads' outputs.
    ///
    /// # Errors
    /// Those of the file, what the source throws, `hook-mismatch`, `width-mismatch`, `no-model`, `cancelled`,
    /// `out-of-memory`, `device-lost`.
    #[wasm_bindgen(js_name = loadPt)]
    pub async fn load_pt(
        &self,
        id: String,
        file: JsValue,
        cfg: Option<Vec<u8>>,
        options: JsValue,
    ) -> Result<JsValue, JsValue> {
        let (options, thrown) = (options::read("options", options)?, Thrown::default());
        let sae = open_pt(file, cfg, &thrown).await?;
        self.load_sae(&id, sae, options, &thrown).await
    }

    /// Loads a SAELens folder, its weights from a source.
    ///
    /// # Errors
    /// As [`Engine::load_pt`].
    #[wasm_bindgen(js_name = loadSaelens)]
    pub async fn load_saelens(
        &self,
        id: String,
        cfg: Vec<u8>,
        weights: JsValue,
        options: JsValue,
    ) -> Result<JsValue, JsValue> {
        let (options, thrown) = (options::read("options", options)?, Thrown::default());
        let sae = open_folder(&cfg, weights, &thrown).await?;
        self.load_sae(&id, sae, options, &thrown).await
    }

    async fn load_sae(
        &self,
        id: &str,
        sae: SaeFile,
        options: SaeOptions,
        thrown: &Thrown,
    ) -> Result<JsValue, JsValue> {
        let stream = options.stream.unwrap_or(false);
        let options = options::sae(options)?;
        let mut session = self.session()?;
        let loaded = if stream {
            let sae = Rc::new(sae);
            session.load_streamed_sae(id, sae, &options, None).await
        } else {
            session.load_sae(id, &sae, &options).await
        };
        let info = loaded.map_err(|error| thrown.or(|| refused(error)))?;
        answer(&info)
    }

    /// Makes the dimensions of the activation at a hook a feature set beside the SAEs.
    ///
    /// # Errors
    /// `no-model`, `hook-mismatch`.
    #[wasm_bindgen(js_name = loadNeurons)]
    pub fn load_neurons(&self, id: &str, hook: &str) -> Result<JsValue, JsValue> {
        let info = self.session()?.load_neurons(id, hook).map_err(refused)?;
        answer(&info)
    }

    /// Takes an SAE or other feature set off the device.
    ///
    /// # Errors
    /// `unknown-sae`.
    #[wasm_bindgen(js_name = unloadSae)]
    pub fn unload_sae(&self, id: &str) -> Result<(), JsValue> {
        self.session()?.unload_sae(id).map_err(refused)
    }

    /// The description of a `.pt`, without its weights.
    ///
    /// # Errors
    /// Those of the file, what the source throws.
    #[wasm_bindgen(js_name = inspectPt)]
    pub async fn inspect_pt(
        &self,
        file: JsValue,
        cfg: Option<Vec<u8>>,
    ) -> Result<JsValue, JsValue> {
        let sae = open_pt(file, cfg, &Thrown::default()).await?;
        answer(&config(&sae.config))
    }

    /// The description of a SAELens folder, without its weights.
    ///
    /// # Errors
    /// As [`Engine::inspect_pt`].
    #[wasm_bindgen(js_name = inspectSaelens)]
    pub async fn inspect_saelens(
        &self,
        cfg: Vec<u8>,
        weights: JsValue,
    ) -> Result<JsValue, JsValue> {
        let sae = open_folder(&cfg, weights, &Thrown::default()).await?;
        answer(&config(&sae.config))
    }
}

/// The settings in an SAE's file.
fn config(found: &formats::sae::SaeConfig) -> SaeConfig {
    SaeConfig {
        architecture: found.architecture.name().to_owned(),
        d_in: found.d_in,
        n_latents: found.d_sae,
        k: match found.architecture {
            Architecture::TopK { k } => Some(k),
            _ => None,
        },
        normalization: found.normalization.name().to_owned(),
        hook: found.hook_name.clone(),
        model_name: found.model_name.clone(),
        prepend_bos: found.prepend_bos,
        context_size: found.context_size,
    }
}

/// The files of a model.
///
/// # Errors
/// Those of the files, what a source throws.
pub async fn open_model(
    config: &[u8],
    weights: Vec<JsValue>,
    index: Option<Vec<u8>>,
    thrown: &Thrown,
) -> Result<Gpt2Files, JsValue> {
    let mut files = Vec::new();
    for weights in weights {
        files.push(open_tensors(weights, thrown).await?);
    }
    let weights = match index {
        Some(index) => ShardIndex::from_json("model.safetensors.index.json", &index)
            .and_then(|index| index.join(files))
            .map_err(unreadable)?,
        None => match files.into_iter().next() {
            Some(file) => file.into(),
            None => return Err(bad_option("weights", "no file was given")),
        },
    };
    let model = Gpt2Files::new(config, weights).await;
    model.map_err(|error| thrown.or_unreadable(error))
}

/// The file of an SAE: a `.pt`, with its settings where it has some beside it.
///
/// # Errors
/// Those of the file, what its source throws.
pub async fn open_pt(
    file: JsValue,
    cfg: Option<Vec<u8>>,
    thrown: &Thrown,
) -> Result<SaeFile, JsValue> {
    let file = source::file(file, thrown);
    let sae = match cfg {
        Some(cfg) => attention::open_pt(file, &cfg).await,
        None => openai::open_pt(file).await,
    };
    sae.map_err(|error| thrown.or_unreadable(error))
}

/// The files of an SAE in a SAELens folder.
///
/// # Errors
/// Those of the files, what the source throws.
pub async fn open_folder(
    cfg: &[u8],
    weights: JsValue,
    thrown: &Thrown,
) -> Result<SaeFile, JsValue> {
    let weights = open_tensors(weights, thrown).await?;
    let sae = saelens::open_folder(cfg, weights).await;
    sae.map_err(|error| thrown.or_unreadable(error))
}

async fn open_tensors(file: JsValue, thrown: &Thrown) -> Result<TensorFile, JsValue> {
    let file = TensorFile::open(source::file(file, thrown)).await;
    file.map_err(|error| thrown.or_unreadable(error))
}

/// The kind of file that begins with these bytes: `pt`, `safetensors`, `json` or `unknown`.
#[wasm_bindgen]
pub fn sniff(head: &[u8]) -> String {
    // Only the beginning is known here, not the file's size.
    let kind = match formats::sae::sniff_head(head, u64::MAX) {
        // The reader of `.pt` files says what is wrong with the old kind.
        FileKind::TorchZip | FileKind::TorchLegacy => "pt",
        FileKind::Safetensors => "safetensors",
        FileKind::Json => "json",
        _ => "unknown",
    };
    kind.to_owned()
}
