//! The engine, and the questions that it answers.

use std::cell::{RefCell, RefMut};
use std::ops::ControlFlow;
use std::rc::Rc;

use explorer::{Cancel, Session, Written};
use js_sys::{Function, Promise};
use serde::Serialize;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

use crate::error::{answer, fault, refused};
use crate::options;
use crate::panic::report_panics;

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

    pub(crate) fn session(&self) -> Result<RefMut<'_, Session>, JsValue> {
        self.session.try_borrow_mut().map_err(|_| {
            let message = "another call is under way; calls to one engine take turns";
            fault("internal", message, JsValue::UNDEFINED)
        })
    }

    /// Stops the call that is under way at its next stage; it rejects with `cancelled`. Nothing if there is none.
    pub fn cancel(&self) {
        self.cancel.cancel();
    }

    /// Says whether a BOS goes before a prompt where no SAE says so.
    ///
    /// # Errors
    /// `no-model`.
    #[wasm_bindgen(js_name = setPrependBos)]
    pub fn set_prepend_bos(&self, prepend: bool) -> Result<(), JsValue> {
        self.session()?.set_prepend_bos(prepend).map_err(refused)
    }

    /// Limits questions to the feature sets with these ids, a list, as if no others were loaded; undefined: all.
    ///
    /// # Errors
    /// `bad-option`; `internal` while another call is under way.
    #[wasm_bindgen(js_name = lookAt)]
    pub fn look_at(&self, ids: JsValue) -> Result<(), JsValue> {
        let view: Option<Vec<String>> = match ids.is_undefined() {
            true => None,
            false => Some(options::read("ids", ids)?),
        };
        self.session()?.look_at(view);
        Ok(())
    }

    /// Runs the model over a prompt and encodes with the SAEs.
    ///
    /// # Errors
    /// Those of the prompt (`empty-prompt`, `prompt-too-long`), `unknown-sae`, `cancelled`, `device-lost`.
    pub async fn trace(&self, prompt: JsValue, options: JsValue) -> Result<JsValue, JsValue> {
        let prompt = options::Prompt::read(prompt)?;
        let options = options::trace(options)?;
        let trace = self
            .session()?
            .trace(prompt.as_input(), &options)
            .await
            .map_err(refused)?;
        answer(&trace)
    }

    /// The description of a latent: its output direction and its neighbours.
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
        answer(&feature)
    }

    /// The latents of an SAE that are most like a latent of another one.
    ///
    /// # Errors
    /// `unknown-sae`, `bad-option` (no such latent, not comparable), `device-lost`.
    pub async fn matches(
        &self,
        sae: String,
        latent: JsValue,
        other: String,
    ) -> Result<JsValue, JsValue> {
        let latent: u32 = options::read("latent", latent)?;
        let found = self
            .session()?
            .matches(&sae, latent, &other)
            .await
            .map_err(refused)?;
        answer(&found)
    }

    /// Logits, `[tokens, vocab]`.
    ///
    /// # Errors
    /// As [`Engine::trace`].
    pub async fn logits(&self, prompt: JsValue, options: JsValue) -> Result<JsValue, JsValue> {
        let prompt = options::Prompt::read(prompt)?;
        let bos = options::bos_of(options)?;
        let matrix = self
            .session()?
            .logits(prompt.as_input(), bos)
            .await
            .map_err(refused)?;
        answer(&matrix)
    }

    /// `blocks.{layer}.hook_resid_post`, `[tokens, d_model]`.
    ///
    /// # Errors
    /// As [`Engine::trace`], and `bad-option` where there is no such layer.
    pub async fn residual(
        &self,
        prompt: JsValue,
        layer: JsValue,
        options: JsValue,
    ) -> Result<JsValue, JsValue> {
        let prompt = options::Prompt::read(prompt)?;
        let layer: u32 = options::read("layer", layer)?;
        let bos = options::bos_of(options)?;
        let matrix = self
            .session()?
            .residual(prompt.as_input(), layer as usize, bos)
            .await
            .map_err(refused)?;
        answer(&matrix)
    }

    /// An SAE's reconstruction, `[tokens, d_in]`.
    ///
    /// # Errors
    /// As [`Engine::trace`].
    pub async fn reconstruction(
        &self,
        prompt: JsValue,
        sae: String,
        options: JsValue,
    ) -> Result<JsValue, JsValue> {
        let prompt = options::Prompt::read(prompt)?;
        let bos = options::bos_of(options)?;
        let matrix = self
            .session()?
            .reconstruction(prompt.as_input(), &sae, bos)
            .await
            .map_err(refused)?;
        answer(&matrix)
    }

    /// Runs the model with latents edited, the SAEs' error terms kept. `edit` is one edit or a list of them, as text or objects.
    ///
    /// # Errors
    /// As [`Engine::trace`], and `bad-option` where there is no such latent or position.
    pub async fn edited(
        &self,
        prompt: JsValue,
        edit: JsValue,
        options: JsValue,
    ) -> Result<JsValue, JsValue> {
        let prompt = options::Prompt::read(prompt)?;
        let edits = options::edits(&edit)?;
        let options = options::edited(options)?;
        let edited = self
            .session()?
            .edited(prompt.as_input(), &edits, &options)
            .await
            .map_err(refused)?;
        answer(&edited)
    }

    /// As [`Engine::edited`] for several lists of edits of one prompt, as many at once as make a batch.
    ///
    /// # Errors
    /// As [`Engine::edited`].
    #[wasm_bindgen(js_name = editBatch)]
    pub async fn edit_batch(
        &self,
        prompt: JsValue,
        edits: JsValue,
        options: JsValue,
    ) -> Result<JsValue, JsValue> {
        let prompt = options::Prompt::read(prompt)?;
        let lists = options::edit_lists(&edits)?;
        let options = options::edited(options)?;
        let edited = self
            .session()?
            .edit_batch(prompt.as_input(), &lists, &options)
            .await
            .map_err(refused)?;
        answer(&edited)
    }

    /// Values taken from one pass over a prompt: activations at hook points, attention patterns, LayerNorm scales, and logit
    /// lenses.
    ///
    /// # Errors
    /// As [`Engine::trace`], and `bad-option` for a name that is none of this model's.
    pub async fn taps(&self, prompt: JsValue, options: JsValue) -> Result<JsValue, JsValue> {
        let prompt = options::Prompt::read(prompt)?;
        let options = options::taps(options)?;
        let taps = self
            .session()?
            .taps(prompt.as_input(), &options)
            .await
            .map_err(refused)?;
        answer(&taps)
    }

    /// Ranks a set's active features by what ablating each of them changes, telling `on_effects` those that are measured, as a list.
    ///
    /// # Errors
    /// As [`Engine::edited`].
    pub async fn effects(
        &self,
        prompt: JsValue,
        options: JsValue,
        on_effects: Function,
    ) -> Result<JsValue, JsValue> {
        let prompt = options::Prompt::read(prompt)?;
        let options = options::effects(options)?;
        let effects = self
            .session()?
            .effects(prompt.as_input(), &options, |found| {
                tell(&on_effects, found)
            })
            .await
            .map_err(refused)?;
        answer(&effects)
    }

    /// Carries the residual stream of `source` into a prompt, at each layer and position by itself.
    ///
    /// # Errors
    /// As [`Engine::edited`].
    #[wasm_bindgen(js_name = patchStream)]
    pub async fn patch_stream(
        &self,
        prompt: JsValue,
        source: JsValue,
        options: JsValue,
    ) -> Result<JsValue, JsValue> {
        let prompt = options::Prompt::read(prompt)?;
        let source = options::Prompt::read(source)?;
        let options = options::patch_stream(options)?;
        let found = self
            .session()?
            .patch_stream(prompt.as_input(), source.as_input(), options)
            .await
            .map_err(refused)?;
        answer(&found)
    }

    /// Continues a prompt, telling `on_token` each token as it comes, and `on_features` the features of every token once the model has
    /// run it. `edits`, where they are defined, are as for [`Engine::edited`].
    ///
    /// # Errors
    /// As [`Engine::trace`]; one that is cancelled after its first token resolves with what there is.
    pub async fn generate(
        &self,
        prompt: JsValue,
        options: JsValue,
        edits: JsValue,
        on_token: Function,
        on_features: Function,
    ) -> Result<JsValue, JsValue> {
        let prompt = options::Prompt::read(prompt)?;
        let edits = match edits.is_undefined() {
            true => Vec::new(),
            false => options::edits(&edits)?,
        };
        let options = options::generate(options, edits)?;
        let generation = self
            .session()?
            .generate_watched(prompt.as_input(), &options, |written| match &written {
                Written::Token(token) => tell(&on_token, token),
                Written::Features(features) => tell(&on_features, features),
            })
            .await
            .map_err(refused)?;
        answer(&generation)
    }

    /// The model's loss on the sample text; null where its context is too short.
    ///
    /// # Errors
    /// As [`Engine::trace`].
    #[wasm_bindgen(js_name = sampleLoss)]
    pub async fn sample_loss(&self) -> Result<JsValue, JsValue> {
        let found = self.session()?.sample_loss().await.map_err(refused)?;
        answer(&found)
    }

    /// A prompt's tokens.
    ///
    /// # Errors
    /// `no-model`, `bad-option`. A prompt that is too long is no error here.
    pub fn tokenize(&self, prompt: JsValue, options: JsValue) -> Result<JsValue, JsValue> {
        let prompt = options::Prompt::read(prompt)?;
        let bos = options::bos_of(options)?;
        let tokens = self
            .session()?
            .tokenize(prompt.as_input(), bos)
            .map_err(refused)?;
        answer(&tokens)
    }

    /// The state of the session.
    ///
    /// # Errors
    /// `internal` while another call is under way.
    pub fn info(&self) -> Result<JsValue, JsValue> {
        answer(&self.session()?.info())
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

/// Tells a listener a result; one that throws ends what it listens to.
fn tell<T: Serialize + ?Sized>(listener: &Function, result: &T) -> ControlFlow<()> {
    let told = answer(result).and_then(|result| listener.call1(&JsValue::UNDEFINED, &result));
    match told {
        Ok(_) => ControlFlow::Continue(()),
        Err(_) => ControlFlow::Break(()),
    }
}
