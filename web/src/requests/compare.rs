//! Evaluations of SAEs over texts, and what was measured of trainings.

use js_sys::Array;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;
use web_sys::AbortController;
use wire::TrainRecord;

use crate::browser;
use crate::controller::Controller;
use crate::data::Evaluated;
use crate::engine::{Engine, Fault, read};
use crate::js_value::{FromJs, get, object, set};
use crate::requests::texts::chosen_texts;
use crate::state::compare::{CompareAction, Found, Stage, Wanted};
use crate::state::{Action, State};

impl Controller {
    fn dispatch_compare(&self, action: CompareAction) {
        self.dispatch(Action::Compare(action));
    }

    /// Texts were chosen for an evaluation: Files, or Files with paths as `droppedFiles()` gives them.
    pub fn choose_compared_texts(&self, files: &JsValue) {
        self.set_compared_texts(files.clone());
        self.dispatch_compare(CompareAction::Choose(chosen_texts(files)));
    }

    /// Evaluates what is chosen.
    pub fn compare(&self) {
        let Ok(wanted) = self.now(State::wanted_comparison) else {
            return;
        };
        let (Some(engine), Ok(stop)) = (self.engine(), AbortController::new()) else {
            return;
        };
        let signal = stop.signal();
        self.set_comparing(Some(stop));
        self.dispatch_compare(CompareAction::Started);
        let this = self.clone();
        spawn_local(async move {
            let ended = this.compared(&engine, &wanted, signal.into()).await;
            this.set_comparing(None);
            this.dispatch_compare(CompareAction::Ended(ended));
        });
    }

    /// Ends the evaluation that runs; what was measured is kept.
    pub fn stop_comparing(&self) {
        self.dispatch_compare(CompareAction::Stopping);
        self.set_comparing(None);
    }

    async fn compared(
        &self,
        engine: &Engine,
        wanted: &Wanted,
        signal: JsValue,
    ) -> Result<Option<Found>, String> {
        let texts = self.texts_of(wanted.source, self.compared_texts()).await?;
        let this = self.clone();
        let on_progress = Closure::<dyn FnMut(JsValue)>::new(move |progress: JsValue| {
            if let Some(action) = heard(&progress) {
                this.dispatch_compare(action);
            }
        });
        let saes = wanted.saes.iter().map(|id| JsValue::from(id.as_str()));
        let trainings = wanted.trainings.iter().map(|(training, id)| {
            let (training, id) = (training.as_str().into(), id.as_str().into());
            object([("training", training), ("id", id)])
        });
        let saes: Array = saes.chain(trainings).collect();
        let options = object([
            ("saes", saes.into()),
            ("tokens", (wanted.tokens as f64).into()),
            ("signal", signal),
            ("onProgress", on_progress.as_ref().clone()),
        ]);
        for extra in &wanted.extras {
            set(&options, extra.key(), &true.into());
        }
        match engine.call("evaluate", &[texts, options]).await {
            Ok(evaluated) => {
                let evaluated: Evaluated = read(evaluated).map_err(|fault| fault.message)?;
                Ok(Some(found(evaluated)))
            }
            Err(Fault { code, .. }) if code == "cancelled" => Ok(None),
            Err(fault) => Err(fault.message),
        }
    }

    /// Gives the numbers to the person as a file of JSON.
    pub fn download_comparison(&self) {
        let found = self.now(|state| state.compare.found.clone());
        let Some(found) = found else { return };
        let this = self.clone();
        spawn_local(async move {
            let bytes = js_sys::Uint8Array::from(found.json.as_bytes());
            let saved = browser::save_file(&bytes, "application/json", "evaluation.json").await;
            if let Err(why) = saved {
                this.dispatch_compare(CompareAction::Failed(why));
            }
        });
    }

    /// Shows the curves of a training, or no longer.
    pub fn show_curves(&self, id: String, shown: bool) {
        self.dispatch_compare(CompareAction::Curve(id.clone(), shown));
        let Some(engine) = self.engine().filter(|_| shown) else {
            return;
        };
        let this = self.clone();
        spawn_local(async move {
            let log = engine.call("trainingLog", &[id.as_str().into()]).await;
            this.dispatch_compare(match log.map(|log| Vec::<TrainRecord>::from_js(&log)) {
                Ok(Some(records)) => CompareAction::Log(id, records),
                Ok(None) => CompareAction::Failed("The training's log cannot be read.".to_owned()),
                Err(fault) => CompareAction::Failed(fault.message),
            });
        });
    }
}

fn found(evaluated: Evaluated) -> Found {
    Found {
        head: evaluated.head,
        tables: evaluated.tables,
        saes: evaluated.evaluations.saes,
        failures: evaluated.failures,
        json: evaluated.json,
        stopped: evaluated.evaluations.stopped,
    }
}

/// What the engine tells of an evaluation.
fn heard(progress: &JsValue) -> Option<CompareAction> {
    let number = |name| get(progress, name)?.as_f64();
    let text = |name| get(progress, name)?.as_string();
    let stage = match text("stage")?.as_str() {
        "load" => Stage::Load(number("bytes")?, number("totalBytes")?),
        "read" => Stage::Read(number("tokens")? as u64),
        "part" => Stage::Part(
            text("what")?,
            number("done")? as u64,
            number("all")? as u64,
            text("unit")?,
        ),
        "found" => {
            let evaluated = Evaluated::from_js(&get(progress, "evaluated")?)?;
            return Some(CompareAction::Found(found(evaluated)));
        }
        _ => return None,
    };
    Some(CompareAction::Progress(stage))
}
