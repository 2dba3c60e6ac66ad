//! The engine's methods.

use std::cell::{RefCell, RefMut};
use std::ops::ControlFlow;
use std::rc::Rc;

use explorer::{Cancel, Session};
use formats::gpt2::Gpt2Files;
use formats::sae::{FileKind, SaeFile, attention, openai, saelens};
use formats::tensors::{ShardIndex, TensorFile};
use js_sys::{Function, Promise};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

use crate::convert;
use crate::error::{bad_option, fault, refused, unreadable};
use crate::options::{self, GenerateOptions, LoadOptions, ModelOptions, PromptOptions};
use crate::panic::report_panics;
use crate::source::{self, Thrown};
use crate::tokenizer::Tokenizer;

/// One engine: a device, a model and its SAEs.
///
/// Calls take turns: one that comes while another is under way is refused with `internal` rather than mixed into it.
/// The worker queues them.
#[wasm_bindgen]
pub struct Engine {
    session: RefCell<Session>,
    cancel: Cancel,
}

#[wasm_bindgen]
// The session stays borrowed while a call waits for the device: that is what keeps a second call out.
#[allow(clippy::await_holding_refcell_ref)]
impl Engine {
    /// An engine on the device that `backend` (`auto`, `gpu`, `cpu`) and `limits` (`adapter`, `default`) ask for.
    /// `pause` is called between a call's steps; it returns a promise that lets the worker handle messages, or undefined.
    ///
    /// # Errors
    /// `no-webgpu`, `out-of-memory`, `bad-option`.
    pub async fn create(
        backend: String,
        limits: String,
        pause: Function,
    ) -> Result<Engine, JsValue> {
        report_panics();
        let (backend, limits) = (options::backend(&backend)?, options::limits(&limits)?);
        let mut session = Session::new(backend, limits).await.map_err(refused)?;
        session.set_pause(Rc::new(move || {
            let paused = pause.call0(&JsValue::UNDEFINED);
            Box::pin(async move {
                // No promise means that there is no need; a pause that fails is a short one.
                if let Ok(paused) = paused
                    && !paused.is_undefined()
                {
                    let _ = JsFuture::from(Promise::resolve(&paused)).await;
                }
            })
        }));
        Ok(Self {
            cancel: session.cancel(),
            session: RefCell::new(session),
        })
    }

