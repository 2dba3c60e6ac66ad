//! Trainings of autoencoders, and what this browser keeps of them.

use js_sys::{Array, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use wire::{TrainRecord, TrainingInfo};

use crate::browser;
use crate::controller::Controller;
use crate::controller::training::Training;
use crate::engine::{Engine, Fault, read};
use crate::js_value::{FromJs, field, get, object};
use crate::offers::Found;
use crate::requests::texts::chosen_texts;
use crate::state::own_file::Wanted as WantedFiles;
use crate::state::route::Route;
use crate::state::task::{Kind, Task};
use crate::state::texts::Source;
use crate::state::train::{Finished, Report, Stage, TrainAction};
use crate::state::train_choice::{Processor, Rule, Wanted};
use crate::state::{Action, Note, State};

impl Controller {
    fn dispatch_train(&self, action: TrainAction) {
        self.dispatch(Action::Train(action));
    }

    /// Texts were chosen for a training: Files, or Files with paths as `droppedFiles()` gives them.
    pub fn choose_training_texts(&self, files: &JsValue) {
        self.set_training_texts(files.clone());
        self.dispatch_train(TrainAction::Choose(chosen_texts(files)));
    }

    /// Begins a training, which waits for the person's word once it is known what it takes.
    pub fn train(&self, wanted: &Wanted) {
        let numbers: Array = wanted
            .matryoshka
            .iter()
            .map(|prefix| JsValue::from(*prefix as f64))
            .collect();
        let number = |number: Option<f64>| number.map_or(JsValue::UNDEFINED, Into::into);
        let options = object([
            ("hook", wanted.hook.as_str().into()),
            ("activation", wanted.rule.key().into()),
            ("latents", (wanted.latents as f64).into()),
            ("k", (wanted.k as f64).into()),
            ("matryoshka", numbers.into()),
            ("tokens", number(wanted.tokens.map(|tokens| tokens as f64))),
            ("batch", (wanted.batch as f64).into()),
            ("lr", number(wanted.lr)),
            ("seed", (wanted.seed as f64).into()),
            ("processor", wanted.processor.key().into()),
            ("confirm", true.into()),
        ]);
        self.begin_training(Some(wanted.source), &options);
    }

    /// Goes on with a training that this browser keeps.
    pub fn resume_training(&self, info: &TrainingInfo) {
        // What a GPU does not train goes on on the CPU, whatever is chosen for the next one.
        let processor = self.now(|state| match Rule::of_key(&info.activation) {
            Rule::Topk => state.train_processor(),
            _ => Processor::Cpu,
        });
        let options = object([
            ("resume", info.id.as_str().into()),
            ("name", info.name.as_str().into()),
            ("processor", processor.key().into()),
        ]);
        self.begin_training(None, &options);
    }

    fn begin_training(&self, source: Option<Source>, options: &JsValue) {
        let Some(engine) = self.engine() else { return };
        self.dispatch_train(TrainAction::Started);
        let (this, options) = (self.clone(), options.clone());
        spawn_local(async move {
            let ended = this.trained(&engine, source, &options).await;
            this.set_training(None);
            this.dispatch_train(TrainAction::Ended(ended));
            this.list_trainings();
        });
    }

    async fn trained(
        &self,
        engine: &Engine,
        source: Option<Source>,
        options: &JsValue,
    ) -> Result<Option<Finished>, String> {
        let texts = match source {
            Some(source) => self.texts_of(source, self.training_texts()).await?,
            None => Array::new().into(),
        };
        let this = self.clone();
        let on_progress = Closure::<dyn FnMut(JsValue)>::new(move |progress: JsValue| {
            if let Some(report) = report(&progress) {
                this.dispatch_train(TrainAction::Report(report));
            }
        });
        crate::js_value::set(options, "onProgress", on_progress.as_ref());
        let begun = engine.call("train", &[texts, options.clone()]).await;
        let training: Training = begun.map_err(|fault| fault.message)?.unchecked_into();
        self.set_training(Some(training.clone()));
        let done = match JsFuture::from(training.done()).await.map_err(Fault::from) {
            Ok(done) => done,
            Err(Fault { code, .. }) if code == "cancelled" => return Ok(None),
            Err(Fault { code, message, .. }) if code == "device-lost" => {
                return Err(format!(
                    "{message} It is below, under Trainings in this browser."
                ));
            }
            Err(fault) => return Err(fault.message),
        };
        let unread = || "The training's result could not be read. Reload the page.".to_owned();
        let info = get(&done, "info").and_then(|info| TrainingInfo::from_js(&info));
        let files = get(&done, "files").ok_or_else(unread)?;
        self.set_trained(files);
        Ok(Some(Finished {
            info: info.ok_or_else(unread)?,
            complete: field(&done, "complete").unwrap_or_default(),
            stored: field(&done, "stored").unwrap_or_default(),
            records: self.now(|state| {
                let running = state.train.running.as_ref();
                running.map_or_else(Vec::new, |running| running.records.clone())
            }),
        }))
    }

    /// The training that waits for a word begins, or goes on.
    pub fn go_on_training(&self) {
        if let Some(training) = self.training() {
            self.dispatch_train(TrainAction::Going);
            training.resume();
        }
    }

    /// The training shall wait.
    pub fn pause_training(&self) {
        if let Some(training) = self.training() {
            self.dispatch_train(TrainAction::Pausing);
            training.pause();
        }
    }

    /// The training shall end; what it has by then is its result.
    pub fn stop_training(&self) {
        if let Some(training) = self.training() {
            self.dispatch_train(TrainAction::Stopping);
            training.stop();
        }
    }

    /// Looks which trainings this browser keeps. One that cannot look has none.
    pub fn list_trainings(&self) {
        let Some(engine) = self.engine() else { return };
        let this = self.clone();
        spawn_local(async move {
            let listed = engine.call("trainings", &[]).await;
            let listed = listed
                .ok()
                .and_then(|list| Vec::<TrainingInfo>::from_js(&list));
            this.dispatch_train(TrainAction::Listed(listed.unwrap_or_default()));
        });
    }

    /// Removes a training from this browser.
    pub fn remove_training(&self, id: String) {
        let Some(engine) = self.engine() else { return };
        let this = self.clone();
        spawn_local(async move {
            let removed = engine.call("removeTraining", &[id.as_str().into()]).await;
            this.dispatch_train(match removed {
                Ok(_) => TrainAction::Removed(id),
                Err(fault) => TrainAction::Failed(fault.message),
            });
        });
    }

    /// Loads the autoencoder of a training as a dropped folder would be, and shows the prompt with it.
    pub fn open_trained(&self, info: TrainingInfo) {
        self.with_trained(info, |this, engine, info, files| async move {
            let list = Array::from(&files).into_iter();
            let named = list.map(|file| as_file(&file, &folder(&info)));
            let named = named.collect::<Option<Array>>();
            let named = named.ok_or("The browser did not let the page make a file.")?;
            let found = engine.call("recognise", &[named.into()]).await;
            let found: Found = found.and_then(read).map_err(|fault| fault.message)?;
            let part = found.saes.first().ok_or_else(|| {
                let troubles = found.problems.iter();
                let troubles: Vec<_> = troubles.map(|one| one.message.as_str()).collect();
                format!("The autoencoder cannot be opened. {}", troubles.join(" "))
            })?;
            let task = Task::found(Kind::Sae, part, None, &WantedFiles::default());
            let weights = this.now(|state| state.library.weights().to_owned());
            this.run(vec![task], &weights, None);
            this.dispatch(Action::Go(Route::Prompt));
            Ok(())
        });
    }

    /// Gives the autoencoder of a training to the person as a zip file of a SAELens folder.
    pub fn download_trained(&self, info: TrainingInfo) {
        self.with_trained(info, |_, engine, info, files| async move {
            let folder = folder(&info);
            let list = Array::from(&files).into_iter();
            let placed = list.map(|file| {
                let path = field::<String>(&file, "path").unwrap_or_default();
                let bytes = get(&file, "bytes").unwrap_or_default();
                object([
                    ("path", format!("{folder}/{path}").into()),
                    ("bytes", bytes),
                ])
            });
            let placed: Array = placed.collect();
            let zip = engine.call("packTraining", &[placed.into()]).await;
            let zip = Uint8Array::new(&zip.map_err(|fault| fault.message)?);
            browser::save_zip(&zip, &format!("{folder}.zip")).await
        });
    }

    /// Gives the autoencoder of a training to the person in OpenAI's layout.
    pub fn download_trained_pt(&self, info: TrainingInfo) {
        self.with_trained(info, |this, engine, info, files| async move {
            let pt = engine.call("trainingAsPt", &[files]).await;
            let pt = Uint8Array::new(&pt.map_err(|fault| fault.message)?);
            let name = format!("{}.pt", folder(&info));
            browser::save_file(&pt, "application/octet-stream", &name).await?;
            let text = format!(
                "A .pt has no place for the hook: name {} where it is opened.",
                info.hook
            );
            this.dispatch(Action::Note(Note::passing(&text)));
            Ok(())
        });
    }

    /// Does something with the files of a training: of the one that has just ended, which need not be stored, or of a stored one.
    fn with_trained<F>(
        &self,
        info: TrainingInfo,
        work: impl FnOnce(Self, Engine, TrainingInfo, JsValue) -> F + 'static,
    ) where
        F: Future<Output = Result<(), String>>,
    {
        let Some(engine) = self.engine() else { return };
        let this = self.clone();
        let is_here = |state: &State| {
            let finished = state.train.finished.as_ref();
            finished.is_some_and(|finished| finished.info.id == info.id)
        };
        let here = this.now(is_here).then(|| this.trained_files());
        this.dispatch_train(TrainAction::Busy(true));
        spawn_local(async move {
            let id = info.id.as_str().into();
            let files = match here {
                Some(files) => Ok(files),
                None => engine.call("trainedFiles", &[id]).await,
            };
            let done = match files {
                Ok(files) => work(this.clone(), engine, info, files).await,
                Err(fault) => Err(fault.message),
            };
            this.dispatch_train(TrainAction::Busy(false));
            if let Err(why) = done {
                this.dispatch_train(TrainAction::Failed(why));
            }
        });
    }
}

/// The name of a training's folder: what it is, in characters that every file system takes.
fn folder(info: &TrainingInfo) -> String {
    let name = format!(
        "{}_n{}_k{}_step{}",
        info.hook, info.latents, info.k, info.step
    );
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() || "._-".contains(c) {
            c
        } else {
            '-'
        }
    };
    name.chars().map(plain).collect()
}

