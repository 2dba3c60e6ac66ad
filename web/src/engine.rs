//! The engine's JavaScript API, typed. `boot.js` puts its class on the global object before the page starts.

use js_sys::{Array, Function, Promise, Uint32Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::AbortSignal;
use wire::Edit;

use crate::data::{
    Edited, Effect, Feature, Generation, Info, Neighbour, Notice, Progress, StreamPatching, Token,
    Tokenization, Trace,
};
use crate::format::sentence;
use crate::js_value::{FromJs, get, object, set};
use crate::state::EditSpec;
use crate::state::effects::Clean;
use crate::state::tray::FeatureId;
use crate::state::url::bos_name;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_name = SaeExplorer)]
    #[derive(Clone)]
    type SaeExplorer;

    #[wasm_bindgen(static_method_of = SaeExplorer, js_class = "SaeExplorer", catch)]
    async fn create(options: &JsValue) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(method, catch)]
    async fn trace(this: &SaeExplorer, prompt: &str, options: &JsValue)
    -> Result<JsValue, JsValue>;

    #[wasm_bindgen(method, catch)]
    async fn feature(this: &SaeExplorer, sae: &str, latent: u32) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(method, catch)]
    async fn matches(
        this: &SaeExplorer,
        sae: &str,
        latent: u32,
        other: &str,
    ) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(method, catch)]
    async fn edited(
        this: &SaeExplorer,
        tokens: &Uint32Array,
        edit: &JsValue,
        options: &JsValue,
    ) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(method, catch)]
    async fn generate(
        this: &SaeExplorer,
        tokens: &Uint32Array,
        options: &JsValue,
    ) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(method, catch)]
    async fn effects(
        this: &SaeExplorer,
        tokens: &Uint32Array,
        options: &JsValue,
    ) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(method, catch)]
    async fn tokenize(
        this: &SaeExplorer,
        prompt: &str,
        options: &JsValue,
    ) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(method, catch)]
    async fn info(this: &SaeExplorer) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(method, catch)]
    async fn dispose(this: &SaeExplorer) -> Result<JsValue, JsValue>;

    /// Of `session.js`; `boot.js` puts it on the global object.
    #[wasm_bindgen(js_name = publishedSession)]
    fn published_session(session: &JsValue, changed: &JsValue, tracing: &JsValue) -> JsValue;
}

/// Error of a failed call.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// Kind, such as `prompt-too-long`.
    pub code: String,
    /// Description: what happened, why, and what to do.
    pub message: String,
    /// `details.tokens` and `details.limit`, where there are both.
    pub too_long: Option<(usize, usize)>,
}

impl Fault {
    /// Something that the page itself ran into.
    pub fn own(message: String) -> Self {
        Self {
            code: "internal".to_owned(),
            message,
            too_long: None,
        }
    }

    /// Something that was stopped.
    pub fn cancelled(message: String) -> Self {
        Self {
            code: "cancelled".to_owned(),
            message,
            too_long: None,
        }
    }

    /// Why what failed ended, in a sentence.
    pub fn ended(self) -> String {
        match self.code.as_str() {
            "cancelled" => "Stopped.".to_owned(),
            _ => self.message,
        }
    }
}

impl From<JsValue> for Fault {
    fn from(error: JsValue) -> Self {
        let text = |name| get(&error, name).and_then(|value| value.as_string());
        let details = get(&error, "details").unwrap_or(JsValue::UNDEFINED);
        let many = |name| {
            get(&details, name)
                .and_then(|value| value.as_f64())
                .map(|value| value as usize)
        };
        Self {
            code: text("code").unwrap_or_else(|| "internal".to_owned()),
            message: text("message")
                .map(|message| sentence(&message))
                .unwrap_or_else(|| {
                    "The engine failed without saying why. Try again, or reload the page."
                        .to_owned()
                }),
            too_long: many("tokens").zip(many("limit")),
        }
    }
}

/// Reads an answer.
pub fn read<T: FromJs>(value: JsValue) -> Result<T, Fault> {
    T::from_js(&value).ok_or_else(|| {
        Fault::own(
            "The engine's answer could not be read. Reload the page, so that page and engine are of one version."
                .to_owned(),
        )
    })
}

