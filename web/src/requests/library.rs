//! Requests of the library: the catalogue, what is stored, and what is in files or behind a link.

use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;
use web_sys::AbortController;

use crate::controller::Controller;
use crate::engine::read;
use crate::js_value::object;
use crate::state::load::{LoadAction, Section};
use crate::state::route::Route;
use crate::state::{Action, Note};

impl Controller {
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
            this.dispatch_load(LoadAction::Catalogue(result.map_err(|fault| fault.message)));
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
            this.dispatch_load(LoadAction::Storage(result.map_err(|fault| fault.message)));
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
        if !link.trim().is_empty() {
            self.seek(Section::Link, "fromLink", link.trim().into());
        }
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
                .and_then(read);
            // The page has gone on: it shows another look's answer, or none.
            if !signal.aborted() {
                this.dispatch_load(LoadAction::Found(
                    section,
                    result.map_err(|fault| fault.message),
                ));
            }
        });
    }

    /// Stops looking at files or a link.
    pub fn stop_seeking(&self, section: Section) {
        self.set_seeking(None);
        self.dispatch_load(LoadAction::SeekStopped(section));
    }
}
