//! What the page asks of the engine, and what it does with the answers: each of them becomes an action.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;
use web_sys::AbortController;
use yew::prelude::*;

use crate::app::Page;
use crate::browser;
use crate::data::Manifest;
use crate::engine::{Engine, Fault, GenerateOptions, notice, progress};
use crate::state::load::LoadAction;
use crate::state::url::Place;
use crate::state::{Action, During, EditSpec, Note, Problem};
use crate::told::Told;

/// Both closures belong to a session and end with it.
type Listener = Closure<dyn FnMut(JsValue)>;

struct Inner {
    engine: RefCell<Option<Engine>>,
    closures: RefCell<Option<(Listener, Listener)>>,
    /// Counts traces: only the answer to the last one is shown.
    traces: Cell<u32>,
    generation: RefCell<Option<AbortController>>,
    /// Whether a trace is under way.
    tracing: Cell<bool>,
    loading: RefCell<Option<AbortController>>,
}

/// Asks the engine, and dispatches its answers. Two are equal if they serve the same page.
#[derive(Clone)]
pub struct Controller {
    dispatcher: UseReducerDispatcher<Page>,
    inner: Rc<Inner>,
}

impl PartialEq for Controller {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.inner, &other.inner)
    }
}

impl Controller {
    /// For a page.
    pub fn new(dispatcher: UseReducerDispatcher<Page>) -> Self {
        let inner = Inner {
            engine: RefCell::default(),
            closures: RefCell::default(),
            traces: Cell::new(0),
            generation: RefCell::default(),
            tracing: Cell::new(false),
            loading: RefCell::default(),
        };
        Self {
            dispatcher,
            inner: Rc::new(inner),
        }
    }

    /// Something happened.
    pub fn dispatch(&self, action: Action) {
        self.dispatcher.dispatch(action);
    }

    /// A callback that dispatches what an event means.
    pub fn on<E>(&self, action: impl Fn(E) -> Action + 'static) -> Callback<E> {
        let dispatcher = self.dispatcher.clone();
        Callback::from(move |event| dispatcher.dispatch(action(event)))
    }

    /// A callback that dispatches what an event means for loading.
    pub fn on_load<E>(&self, action: impl Fn(E) -> LoadAction + 'static) -> Callback<E> {
        self.on(move |event| Action::Load(action(event)))
    }

    /// Whether a trace of the prompt is under way.
    pub(crate) fn is_tracing(&self) -> bool {
        self.inner.tracing.get()
    }

    /// Remembers what stops the loading under way, and gives what stopped the one before.
    pub(crate) fn set_loading(&self, stop: Option<AbortController>) -> Option<AbortController> {
        self.inner.loading.replace(stop)
    }

    pub(crate) fn engine(&self) -> Option<Engine> {
        self.inner.engine.borrow().clone()
    }

    pub(crate) fn fail(&self, fault: Fault, during: During) {
        let Fault {
            code,
            message,
            too_long,
        } = fault;
        self.dispatch(Action::Failed(Problem {
            code,
            message,
            during,
            too_long,
        }));
    }

    /// Reads the example prompts, starts the engine, and loads the demo.
    pub fn load(&self) {
        self.dispatch(Action::LoadStarted);
        let this = self.clone();
        spawn_local(async move {
            // The page works without examples.
            match browser::fetch_json("demo/demo.json")
                .await
                .map(|manifest| Manifest::told(&manifest))
            {
                Ok(Some(manifest)) => this.dispatch(Action::Examples(manifest.prompts)),
                Ok(None) => this.dispatch(Action::Note(Note::staying(
                    "demo/demo.json has no example prompts that can be read.",
                ))),
                Err(fault) => this.dispatch(Action::Note(Note::staying(fault.message))),
            }
            if let Err(fault) = this.start().await {
                this.fail(fault, During::Loading);
            }
        });
    }

    async fn start(&self) -> Result<(), Fault> {
        let old = self.inner.engine.take();
        if let Some(old) = old {
            old.dispose().await;
        }
        let backend = browser::query("backend", &["auto", "gpu", "cpu"]).unwrap_or("auto");
        let limits = browser::query("limits", &["adapter", "default"]).unwrap_or("adapter");
        let dispatcher = self.dispatcher.clone();
        let on_progress = Closure::new(move |value| {
            if let Some(progress) = progress(value) {
                let action = LoadAction::Progress(progress, browser::now());
                dispatcher.dispatch(Action::Load(action));
            }
        });
        let dispatcher = self.dispatcher.clone();
        let on_notice = Closure::new(move |value| {
            // That there is no WebGPU stands in the status line for good.
            if let Some(notice) = notice(value).filter(|notice| notice.code != "no-webgpu") {
                dispatcher.dispatch(Action::Note(Note::staying(notice.message)));
            }
        });
        let engine = Engine::create(backend, limits, &on_progress, &on_notice).await?;
        *self.inner.closures.borrow_mut() = Some((on_progress, on_notice));
        *self.inner.engine.borrow_mut() = Some(engine.clone());
        browser::publish("saeExplorer", engine.as_js());
        // Nothing is fetched from elsewhere because a link says so: the person is asked.
        let place = Place::from_hash(&browser::hash());
        if place.model.as_deref().is_some_and(|model| model != "demo") {
            self.tell(LoadAction::Ask(place));
            self.ask_catalogue();
            self.dispatch(Action::Asking);
        } else {
            self.load_demo().await?;
            self.dispatch(Action::Restore(place));
        }
        self.ask_info().await;
        Ok(())
    }