/// Next tokens that are requested per position.
const CANDIDATES: u32 = 10;

/// Settings of a continuation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GenerateOptions {
    /// Most new tokens.
    pub max_tokens: u32,
    /// 0 takes the likeliest token each time.
    pub temperature: f64,
    /// Seed of the draws.
    pub seed: u32,
    /// Draws from this many likeliest tokens; 0 from all.
    pub top_k: u32,
    /// Draws from the likeliest tokens that together have this probability; 1 from all.
    pub top_p: f64,
    /// Divides the logits of tokens that stand in the text; 1 changes nothing.
    pub repetition_penalty: f64,
}

impl Default for GenerateOptions {
    /// Nothing is written; of what is, each token is the likeliest.
    fn default() -> Self {
        Self {
            max_tokens: 0,
            temperature: 0.0,
            seed: 0,
            top_k: 0,
            top_p: 1.0,
            repetition_penalty: 1.0,
        }
    }
}

impl GenerateOptions {
    fn to_js(self, signal: &AbortSignal) -> JsValue {
        object([
            ("maxTokens", self.max_tokens.into()),
            ("temperature", self.temperature.into()),
            ("seed", self.seed.into()),
            ("topK", self.top_k.into()),
            ("topP", self.top_p.into()),
            ("repetitionPenalty", self.repetition_penalty.into()),
            ("signal", signal.into()),
        ])
    }
}

/// Which ablations are measured.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EffectsAsked {
    /// Id of the SAE.
    pub sae: String,
    /// Positions at which its features are ablated, as text; empty for all that count.
    pub positions: String,
    /// The token whose logit is compared with the distractor's.
    pub target: Option<u32>,
    /// See there.
    pub distractor: Option<u32>,
    /// Share of a mean KL by which it may be off; 0 where everything is measured.
    pub within: f64,
}

/// A session of the engine, in its worker.
#[derive(Clone)]
pub struct Engine(SaeExplorer);

impl Engine {
    /// Starts a session on `auto`, `gpu` or `cpu`, with the `adapter`'s limits or the `default` ones, in a worker that is `shared` under
    /// a name, or in its own. The two closures are called with progress and with notices; they must live as long as the session.
    pub async fn create(
        backend: &str,
        limits: &str,
        shared: Option<String>,
        on_progress: &Closure<dyn FnMut(JsValue)>,
        on_notice: &Closure<dyn FnMut(JsValue)>,
    ) -> Result<Self, Fault> {
        let options = object([
            ("backend", backend.into()),
            ("limits", limits.into()),
            ("share", shared.map_or(JsValue::UNDEFINED, Into::into)),
            ("onProgress", on_progress.as_ref().clone()),
            ("onNotice", on_notice.as_ref().clone()),
        ]);
        Ok(Self(SaeExplorer::create(&options).await?.unchecked_into()))
    }

    /// The object itself, for scripts.
    pub fn as_js(&self) -> &JsValue {
        self.0.as_ref()
    }

    /// Calls a method by its name.
    pub async fn call(&self, method: &str, arguments: &[JsValue]) -> Result<JsValue, Fault> {
        Ok(JsFuture::from(self.promised(method, arguments)?).await?)
    }

    fn promised(&self, method: &str, arguments: &[JsValue]) -> Result<Promise, Fault> {
        let function =
            get(self.as_js(), method).and_then(|value| value.dyn_into::<Function>().ok());
        let Some(function) = function else {
            return Err(Fault::own(format!(
                "The engine has no {method}(). Reload the page, so that page and engine are of one version."
            )));
        };
        let arguments: Array = arguments.iter().collect();
        let answer = function.apply(self.as_js(), &arguments)?;
        Ok(Promise::resolve(&answer))
    }

    /// The same for a method that may take no notice of the signal: the answer is no longer waited for.
    pub async fn call_until(
        &self,
        signal: &AbortSignal,
        method: &str,
        arguments: &[JsValue],
    ) -> Result<JsValue, Fault> {
        let stopped = || Fault::cancelled(format!("{method}() was stopped."));
        if signal.aborted() {
            return Err(stopped());
        }
        let aborted = Promise::new(&mut |_, reject| {
            // A signal takes any listener; this one ends with it.
            let _ = signal.add_event_listener_with_callback("abort", &reject);
        });
        let call = self.promised(method, arguments)?;
        let either = Array::of2(&call, &aborted);
        let answer = JsFuture::from(Promise::race(&either)).await;
        if signal.aborted() {
            return Err(stopped());
        }
        Ok(answer?)
    }

