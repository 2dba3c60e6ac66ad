//! Loading models and SAEs: the part of the controller behind the library.

use std::collections::VecDeque;

use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;
use web_sys::{AbortController, AbortSignal};

use crate::browser;
use crate::controller::{Controller, TURN};
use crate::data::{DemoSae, Manifest, ModelInfo, SaeInfo, SaeTrace, Trace};
use crate::engine::{Engine, Fault, read};
use crate::js_value::object;
use crate::offers::Found;
use crate::state::job::Job;
use crate::state::load::{Broken, LoadAction, Section};
use crate::state::route::Route;
use crate::state::task::{Kind, Task};
use crate::state::url::Place;
use crate::state::{Action, During, Note, Sample, State};

impl Controller {
    /// Something about loading happened.
    pub fn dispatch_load(&self, action: LoadAction) {
        self.dispatch(Action::Load(action));
    }

    /// Goes to a section of the library.
    pub fn open_library(&self, section: Section) {
        self.dispatch(Action::Go(Route::Library));
        self.dispatch_load(LoadAction::Aim(Some(section)));
    }

    /// Asks what the site offers and what fits; before there is an engine, as soon as there is one.
    pub fn request_catalogue(&self) {
        let Some(engine) = self.engine() else {
            return self.want_library();
        };
        let this = self.clone();
        spawn_local(async move {
            let result = engine.call("catalogue", &[]).await.and_then(read);
            this.dispatch_load(LoadAction::Catalogue(result.map_err(message)));
        });
    }

    /// Asks what the browser keeps.
    pub fn request_storage(&self) {
        self.with_storage("storage", Vec::new());
    }

    /// Deletes stored files by their keys.
    pub fn delete_stored(&self, keys: Vec<String>) {
        let keys = keys.into_iter().map(|key| key.as_str().into()).collect();
        self.with_storage("deleteStored", keys);
    }

    /// Asks the browser to keep what is stored when space is short.
    pub fn persist(&self) {
        self.with_storage("persistStorage", vec![JsValue::UNDEFINED]);
    }

    /// Calls a method with each of the arguments, and then asks what the browser keeps.
    fn with_storage(&self, method: &'static str, arguments: Vec<JsValue>) {
        let Some(engine) = self.engine() else { return };
        let this = self.clone();
        spawn_local(async move {
            let mut done = Ok(JsValue::TRUE);
            for argument in arguments {
                done = engine.call(method, &[argument]).await;
                if done.is_err() {
                    break;
                }
            }
            if done.as_ref().is_ok_and(|answer| *answer == JsValue::FALSE) {
                this.dispatch(Action::Note(Note::staying(
                    "The browser did not agree. It does so for pages that are visited often or bookmarked.",
                )));
            }
            let result = match done {
                Ok(_) => engine.call("storage", &[]).await.and_then(read),
                Err(fault) => Err(fault),
            };
            this.dispatch_load(LoadAction::Storage(result.map_err(message)));
            // What is stored is not downloaded again.
            this.request_catalogue();
        });
    }

    /// Sets where files come from instead of where they were published; an empty address ends that.
    pub fn set_mirror(&self, address: &str) {
        let Some(engine) = self.engine() else { return };
        let address = match address.trim() {
            "" => JsValue::NULL,
            address => address.into(),
        };
        let this = self.clone();
        spawn_local(async move {
            match engine.call("setMirror", &[address]).await {
                Ok(_) => this.request_catalogue(),
                Err(fault) => this.dispatch_load(LoadAction::Catalogue(Err(fault.message))),
            }
        });
    }

    /// Looks at files, and shows what they are.
    pub fn look_at_files(&self, files: JsValue) {
        self.open_library(Section::Files);
        self.seek(Section::Files, "recognise", files);
    }

    /// Looks at what a link leads to.
    pub fn look_at_link(&self, link: &str) {
        self.seek(Section::Link, "fromLink", link.trim().into());
    }

    fn seek(&self, section: Section, method: &'static str, argument: JsValue) {
        let (Some(engine), Ok(stop)) = (self.engine(), AbortController::new()) else {
            return;
        };
        let signal = stop.signal();
        self.set_seeking(Some(stop));
        self.dispatch_load(LoadAction::Seeking(section));
        let this = self.clone();
        spawn_local(async move {
            let options = object([("signal", signal.clone().into())]);
            let result = engine
                .call_until(&signal, method, &[argument, options])
                .await
                .and_then(Found::read);
            // The page has gone on: it shows another look's answer, or none.
            if !signal.aborted() {
                this.dispatch_load(LoadAction::Found(section, result.map_err(message)));
            }
        });
    }