    /// Loads the demo model and its SAEs.
    async fn load_demo(&self) -> Result<(), Fault> {
        let Some(engine) = self.engine() else {
            return Ok(());
        };
        let model = engine.load_model().await?;
        let saes = engine.load_saes().await?;
        self.dispatch(Action::EngineReady(model, saes));
        Ok(())
    }

    pub(crate) async fn ask_info(&self) {
        // The status line keeps what it had where the engine cannot say; whatever is wrong shows with the next trace.
        if let Some(engine) = self.engine()
            && let Ok(info) = engine.info().await
        {
            self.dispatch(Action::Informed(info));
        }
    }

    /// Traces a prompt. Of several the last one is shown.
    pub fn trace(&self, prompt: String) {
        let Some(engine) = self.engine() else { return };
        let turn = self.inner.traces.get().wrapping_add(1);
        self.inner.traces.set(turn);
        self.inner.tracing.set(true);
        let this = self.clone();
        spawn_local(async move {
            let mut answer = engine.trace(&prompt).await;
            // A worker that died or a device that was lost under the trace was none of the prompt's doing the first
            // time; and a script on the page may have traced something else. Both deserve a second try.
            if let Err(fault) = &answer
                && matches!(
                    fault.code.as_str(),
                    "device-lost" | "worker-died" | "cancelled"
                )
                && this.inner.traces.get() == turn
            {
                answer = engine.trace(&prompt).await;
            }
            if this.inner.traces.get() != turn {
                return;
            }
            this.inner.tracing.set(false);
            match answer {
                Ok(trace) => {
                    this.dispatch(Action::Traced(trace));
                    this.ask_info().await;
                }
                Err(fault) => this.fail(fault, During::Tracing),
            }
        });
    }

    /// Asks about a latent.
    pub fn feature(&self, sae: String, latent: u32) {
        let Some(engine) = self.engine() else { return };
        self.dispatch(Action::FeatureAsked);
        let this = self.clone();
        spawn_local(async move {
            let told = engine
                .feature(&sae, latent)
                .await
                .map_err(|fault| fault.message);
            this.dispatch(Action::FeatureTold(sae, latent, told));
        });
    }

    /// Runs a prompt with one latent edited.
    pub fn edit(&self, prompt: String, spec: EditSpec) {
        let Some(engine) = self.engine() else { return };
        self.dispatch(Action::EditAsked(spec.clone()));
        let this = self.clone();
        spawn_local(async move {
            let told = engine
                .edited(&prompt, &spec)
                .await
                .map_err(|fault| fault.message);
            this.dispatch(Action::EditTold(spec, told));
        });
    }

    /// Continues a prompt; one that is under way is stopped.
    pub fn generate(&self, prompt: String, options: GenerateOptions) {
        let Some(engine) = self.engine() else { return };
        self.stop_generating();
        let Ok(controller) = AbortController::new() else {
            return;
        };
        let signal = controller.signal();
        *self.inner.generation.borrow_mut() = Some(controller);
        self.dispatch(Action::GenerateStarted(prompt.clone()));
        let this = self.clone();
        let dispatcher = self.dispatcher.clone();
        spawn_local(async move {
            let told = move |text| dispatcher.dispatch(Action::Generated(text));
            let ended = engine.generate(&prompt, options, &signal, told).await;
            let ended = ended.map_err(|fault| fault.message);
            this.dispatch(Action::GenerateEnded(ended));
        });
    }

    /// Stops the continuation that is under way.
    pub fn stop_generating(&self) {
        if let Some(controller) = self.inner.generation.take() {
            controller.abort();
        }
    }

    /// Cuts a prompt at its end until it has at most `limit` tokens.
    pub fn cut(&self, prompt: String, limit: usize) {
        let Some(engine) = self.engine() else { return };
        let this = self.clone();
        spawn_local(async move {
            match shorten(&engine, &prompt, limit).await {
                Ok(prompt) => this.dispatch(Action::UsePrompt(prompt)),
                Err(fault) => this.fail(fault, During::Other),
            }
        });
    }

    /// Puts text on the clipboard and says so.
    pub fn copy(&self, what: &'static str, text: String) {
        let this = self.clone();
        spawn_local(async move {
            let note = match browser::copy(&text).await {
                Ok(()) => Note::passing(format!("Copied {what}.")),
                Err(fault) => Note::staying(fault.message),
            };
            this.dispatch(Action::Note(note));
        });
    }
}

/// The longest beginning of a prompt that bisection finds within the limit. Whole characters are cut, because a token may
/// be a part of one.
async fn shorten(engine: &Engine, prompt: &str, limit: usize) -> Result<String, Fault> {
    let ends: Vec<usize> = prompt
        .char_indices()
        .map(|(at, _)| at)
        .chain([prompt.len()])
        .collect();
    let (mut fits, mut too_long) = (0, ends.len());
    while too_long - fits > 1 {
        let middle = fits.midpoint(too_long);
        if engine.tokenize(&prompt[..ends[middle]]).await?.tokens.len() <= limit {
            fits = middle;
        } else {
            too_long = middle;
        }
    }
    Ok(prompt[..ends[fits]].to_owned())
}