    /// The session as scripts see it: the same methods. `changed` receives the names of those that changed what is loaded,
    /// `tracing` how many traces of scripts are under way. They must live as long as the session.
    pub fn published(
        &self,
        changed: &Closure<dyn FnMut(JsValue)>,
        tracing: &Closure<dyn FnMut(JsValue)>,
    ) -> JsValue {
        published_session(self.as_js(), changed.as_ref(), tracing.as_ref())
    }

    /// Runs a prompt, with a BOS before it or without, or as the engine decides; with all SAEs or with these only.
    pub async fn trace(
        &self,
        prompt: &str,
        bos: Option<bool>,
        only: Option<&[String]>,
    ) -> Result<Trace, Fault> {
        let named = |id: &String| JsValue::from(id.as_str());
        let saes = only.map(|ids| ids.iter().map(named).collect::<Array>());
        let options = object([
            ("topLogits", CANDIDATES.into()),
            ("bos", bos_name(bos).into()),
            ("saes", saes.map_or(JsValue::UNDEFINED, Into::into)),
        ]);
        let mut trace: Trace = read(self.0.trace(prompt, &options).await?)?;
        prompt.clone_into(&mut trace.prompt);
        trace.bos = bos;
        Ok(trace)
    }

    /// Asks about a latent.
    pub async fn feature(&self, sae: &str, latent: u32) -> Result<Feature, Fault> {
        read(self.0.feature(sae, latent).await?)
    }

    /// The latents of another SAE that are nearest to a feature by decoder cosine, the nearest first.
    pub async fn matches(&self, from: &FeatureId, to: &str) -> Result<Vec<Neighbour>, Fault> {
        read(self.0.matches(&from.sae, from.latent, to).await?)
    }

    /// Runs a trace's tokens with latents edited.
    pub async fn edited(&self, spec: &EditSpec) -> Result<Edited, Fault> {
        let edits = wire::Edits(spec.edits.clone()).to_string();
        self.run(&spec.tokens, &edits, CANDIDATES).await
    }

    /// Runs tokens under edits as text; without any the clean run.
    pub async fn run_under(&self, tokens: &[u32], edits: &str) -> Result<Edited, Fault> {
        self.run(tokens, edits, 1).await
    }

    /// The same, with so many next tokens at each position.
    async fn run(&self, tokens: &[u32], edits: &str, next: u32) -> Result<Edited, Fault> {
        let options = object([("topLogits", next.into())]);
        let tokens = Uint32Array::from(tokens);
        read(self.0.edited(&tokens, &edits.into(), &options).await?)
    }

    /// Runs tokens under each of some lists of edits, with the probabilities of some tokens after the last one.
    pub async fn dosed(
        &self,
        tokens: &[u32],
        lists: impl IntoIterator<Item = Vec<Edit>>,
        track: &[Token],
        signal: &AbortSignal,
    ) -> Result<Vec<Edited>, Fault> {
        let texts = |list: Vec<Edit>| -> Array {
            let edits = list.iter();
            edits.map(|edit| JsValue::from(edit.to_string())).collect()
        };
        let lists: Array = lists.into_iter().map(texts).collect();
        let track: Array = track.iter().map(|token| JsValue::from(token.id)).collect();
        let options = object([("topLogits", 1.into()), ("track", track.into())]);
        let arguments = [Uint32Array::from(tokens).into(), lists.into(), options];
        read(self.call_until(signal, "editBatch", &arguments).await?)
    }

    /// Carries the residual stream of the second prompt into the first, at each layer and position, and compares two tokens.
    pub async fn patch_stream(
        &self,
        [tokens, source]: &[Vec<u32>; 2],
        [target, distractor]: &[Token; 2],
        signal: &AbortSignal,
    ) -> Result<StreamPatching, Fault> {
        let options = object([
            ("target", target.id.into()),
            ("distractor", distractor.id.into()),
        ]);
        let [tokens, source] = [tokens, source].map(|ids| Uint32Array::from(&ids[..]).into());
        let arguments = [tokens, source, options];
        read(self.call_until(signal, "patchStream", &arguments).await?)
    }

