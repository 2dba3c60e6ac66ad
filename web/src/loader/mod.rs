//! Loading of models and SAEs, one after the other.

mod failures;
mod rest;

use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;
use web_sys::{AbortController, AbortSignal};

use crate::controller::Controller;
use crate::data::{DemoSae, Manifest, ModelInfo, SaeInfo};
use crate::engine::{Engine, Fault, read};
use crate::js_value::object;
use crate::offers::Found;
use crate::state::job::Job;
use crate::state::load::LoadAction;
use crate::state::task::{Kind, Task};
use crate::state::url::Place;
use crate::state::{Action, During, State};
use failures::Failures;
pub(crate) use rest::Rest;

impl Controller {
    /// Something about loading happened.
    pub fn dispatch_load(&self, action: LoadAction) {
        self.dispatch(Action::Load(action));
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
                let mut task = task.clone();
                match this.load_one(&engine, &mut task, &weights, &signal).await {
                    Ok(failed) => failures.append(failed),
                    Err(fault) => {
                        // SAEs belong to the model before them, and what was stopped is stopped as a whole.
                        let last = signal.aborted() || fault.code == "cancelled" || task.is_model();
                        failures.add(fault, task);
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

    /// Loads one thing; gives those of its parts that could not be loaded. A file of one's own gets its id.
    async fn load_one(
        &self,
        engine: &Engine,
        task: &mut Task,
        weights: &str,
        signal: &AbortSignal,
    ) -> Result<Failures, Fault> {
        self.identify(engine, task, signal).await?;
        let task = &*task;
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
                let found: Found = read(engine.call_until(signal, "fromLink", &asked).await?)?;
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
                self.settle(task);
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
                self.settle(task);
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

fn text_or_undefined(text: &str) -> JsValue {
    if text.is_empty() {
        JsValue::UNDEFINED
    } else {
        text.into()
    }
}