    /// Stops looking at files or a link.
    pub fn stop_seeking(&self, section: Section) {
        self.set_seeking(None);
        self.dispatch_load(LoadAction::SeekStopped(section));
    }

    /// Loads one thing after the other. `weights` says how they lie on the device; `then` is the place to go to when all
    /// are there. An SAE that cannot be loaded does not keep the others from being loaded.
    pub fn run(&self, tasks: Vec<Task>, weights: &str, then: Option<Place>) {
        let (Some(engine), Ok(controller)) = (self.engine(), AbortController::new()) else {
            return;
        };
        self.dispatch_load(LoadAction::Chosen(tasks.clone()));
        self.dispatch_load(LoadAction::Started(Job::of(&tasks)));
        let weights = weights.to_owned();
        let signal = controller.signal();
        self.set_loading(Some(controller));
        let this = self.clone();
        spawn_local(async move {
            let mut failures = Failures::default();
            for (at, task) in tasks.iter().enumerate() {
                this.dispatch_load(LoadAction::NextPart(at));
                match this.load_one(&engine, task, &weights, &signal).await {
                    Ok(failed) => failures.append(failed),
                    Err(fault) => {
                        // SAEs belong to the model before them, and what was stopped is stopped as a whole.
                        let last = signal.aborted() || fault.code == "cancelled" || task.is_model();
                        failures.add(fault, task.clone());
                        if last {
                            failures.left.extend_from_slice(&tasks[at + 1..]);
                            break;
                        }
                    }
                }
            }
            this.set_loading(None);
            let stopped = signal.aborted() || failures.code() == Some("cancelled");
            let whole = failures.left.is_empty();
            let broken = failures.broken(then.clone()).filter(|_| !stopped);
            this.dispatch_load(LoadAction::Ended(broken));
            if stopped {
                this.dispatch(Action::Note(State::stopped()));
            }
            if let (true, Some(place)) = (whole, then) {
                this.dispatch(Action::Restore(place));
            }
            this.request_info(false).await;
            // What fits depends on what is loaded.
            this.request_catalogue();
            this.request_storage();
        });
    }

    /// Loads one thing; gives those of its parts that could not be loaded.
    async fn load_one(
        &self,
        engine: &Engine,
        task: &Task,
        weights: &str,
        signal: &AbortSignal,
    ) -> Result<Failures, Fault> {
        let options = load_options(task, weights, signal);
        let mut source = task.source.clone();
        match task.kind {
            Kind::Demo => {
                let saes = Manifest::fetch()
                    .await
                    .map_or_else(|_| Vec::new(), |manifest| manifest.saes);
                let rest = self.load_demo(engine, &saes, None, signal).await?;
                return Ok(self.load_rest(engine, rest, signal).await);
            }
            Kind::ModelLink | Kind::SaeLink => {
                let asked = [source, object([("signal", signal.into())])];
                let found = Found::read(engine.call_until(signal, "fromLink", &asked).await?)?;
                let (parts, others) = match task.kind {
                    Kind::ModelLink => (found.models, "model"),
                    _ => (found.saes, "SAE"),
                };
                let several = parts.len();
                let mut parts = parts.into_iter();
                let (Some(part), 1) = (parts.next(), several) else {
                    return Err(Fault::own(format!(
                        "{} leads to {several} {others}s where one was expected. Open it under Link to choose.",
                        task.name
                    )));
                };
                source = part.source;
            }
            Kind::Model | Kind::Sae | Kind::Neurons => {}
        }
        match task.kind {
            Kind::Model | Kind::ModelLink => {
                let answer = engine.call("loadModel", &[source, options]).await?;
                let model: ModelInfo = read(answer)?;
                self.dispatch_load(LoadAction::Model(model));
            }
            Kind::Neurons => {
                let hook = task.hook.as_deref().unwrap_or_default().into();
                let answer = engine.call("loadNeurons", &[hook, options]).await?;
                let sae: SaeInfo = read(answer)?;
                self.dispatch_load(LoadAction::Sae(sae));
            }
            Kind::Demo | Kind::Sae | Kind::SaeLink => {
                let answer = engine.call("loadSae", &[source, options]).await?;
                let sae: SaeInfo = read(answer)?;
                self.dispatch_load(LoadAction::Sae(sae));
            }
        }
        Ok(Failures::default())
    }