    /// What ablating each active feature of a set changes, telling those that were just measured.
    pub async fn effects(
        &self,
        tokens: &[u32],
        asked: &EffectsAsked,
        signal: &AbortSignal,
        on_effects: impl Fn(Vec<Effect>) + 'static,
    ) -> Result<Clean, Fault> {
        let on_each = Closure::<dyn FnMut(JsValue)>::new(move |found: JsValue| {
            if let Some(found) = Vec::<Effect>::from_js(&found) {
                on_effects(found);
            }
        });
        let text = |text: &str| match text.trim() {
            "" => JsValue::UNDEFINED,
            text => text.into(),
        };
        let id = |id: Option<u32>| id.map_or(JsValue::UNDEFINED, JsValue::from);
        let options = object([
            ("sae", asked.sae.as_str().into()),
            ("positions", text(&asked.positions)),
            ("target", id(asked.target)),
            ("distractor", id(asked.distractor)),
            ("rankBy", "kl".into()),
            ("within", asked.within.into()),
            ("signal", signal.into()),
            ("onEffects", on_each.as_ref().clone()),
        ]);
        let tokens = Uint32Array::from(tokens);
        read(self.0.effects(&tokens, &options).await?)
    }

    /// Continues tokens, under edits as text, telling each one as it comes.
    pub async fn generate(
        &self,
        tokens: &[u32],
        (options, edits): (GenerateOptions, Option<&str>),
        signal: &AbortSignal,
        mut on_token: impl FnMut(Token) + 'static,
    ) -> Result<Generation, Fault> {
        let on_each = Closure::<dyn FnMut(JsValue)>::new(move |token| {
            if let Some(token) = Token::from_js(&token) {
                on_token(token);
            }
        });
        let options = options.to_js(signal);
        if let Some(edits) = edits {
            set(&options, "edits", &edits.into());
        }
        set(&options, "onToken", on_each.as_ref());
        // A copy: the engine takes it after this call has returned.
        let tokens = Uint32Array::from(tokens);
        read(self.0.generate(&tokens, &options).await?)
    }

    /// Continues tokens, under edits as text where there are such, reporting the features of each token, those of the given ones
    /// first.
    pub async fn watch<T: FromJs>(
        &self,
        tokens: &[u32],
        (options, edits, saes): (GenerateOptions, Option<&str>, &[String]),
        signal: &AbortSignal,
        mut on_features: impl FnMut(T) + 'static,
    ) -> Result<Generation, Fault> {
        let on_each = Closure::<dyn FnMut(JsValue)>::new(move |features| {
            if let Some(features) = T::from_js(&features) {
                on_features(features);
            }
        });
        let saes: Array = saes.iter().map(|id| JsValue::from(id.as_str())).collect();
        let options = options.to_js(signal);
        if let Some(edits) = edits {
            set(&options, "edits", &edits.into());
        }
        set(&options, "features", &saes);
        set(&options, "onFeatures", on_each.as_ref());
        let tokens = Uint32Array::from(tokens);
        read(self.0.generate(&tokens, &options).await?)
    }

    /// Cuts a prompt into tokens without running it.
    pub async fn tokenize(&self, prompt: &str, bos: Option<bool>) -> Result<Tokenization, Fault> {
        let options = object([("bos", bos_name(bos).into())]);
        read(self.0.tokenize(prompt, &options).await?)
    }

    /// The loaded model and SAEs, the backend and the memory in use.
    pub async fn info(&self) -> Result<Info, Fault> {
        read(self.0.info().await?)
    }

    /// Ends the session.
    pub async fn dispose(&self) {
        // One that is dead already is as good as disposed of.
        let _ = self.0.dispose().await;
    }
}

/// The argument of the progress closure.
pub fn progress(value: JsValue) -> Option<Progress> {
    FromJs::from_js(&value)
}

/// The argument of the notice closure.
pub fn notice(value: JsValue) -> Option<Notice> {
    FromJs::from_js(&value)
}