    fn session(&self) -> Result<RefMut<'_, Session>, JsValue> {
        self.session.try_borrow_mut().map_err(|_| {
            let message = "another call is under way; calls to one engine take turns";
            fault("internal", message, JsValue::UNDEFINED)
        })
    }

    /// Stops the call that is under way at its next stage; it rejects with `cancelled`. Nothing if there is none.
    pub fn cancel(&self) {
        self.cancel.cancel();
    }

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
        let mut files = Vec::new();
        for weights in weights {
            let file = TensorFile::open(source::file(weights, &thrown)).await;
            files.push(file.map_err(|error| thrown.or_unreadable(error))?);
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
        let model = Gpt2Files::new(&config, weights).await;
        let model = model.map_err(|error| thrown.or_unreadable(error))?;
        let format = options.weights()?;
        let (id, name) = (&options.id, &options.name);
        let mut session = self.session()?;
        let loaded = session.load_model(id, name, model, tokenizer.inner, format);
        let info = loaded.await.map_err(|error| thrown.or(|| refused(error)))?;
        Ok(convert::model(&info))
    }

    /// Says whether a BOS goes before a prompt where no SAE says so.
    ///
    /// # Errors
    /// `no-model`.
    #[wasm_bindgen(js_name = setPrependBos)]
    pub fn set_prepend_bos(&self, prepend: bool) -> Result<(), JsValue> {
        self.session()?.set_prepend_bos(prepend).map_err(refused)
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
        let thrown = Thrown::default();
        let sae = open_pt(file, cfg, &thrown).await;
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
        let thrown = Thrown::default();
        let sae = open_folder(&cfg, weights, &thrown).await;
        self.load_sae(&id, sae, options, &thrown).await
    }

    async fn load_sae(
        &self,
        id: &str,
        sae: formats::Result<SaeFile>,
        options: JsValue,
        thrown: &Thrown,
    ) -> Result<JsValue, JsValue> {
        let options: LoadOptions = options::read("options", options)?;
        let stream = options.stream();
        let options = options.into_sae_options()?;
        let sae = sae.map_err(|error| thrown.or_unreadable(error))?;
        let mut session = self.session()?;
        let loaded = if stream {
            let sae = Rc::new(sae);
            session.load_streamed_sae(id, sae, &options, None).await
        } else {
            session.load_sae(id, &sae, &options).await
        };
        let info = loaded.map_err(|error| thrown.or(|| refused(error)))?;
        Ok(convert::sae(&info))
    }

    /// Makes the dimensions of the activation at a hook a feature set beside the SAEs.
    ///
    /// # Errors
    /// `no-model`, `hook-mismatch`.
    #[wasm_bindgen(js_name = loadNeurons)]
    pub fn load_neurons(&self, id: &str, hook: &str) -> Result<JsValue, JsValue> {
        let info = self.session()?.load_neurons(id, hook).map_err(refused)?;
        Ok(convert::sae(&info))
    }

    /// Takes an SAE or other feature set off the device.
    ///
    /// # Errors
    /// `unknown-sae`.
    #[wasm_bindgen(js_name = unloadSae)]
    pub fn unload_sae(&self, id: &str) -> Result<(), JsValue> {
        self.session()?.unload_sae(id).map_err(refused)
    }

    /// What a `.pt` is, without its weights.
    ///
    /// # Errors
    /// Those of the file, what the source throws.
    #[wasm_bindgen(js_name = inspectPt)]
    pub async fn inspect_pt(
        &self,
        file: JsValue,
        cfg: Option<Vec<u8>>,
    ) -> Result<JsValue, JsValue> {
        let thrown = Thrown::default();
        let sae = open_pt(file, cfg, &thrown).await;
        let sae = sae.map_err(|error| thrown.or_unreadable(error))?;
        Ok(convert::sae_config(&sae.config))
    }

    /// What a SAELens folder is, without its weights.
    ///
    /// # Errors
    /// As [`Engine::inspect_pt`].
    #[wasm_bindgen(js_name = inspectSaelens)]
    pub async fn inspect_saelens(
        &self,
        cfg: Vec<u8>,
        weights: JsValue,
    ) -> Result<JsValue, JsValue> {
        let thrown = Thrown::default();
        let sae = open_folder(&cfg, weights, &thrown).await;
        let sae = sae.map_err(|error| thrown.or_unreadable(error))?;
        Ok(convert::sae_config(&sae.config))
    }

    /// Runs the model over a prompt and encodes with the SAEs.
    ///
    /// # Errors
    /// Those of the prompt (`empty-prompt`, `prompt-too-long`), `unknown-sae`, `cancelled`, `device-lost`.
    pub async fn trace(&self, prompt: String, options: JsValue) -> Result<JsValue, JsValue> {
        let options: PromptOptions = options::read("options", options)?;
        let options = options.into_trace_options()?;
        let trace = self
            .session()?
            .trace(&prompt, &options)
            .await
            .map_err(refused)?;
        Ok(convert::trace(&trace))
    }

    /// What one latent writes, and what it is similar to.
    ///
    /// # Errors
    /// `unknown-sae`, `bad-option` (no such latent), `device-lost`.
    pub async fn feature(&self, sae: String, latent: JsValue) -> Result<JsValue, JsValue> {
        let latent: u32 = options::read("latent", latent)?;
        let feature = self
            .session()?
            .feature(&sae, latent)
            .await
            .map_err(refused)?;
        Ok(convert::feature(&feature))
    }

    /// Logits, `[tokens, vocab]`.
    ///
    /// # Errors
    /// As [`Engine::trace`].
    pub async fn logits(&self, prompt: String, options: JsValue) -> Result<JsValue, JsValue> {
        let options: PromptOptions = options::read("options", options)?;
        let bos = options.bos()?;
        let matrix = self
            .session()?
            .logits(&prompt, bos)
            .await
            .map_err(refused)?;
        Ok(convert::matrix(&matrix))
    }

    /// `blocks.{layer}.hook_resid_post`, `[tokens, d_model]`.
    ///
    /// # Errors
    /// As [`Engine::trace`], and `bad-option` where there is no such layer.
    pub async fn residual(
        &self,
        prompt: String,
        layer: JsValue,
        options: JsValue,
    ) -> Result<JsValue, JsValue> {
        let layer: u32 = options::read("layer", layer)?;
        let options: PromptOptions = options::read("options", options)?;
        let bos = options.bos()?;
        let matrix = self
            .session()?
            .residual(&prompt, layer as usize, bos)
            .await
            .map_err(refused)?;
        Ok(convert::matrix(&matrix))
    }

    /// An SAE's reconstruction, `[tokens, d_in]`.
    ///
    /// # Errors
    /// As [`Engine::trace`].
    pub async fn reconstruction(
        &self,
        prompt: String,
        sae: String,
        options: JsValue,
    ) -> Result<JsValue, JsValue> {
        let options: PromptOptions = options::read("options", options)?;
        let bos = options.bos()?;
        let matrix = self
            .session()?
            .reconstruction(&prompt, &sae, bos)
            .await
            .map_err(refused)?;
        Ok(convert::matrix(&matrix))
    }

    /// Runs the model with one latent set to a value, the SAE's error term kept.
    ///
    /// # Errors
    /// As [`Engine::trace`], and `bad-option` where there is no such latent or position.
    pub async fn edited(
        &self,
        prompt: String,
        edit: JsValue,
        options: JsValue,
    ) -> Result<JsValue, JsValue> {
        let edit: options::Edit = options::read("edit", edit)?;
        let options: PromptOptions = options::read("options", options)?;
        let options = options.into_trace_options()?;
        let edited = self
            .session()?
            .edited(&prompt, &edit.into(), &options)
            .await
            .map_err(refused)?;
        Ok(convert::edited(&edited))
    }

    /// Continues a prompt, telling `on_token` each token as it comes.
    ///
    /// # Errors
    /// As [`Engine::trace`]; one that is cancelled after its first token resolves with what there is.
    pub async fn generate(
        &self,
        prompt: String,
        options: JsValue,
        on_token: Function,
    ) -> Result<JsValue, JsValue> {
        let options: GenerateOptions = options::read("options", options)?;
        let options = options.into_session_options()?;
        let generation = self
            .session()?
            .generate(&prompt, &options, |token| {
                match on_token.call1(&JsValue::UNDEFINED, &convert::token(token)) {
                    Ok(_) => ControlFlow::Continue(()),
                    Err(_) => ControlFlow::Break(()),
                }
            })
            .await
            .map_err(refused)?;
        Ok(convert::generation(&generation))
    }

    /// A prompt's tokens.
    ///
    /// # Errors
    /// `no-model`, `bad-option`. A prompt that is too long is no error here.
    pub fn tokenize(&self, prompt: &str, options: JsValue) -> Result<JsValue, JsValue> {
        let options: PromptOptions = options::read("options", options)?;
        let bos = options.bos()?;
        let tokens = self.session()?.tokenize(prompt, bos).map_err(refused)?;
        Ok(convert::tokenization(&tokens))
    }

    /// What is loaded, where it runs and what it uses.
    ///
    /// # Errors
    /// `internal` while another call is under way.
    pub fn info(&self) -> Result<JsValue, JsValue> {
        Ok(convert::info(&self.session()?.info()))
    }

    /// Destroys the GPU device, as a driver reset would. For tests of recovery.
    ///
    /// # Errors
    /// `internal` while another call is under way.
    #[wasm_bindgen(js_name = loseDevice)]
    pub fn lose_device(&self) -> Result<(), JsValue> {
        self.session()?.device().destroy();
        Ok(())
    }
}

async fn open_pt(file: JsValue, cfg: Option<Vec<u8>>, thrown: &Thrown) -> formats::Result<SaeFile> {
    let file = source::file(file, thrown);
    match cfg {
        Some(cfg) => attention::open_pt(file, &cfg).await,
        None => openai::open_pt(file).await,
    }
}

async fn open_folder(cfg: &[u8], weights: JsValue, thrown: &Thrown) -> formats::Result<SaeFile> {
    let weights = TensorFile::open(source::file(weights, thrown)).await?;
    saelens::open_folder(cfg, weights).await
}

/// What kind of file begins with these bytes: `pt`, `safetensors`, `json` or `unknown`.
#[wasm_bindgen]
pub fn sniff(head: &[u8]) -> String {
    let kind = match formats::sae::sniff(head) {
        // The reader of `.pt` files says what is wrong with the old kind.
        FileKind::TorchZip | FileKind::TorchLegacy => "pt",
        FileKind::Safetensors => "safetensors",
        FileKind::Json => "json",
        _ => "unknown",
    };
    kind.to_owned()
}