    /// Loads the demo's model and one of its SAEs: `view`, or else the middle one, or else another that can be loaded. The page
    /// shows them at once. Gives what is left for [`Self::load_rest`].
    pub(crate) async fn load_demo(
        &self,
        engine: &Engine,
        saes: &[DemoSae],
        view: Option<&str>,
        signal: &AbortSignal,
    ) -> Result<Rest, Fault> {
        let options = object([("signal", signal.into())]);
        let model = engine.call("loadModel", &["demo".into(), options]).await?;
        let model: ModelInfo = read(model)?;
        let mut rest = Rest::new(saes, view);
        let mut loaded = Vec::new();
        while loaded.is_empty()
            && let Some(task) = rest.next(signal)
        {
            match load_demo_sae(engine, &task, signal).await {
                Ok(sae) => loaded.push(sae),
                Err(fault) => rest.failures.add(fault, task),
            }
        }
        self.dispatch(Action::EngineReady(model, loaded));
        if !rest.tasks.is_empty() {
            let others: Vec<Task> = rest.tasks.iter().cloned().collect();
            self.dispatch_load(LoadAction::Started(Job::of(&others)));
        }
        Ok(rest)
    }

    /// Loads the demo's other SAEs once the first trace is there; gives those that could not be loaded.
    async fn load_rest(&self, engine: &Engine, mut rest: Rest, signal: &AbortSignal) -> Failures {
        if !rest.tasks.is_empty() {
            self.first_trace().await;
        }
        let mut at = 0;
        while let Some(task) = rest.next(signal) {
            self.dispatch_load(LoadAction::NextPart(at));
            at += 1;
            match load_demo_sae(engine, &task, signal).await {
                Ok(sae) => {
                    let before = rest.behind(&sae.id);
                    self.dispatch_load(LoadAction::Beside(sae, before));
                }
                Err(fault) => rest.failures.add(fault, task),
            }
        }
        rest.failures
    }

    /// Loads the demo's other SAEs, and says which could not be loaded.
    pub(crate) async fn end_demo(&self, engine: &Engine, rest: Rest, signal: &AbortSignal) {
        let failures = self.load_rest(engine, rest, signal).await;
        let stopped = signal.aborted();
        let broken = failures.broken(None).filter(|_| !stopped);
        self.dispatch_load(LoadAction::Ended(broken));
        if stopped {
            self.dispatch(Action::Note(State::stopped()));
        }
    }

    /// Stops what is being loaded.
    pub fn stop_loading(&self) {
        if let Some(controller) = self.set_loading(None) {
            controller.abort();
        }
    }

    /// Takes an SAE off the device.
    pub fn unload(&self, id: String) {
        let Some(engine) = self.engine() else { return };
        let this = self.clone();
        spawn_local(async move {
            match engine.call("unloadSae", &[id.as_str().into()]).await {
                Ok(_) => this.dispatch_load(LoadAction::Unloaded(id)),
                Err(fault) => this.fail(fault, During::Other),
            }
            this.request_info(false).await;
            this.request_catalogue();
        });
    }

    /// Takes the model's loss on the sample text.
    pub fn measure_model(&self, model: String) {
        let Some(engine) = self.engine() else { return };
        let this = self.clone();
        self.dispatch_load(LoadAction::MeasuringModel);
        spawn_local(async move {
            let found = match engine.call("sampleLoss", &[]).await {
                Ok(value) if value.is_null() => Ok(None),
                Ok(value) => read(value).map(Some).map_err(message),
                Err(fault) => Err(message(fault)),
            };
            this.dispatch_load(LoadAction::MeasuredModel(model, found));
        });
    }

    /// Takes SAEs' numbers on the sample text.
    pub fn measure(&self, ids: Vec<String>) {
        let Some(engine) = self.engine() else { return };
        let Some(text) = browser::global("SAMPLE_TEXT").and_then(|text| text.as_string()) else {
            return;
        };
        let this = self.clone();
        for id in &ids {
            self.dispatch_load(LoadAction::Measuring(id.clone()));
        }
        spawn_local(async move {
            while this.set_measuring(true) {
                browser::wait(TURN).await;
            }
            for id in ids {
                let result = this.measure_one(&engine, &text, &id).await;
                this.dispatch_load(LoadAction::Measured(id, result.map_err(message)));
            }
            this.set_measuring(false);
        });
    }

