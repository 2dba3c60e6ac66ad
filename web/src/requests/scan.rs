//! Scans of a person's own texts, and the atlases that were made of them.

use js_sys::{Array, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::AbortController;

use crate::browser;
use crate::controller::Controller;
use crate::engine::{Engine, Fault};
use crate::js_value::{get, object};
use crate::own_atlases;
use crate::requests::texts::chosen_texts;
use crate::state::scan::{OwnAtlas, ScanAction, Stage, Wanted};
use crate::state::{Action, Note};

impl Controller {
    fn dispatch_scan(&self, action: ScanAction) {
        self.dispatch(Action::Scan(action));
    }

    /// Texts were chosen: Files, or Files with paths as `droppedFiles()` gives them.
    pub fn choose_texts(&self, files: &JsValue) {
        let texts = chosen_texts(files);
        self.set_texts(files.clone());
        self.dispatch_scan(ScanAction::Choose(texts));
    }

    /// Starts a scan.
    pub fn scan(&self, wanted: Wanted) {
        let (Some(engine), Ok(stop)) = (self.engine(), AbortController::new()) else {
            return;
        };
        let signal = stop.signal();
        self.set_scanning(Some(stop));
        self.dispatch_scan(ScanAction::Started(browser::now()));
        let this = self.clone();
        spawn_local(async move {
            let ended = this.scanned(&engine, &wanted, signal.into()).await;
            this.set_scanning(None);
            this.dispatch_scan(ScanAction::Ended(ended));
        });
    }

    async fn scanned(
        &self,
        engine: &Engine,
        wanted: &Wanted,
        signal: JsValue,
    ) -> Result<Option<OwnAtlas>, String> {
        let this = self.clone();
        let on_progress = Closure::<dyn FnMut(JsValue)>::new(move |progress: JsValue| {
            if let Some(stage) = stage(&progress) {
                this.dispatch_scan(ScanAction::Progress(stage, browser::now()));
            }
        });
        let sets: Array = wanted
            .sets
            .iter()
            .map(|id| JsValue::from(id.as_str()))
            .collect();
        let limit = wanted
            .limit
            .map_or(JsValue::UNDEFINED, |limit| (limit as f64).into());
        let options = object([
            ("sets", sets.into()),
            ("context", (wanted.context as f64).into()),
            ("limitTokens", limit),
            ("map", wanted.map.into()),
            ("signal", signal),
            ("onProgress", on_progress.as_ref().clone()),
        ]);
        let scanned = match engine.call("scan", &[self.texts(), options]).await {
            Ok(scanned) => scanned,
            Err(Fault { code, .. }) if code == "cancelled" => return Ok(None),
            Err(fault) => return Err(fault.message),
        };
        self.dispatch_scan(ScanAction::Progress(Stage::Save, browser::now()));
        let files = get(&scanned, "files").unwrap_or(JsValue::UNDEFINED);
        let atlas = own_atlases::save(&files).await?;
        if get(&scanned, "stopped").is_some_and(|stopped| stopped.is_truthy()) {
            let text = "Stopped. The atlas is of what was read until then.";
            self.dispatch(Action::Note(Note::passing(text)));
        }
        Ok(Some(atlas))
    }

    /// Ends the scan that runs; what was read is kept.
    pub fn stop_scanning(&self) {
        self.dispatch_scan(ScanAction::Stopping);
        self.set_scanning(None);
    }

    /// Looks which atlases are in this browser. One that cannot look has none.
    pub fn list_own_atlases(&self) {
        let this = self.clone();
        spawn_local(async move {
            if let Ok(own) = own_atlases::list().await {
                this.dispatch_scan(ScanAction::Listed(own));
            }
        });
    }

    /// Keeps the atlas of a zip file in this browser, and shows it.
    pub fn import_atlas(&self, file: JsValue) {
        let this = self.clone();
        self.dispatch_scan(ScanAction::Opening(true));
        spawn_local(async move {
            let opened = this.imported(file).await;
            this.dispatch_scan(ScanAction::Opening(false));
            this.dispatch_scan(match opened {
                Ok(atlas) => ScanAction::Opened(atlas),
                Err(why) => ScanAction::Failed(why),
            });
        });
    }

    async fn imported(&self, file: JsValue) -> Result<OwnAtlas, String> {
        let engine = self.engine();
        let engine = engine.ok_or("The engine, which unpacks the file, is not there yet. Try again when the page is ready.")?;
        let said = |error: JsValue| Fault::from(error).message;
        let file: web_sys::Blob = file.dyn_into().map_err(|_| "This is no file.")?;
        let bytes = JsFuture::from(file.array_buffer()).await.map_err(said)?;
        let files = engine
            .call("unarchive", &[Uint8Array::new(&bytes).into()])
            .await;
        own_atlases::import(&files.map_err(|fault| fault.message)?).await
    }

    /// Removes an atlas from this browser.
    pub fn remove_own_atlas(&self, id: String) {
        let this = self.clone();
        spawn_local(async move {
            this.dispatch_scan(match own_atlases::remove(&id).await {
                Ok(()) => ScanAction::Removed(id),
                Err(why) => ScanAction::Failed(why),
            });
        });
    }

    /// Gives an atlas to the person as a zip file.
    pub fn export_own_atlas(&self, id: String) {
        let this = self.clone();
        spawn_local(async move {
            if let Err(why) = this.exported(&id).await {
                this.dispatch_scan(ScanAction::Failed(why));
            }
        });
    }

    async fn exported(&self, id: &str) -> Result<(), String> {
        let engine = self.engine();
        let engine = engine.ok_or("The engine, which packs the files, is not there yet. Try again when the page is ready.")?;
        let files = own_atlases::files(id).await?;
        let zip = engine.call("archive", &[files]).await;
        let zip = Uint8Array::new(&zip.map_err(|fault| fault.message)?);
        browser::save_zip(&zip, &format!("atlas-{id}.zip")).await
    }
}

/// A report of the engine.
fn stage(progress: &JsValue) -> Option<Stage> {
    let number = |name| get(progress, name).and_then(|value| value.as_f64());
    match get(progress, "stage")?.as_string()?.as_str() {
        "load" => Some(Stage::Load {
            bytes: number("bytes")?,
            total: number("totalBytes")?,
        }),
        "scan" => Some(Stage::Scan {
            tokens: number("tokens")?,
            bytes: number("bytes")?,
            total: number("totalBytes")?,
        }),
        "describe" => Some(Stage::Describe {
            share: number("share")?,
        }),
        _ => None,
    }
}