/// A file with its path, as a dropped folder has them.
fn as_file(file: &JsValue, folder: &str) -> Option<JsValue> {
    let path: String = field(file, "path")?;
    let bytes = get(file, "bytes")?;
    let file = web_sys::File::new_with_u8_array_sequence(&Array::of1(&bytes), &path).ok()?;
    let path = format!("{folder}/{path}");
    Some(object([("file", file.into()), ("path", path.into())]))
}

/// What the engine tells of a training.
fn report(progress: &JsValue) -> Option<Report> {
    let number = |name| get(progress, name).and_then(|value| value.as_f64());
    let whole = |name| number(name).map(|value| value as u64);
    let record = |value: JsValue| TrainRecord::from_js(&value);
    Some(match get(progress, "stage")?.as_string()?.as_str() {
        "load" => Report::Stage(Stage::Load {
            bytes: number("bytes")?,
            total: number("totalBytes")?,
        }),
        "read" => Report::Stage(Stage::Read {
            bytes: number("bytes")?,
            total: number("totalBytes")?,
            tokens: whole("tokens")?,
        }),
        "look" => Report::Stage(Stage::Look),
        "estimate" => Report::Estimate(FromJs::from_js(progress)?),
        "resumed" => Report::Resumed(
            whole("steps")?,
            Vec::from_js(&get(progress, "records")?)?,
            field(progress, "note")?,
        ),
        "step" => Report::Step(record(get(progress, "record")?)?, whole("steps")?),
        "paused" => Report::Stage(Stage::Paused),
        "saved" => Report::Saved(whole("step")?),
        "unsaved" => Report::Unsaved(field(progress, "why")?),
        _ => return None,
    })
}