    async fn measure_one(&self, engine: &Engine, text: &str, id: &str) -> Result<Sample, Fault> {
        loop {
            // A second trace cancels the first: the person's goes before.
            while self.is_tracing() {
                browser::wait(TURN).await;
            }
            let saes = js_sys::Array::of1(&id.into());
            let options = object([("saes", saes.into()), ("topLogits", 1.into())]);
            match engine.call("trace", &[text.into(), options]).await {
                Err(fault) if fault.code == "cancelled" && self.is_tracing() => {}
                answer => {
                    let trace: Trace = read(answer?)?;
                    let bos = trace.bos_prepended;
                    let SaeTrace {
                        metrics, cautions, ..
                    } = trace.saes.into_iter().next().unwrap_or_default();
                    return Ok(Sample {
                        metrics,
                        cautions,
                        bos,
                    });
                }
            }
        }
    }
}

/// Tasks that failed, and why.
#[derive(Default)]
struct Failures {
    faults: Vec<Fault>,
    left: Vec<Task>,
}

impl Failures {
    fn add(&mut self, fault: Fault, task: Task) {
        self.faults.push(fault);
        self.left.push(task);
    }

    fn append(&mut self, mut others: Self) {
        self.faults.append(&mut others.faults);
        self.left.append(&mut others.left);
    }

    /// The first failure's code.
    fn code(&self) -> Option<&str> {
        self.faults.first().map(|fault| fault.code.as_str())
    }

    fn broken(self, then: Option<Place>) -> Option<Broken> {
        let code = self.code()?.to_owned();
        let names: Vec<_> = self.left.iter().map(|task| task.name.as_str()).collect();
        let mut why = String::new();
        for fault in &self.faults {
            if !why.contains(&fault.message) {
                why.push(' ');
                why.push_str(&fault.message);
            }
        }
        let message = format!("Not loaded: {}.{why}", names.join(", "));
        Some(Broken::new(code, message, self.left, then))
    }
}

/// The demo's SAEs that are still to be loaded, the first one first.
pub(crate) struct Rest {
    tasks: VecDeque<Task>,
    /// Ids of all of them, in the order in which they are shown.
    order: Vec<String>,
    failures: Failures,
}

impl Rest {
    fn new(saes: &[DemoSae], view: Option<&str>) -> Self {
        let mut tasks: VecDeque<Task> = saes.iter().map(Task::demo_sae).collect();
        let named = saes.iter().position(|sae| Some(sae.id.as_str()) == view);
        if let Some(first) = tasks.remove(named.unwrap_or(saes.len() / 2)) {
            tasks.push_front(first);
        }
        Self {
            tasks,
            order: saes.iter().map(|sae| sae.id.clone()).collect(),
            failures: Failures::default(),
        }
    }

    /// The next to load; none once loading is stopped: what is left counts as not loaded.
    fn next(&mut self, signal: &AbortSignal) -> Option<Task> {
        if signal.aborted() {
            self.failures.left.extend(self.tasks.drain(..));
        }
        self.tasks.pop_front()
    }

    /// Ids of those that are shown behind one.
    fn behind(&self, id: &str) -> Vec<String> {
        let from = self.order.iter().skip_while(|one| *one != id);
        from.skip(1).cloned().collect()
    }
}

async fn load_demo_sae(
    engine: &Engine,
    task: &Task,
    signal: &AbortSignal,
) -> Result<SaeInfo, Fault> {
    let options = load_options(task, "auto", signal);
    let source = task.source.clone();
    engine
        .call("loadSae", &[source, options])
        .await
        .and_then(read)
}

fn load_options(task: &Task, weights: &str, signal: &AbortSignal) -> JsValue {
    let hook = task.hook.as_deref();
    object([
        ("id", text_or_undefined(&task.id)),
        ("hook", hook.map_or(JsValue::UNDEFINED, Into::into)),
        (
            "only",
            if task.is_of_demo() {
                task.id.as_str().into()
            } else {
                JsValue::UNDEFINED
            },
        ),
        ("weightFormat", weights.into()),
        // An SAE that is too large for the device stays in its file.
        ("stream", "auto".into()),
        ("signal", signal.into()),
    ])
}

fn message(fault: Fault) -> String {
    fault.message
}

fn text_or_undefined(text: &str) -> JsValue {
    if text.is_empty() {
        JsValue::UNDEFINED
    } else {
        text.into()
    }
}
