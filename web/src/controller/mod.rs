//! Requests to the engine, whose results become actions: the session, its start, and what every request needs.

mod dose;
mod effects;
mod patch;
mod questions;
mod steering;
pub(crate) mod training;
mod under_way;
mod watching;

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;
use web_sys::{AbortController, AbortSignal};
use yew::prelude::*;

use under_way::UnderWay;

use crate::browser;
use crate::data::DemoSae;
use crate::embed::{Form, snippet};
use crate::engine::{Engine, Fault, notice, progress};
use crate::page::Page;
use crate::requests::beginning::{self, Beginning};
use crate::requests::host;
use crate::shared::Shared;
use crate::state::load::LoadAction;
use crate::state::url::Place;
use crate::state::{Action, During, Note, Problem, State};
use training::Training;

/// Time between two looks at a trace under way, before another one is requested, in milliseconds.
pub(crate) const TURN: i32 = 50;

/// Turns that a trace may take to begin.
const BEGINNING: u32 = 40;

/// The closures belong to a session and end with it.
type Listener = Closure<dyn FnMut(JsValue)>;

struct Inner {
    page: UseReducerHandle<Page>,
    engine: RefCell<Option<Engine>>,
    closures: RefCell<Option<[Listener; 4]>>,
    /// Counts traces: only the answer to the last one is shown.
    traces: Cell<u32>,
    generation: UnderWay,
    steering: UnderWay,
    watching: UnderWay,
    linking: UnderWay,
    effects: UnderWay,
    sweep: UnderWay,
    patching: UnderWay,
    /// True if a trace is under way.
    tracing: Cell<bool>,
    /// True while a script on the page has one under way.
    scripts_trace: Cell<bool>,
    loading: RefCell<Option<AbortController>>,
    /// True while SAEs' numbers on the sample text are taken: by one at a time, or they would cancel each other.
    measuring: Cell<bool>,
    /// Stops the look at files or a link that is under way; of several the last one is shown.
    seeking: RefCell<Option<AbortController>>,
    /// True if the library was requested before there was an engine to ask.
    library_wanted: Cell<bool>,
    /// Ends the scan that runs.
    scanning: RefCell<Option<AbortController>>,
    /// The texts that were chosen for a scan.
    texts: RefCell<JsValue>,
    /// The training under way.
    training: RefCell<Option<Training>>,
    /// The texts that were chosen for a training.
    training_texts: RefCell<JsValue>,
    /// Files of the last training that ended.
    trained: RefCell<JsValue>,
    /// Ends the evaluation that runs.
    comparing: RefCell<Option<AbortController>>,
    /// The texts that were chosen for an evaluation.
    compared_texts: RefCell<JsValue>,
}

