//! The service worker, by which the page opens without a network, and the change to a new version.

use js_sys::Promise;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use yew::prelude::*;

use crate::browser;
use crate::controller::Controller;
use crate::format::count;
use crate::js_value::get;
use crate::state::offline::{Files, OfflineAction};
use crate::state::{Action, History, Note, State};

#[wasm_bindgen]
extern "C" {
    /// Of `offline.js`, as the next one; `boot.js` puts them on the global object.
    #[wasm_bindgen(js_name = watchOffline)]
    fn watch_offline(told: &JsValue);

    #[wasm_bindgen(js_name = takeNewVersion)]
    fn take_new_version() -> Promise;
}

/// Has the page's files stored once it has come to rest: what a visitor waits for has the line for itself until then.
#[hook]
pub fn use_offline(state: &State, controller: &Controller) {
    let controller = controller.clone();
    let begun = use_mut_ref(|| false);
    use_effect_with(state.has_settled(), move |settled| {
        if *settled && !begun.replace(true) {
            let told = Closure::<dyn FnMut(JsValue)>::new(move |told: JsValue| {
                let is = |name: &str| get(&told, name).is_some_and(|value| value.is_truthy());
                let reason = get(&told, "reason").and_then(|reason| reason.as_string());
                let lacks = get(&told, "lacks").and_then(|lacks| lacks.as_string());
                let files = match (reason, lacks) {
                    (Some(reason), _) => Files::Denied(reason),
                    (None, Some(lacks)) => Files::Inside(lacks),
                    (None, None) if is("stored") => Files::Stored,
                    (None, None) => Files::Coming,
                };
                let action = OfflineAction::Told(files, is("update"));
                controller.dispatch(Action::Offline(action));
            });
            // Reports come as long as the page is there.
            watch_offline(&told.into_js_value());
        }
    });
}

impl Controller {
    /// Reloads the page in the version that waits, with everything that the address holds.
    pub fn take_new_version(&self) {
        // What was typed a moment ago is not in the address yet.
        let hash = self.now(|state| state.address().to_hash());
        browser::set_hash(&hash, History::Replace);
        let this = self.clone();
        spawn_local(async move {
            let others = JsFuture::from(take_new_version()).await;
            let others = others.ok().and_then(|others| others.as_f64());
            if let Some(others) = others.filter(|others| *others > 0.0) {
                let pages = count(others as usize, "other page");
                this.dispatch(Action::Note(Note::staying(format!("{pages} of this site would change with this one. Close what is open elsewhere in this browser, then reload."))));
            }
        });
    }
}