/// Sends requests to the engine, and dispatches the results. Two are equal if they serve the same page.
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
    pub fn new(page: &UseReducerHandle<Page>) -> Self {
        let inner = Inner {
            page: page.clone(),
            engine: RefCell::default(),
            closures: RefCell::default(),
            traces: Cell::new(0),
            generation: UnderWay::default(),
            steering: UnderWay::default(),
            watching: UnderWay::default(),
            linking: UnderWay::default(),
            effects: UnderWay::default(),
            sweep: UnderWay::default(),
            patching: UnderWay::default(),
            tracing: Cell::new(false),
            scripts_trace: Cell::new(false),
            loading: RefCell::default(),
            measuring: Cell::new(false),
            seeking: RefCell::default(),
            library_wanted: Cell::new(false),
            scanning: RefCell::default(),
            texts: RefCell::default(),
            training: RefCell::default(),
            training_texts: RefCell::default(),
            trained: RefCell::default(),
            comparing: RefCell::default(),
            compared_texts: RefCell::default(),
        };
        Self {
            dispatcher: page.dispatcher(),
            inner: Rc::new(inner),
        }
    }

    /// Reads the state as it is at this moment.
    ///
    /// What a component was drawn with may be older: drawing waits while the page is busy, and a key or a click does not wait
    /// for it. What acts on something that was typed or chosen a moment ago reads it here.
    pub fn now<R>(&self, read: impl FnOnce(&State) -> R) -> R {
        // A clone, because a handle keeps every state that was read through it.
        read(&self.inner.page.clone().0)
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

    /// True while a trace of the prompt, or of a script on the page, is under way.
    pub(crate) fn is_tracing(&self) -> bool {
        self.inner.tracing.get() || self.inner.scripts_trace.get()
    }

    /// Notes whether SAEs' numbers are being taken, and gives whether they were before.
    pub(crate) fn set_measuring(&self, now: bool) -> bool {
        self.inner.measuring.replace(now)
    }

    /// Waits until the page has traced its prompt, which it begins to do when it is drawn.
    pub(crate) async fn first_trace(&self) {
        let before = self.inner.traces.get();
        for _ in 0..BEGINNING {
            if self.inner.traces.get() != before {
                break;
            }
            browser::wait(TURN).await;
        }
        while self.is_tracing() {
            browser::wait(TURN).await;
        }
    }

    /// Waits for the traces of scripts: a later trace would cancel them.
    async fn let_scripts_trace(&self) {
        while self.inner.scripts_trace.get() {
            browser::wait(TURN).await;
        }
    }

    /// Remembers what stops the loading under way, and gives what stopped the one before.
    pub(crate) fn set_loading(&self, stop: Option<AbortController>) -> Option<AbortController> {
        self.inner.loading.replace(stop)
    }

    /// Remembers what stops the look under way, and stops the one before.
    pub(crate) fn set_seeking(&self, stop: Option<AbortController>) {
        if let Some(before) = self.inner.seeking.replace(stop) {
            before.abort();
        }
    }

    /// Remembers what ends the scan that runs, and ends the one before.
    pub(crate) fn set_scanning(&self, stop: Option<AbortController>) {
        if let Some(before) = self.inner.scanning.replace(stop) {
            before.abort();
        }
    }

    /// The texts that were chosen for a scan.
    pub(crate) fn texts(&self) -> JsValue {
        self.inner.texts.borrow().clone()
    }

    pub(crate) fn set_texts(&self, texts: JsValue) {
        self.inner.texts.replace(texts);
    }

    /// Remembers the training under way.
    pub(crate) fn set_training(&self, training: Option<Training>) {
        self.inner.training.replace(training);
    }

    pub(crate) fn training(&self) -> Option<Training> {
        self.inner.training.borrow().clone()
    }

    /// The texts that were chosen for a training.
    pub(crate) fn training_texts(&self) -> JsValue {
        self.inner.training_texts.borrow().clone()
    }

    pub(crate) fn set_training_texts(&self, texts: JsValue) {
        self.inner.training_texts.replace(texts);
    }

    /// Files of the last training that ended.
    pub(crate) fn trained_files(&self) -> JsValue {
        self.inner.trained.borrow().clone()
    }

    pub(crate) fn set_trained(&self, files: JsValue) {
        self.inner.trained.replace(files);
    }

    /// Remembers what ends the evaluation that runs, and ends the one before.
    pub(crate) fn set_comparing(&self, stop: Option<AbortController>) {
        if let Some(before) = self.inner.comparing.replace(stop) {
            before.abort();
        }
    }

    /// The texts that were chosen for an evaluation.
    pub(crate) fn compared_texts(&self) -> JsValue {
        self.inner.compared_texts.borrow().clone()
    }

    pub(crate) fn set_compared_texts(&self, texts: JsValue) {
        self.inner.compared_texts.replace(texts);
    }

    /// Notes that the library is to be requested when there is an engine.
    pub(crate) fn want_library(&self) {
        self.inner.library_wanted.set(true);
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
        self.begin(None);
    }

    /// The same; `beginning` is what the state has already.
    pub fn begin(&self, beginning: Option<Shared<Beginning>>) {
        self.dispatch(Action::LoadStarted);
        let Ok(stop) = AbortController::new() else {
            return;
        };
        let signal = stop.signal();
        self.set_loading(Some(stop));
        let this = self.clone();
        spawn_local(async move {
            let demo = match beginning {
                Some(beginning) => beginning.demo.clone(),
                None => this.introduce().await,
            };
            host::load_turn().await;
            let started = this.start(&demo, &signal).await;
            this.set_loading(None);
            match started {
                Ok(()) => this.request_info(false).await,
                Err(fault) if signal.aborted() => {
                    let message = State::stopped().map_or(fault.message, |note| note.text);
                    this.fail(Fault::cancelled(message), During::Loading);
                }
                Err(fault) => this.fail(fault, During::Loading),
            }
            this.end_load_turn().await;
        });
    }

    /// Lets the next figure of the article load, once what this one has downloaded is stored.
    async fn end_load_turn(&self) {
        if self.now(|state| state.place.figure.is_some())
            && let Some(engine) = self.engine()
        {
            // It answers when nothing waits to be stored any more; a browser that stores nothing has nothing to share.
            let _ = engine.call("storage", &[]).await;
        }
        host::end_load_turn();
    }

    /// Reads what the demo has, and shows the recorded trace while the engine starts. Gives the demo's SAEs.
    async fn introduce(&self) -> Vec<DemoSae> {
        let Beginning { demo, actions } = Beginning::fetch_demo().await;
        self.dispatch_all(actions);
        let this = self.clone();
        spawn_local(async move { this.dispatch_all(beginning::recorded().await) });
        demo
    }

    fn dispatch_all(&self, actions: Vec<Action>) {
        for action in actions {
            self.dispatch(action);
        }
    }

    async fn start(&self, demo: &[DemoSae], signal: &AbortSignal) -> Result<(), Fault> {
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
        let this = self.clone();
        let on_change = Closure::new(move |method: JsValue| this.changed(&method));
        let this = self.clone();
        let on_traces = Closure::new(move |count: JsValue| {
            this.inner.scripts_trace.set(count.as_f64() > Some(0.0));
        });
        let shared = host::shared_name();
        let engine = Engine::create(backend, limits, shared, &on_progress, &on_notice).await?;
        let published = engine.published(&on_change, &on_traces);
        *self.inner.closures.borrow_mut() = Some([on_progress, on_notice, on_change, on_traces]);
        *self.inner.engine.borrow_mut() = Some(engine.clone());
        browser::publish("saeExplorer", &published);
        if self.inner.library_wanted.take() {
            self.request_catalogue();
            self.request_storage();
        }
        // Nothing is fetched from elsewhere because a link says so: the person has to confirm.
        let place = Place::from_hash(&browser::hash());
        if !place.is_of_demo() {
            self.dispatch_load(LoadAction::Request(place));
            self.dispatch(Action::Asking);
        } else {
            let view = place.sae.clone();
            let rest = self
                .load_demo(&engine, demo, view.as_deref(), signal)
                .await?;
            self.dispatch(Action::Arrived(place));
            self.end_demo(&engine, rest, signal).await;
        }
        Ok(())
    }

    /// A script on the page called a method that changes what is loaded.
    fn changed(&self, method: &JsValue) {
        if method.as_string().as_deref() == Some("dispose") {
            let message = "A script on this page ended the engine.".to_owned();
            self.inner.engine.take();
            self.inner
                .traces
                .set(self.inner.traces.get().wrapping_add(1));
            self.inner.tracing.set(false);
            return self.fail(Fault::cancelled(message), During::Loading);
        }
        let this = self.clone();
        spawn_local(async move {
            this.request_info(true).await;
            this.request_catalogue();
        });
    }

    /// Asks what is loaded and where it runs; `changed` says that a script changed it.
    pub(crate) async fn request_info(&self, changed: bool) {
        // The status line keeps what it had where the engine cannot say; whatever is wrong shows with the next trace.
        if let Some(engine) = self.engine()
            && let Ok(info) = engine.info().await
        {
            self.dispatch(Action::Informed(info, changed));
        }
    }

    /// Copies what puts the view into an article.
    pub fn copy_figure(&self, form: Form) {
        if browser::is_file() {
            let note = "An article needs an address on the web, and this page is a file on your disk: copy the figure from the page of a site, or write one with `sae-explorer figure`.";
            self.dispatch(Action::Note(Note::staying(note.to_owned())));
            return;
        }
        let place = self.now(State::address);
        let page = browser::address("");
        // What the query says is about this reader's browser.
        let page = page.split('?').next().unwrap_or_default();
        self.copy("the figure for an article", snippet(&place, page, form));
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
