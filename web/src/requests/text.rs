//! The trace of a text whose features are searched for.

use js_sys::Array;
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use crate::controller::Controller;
use crate::data::Trace;
use crate::engine::{Fault, read};
use crate::js_value::object;
use crate::shared::Shared;
use crate::state::browse::{BrowseAction, TextRequest};
use crate::state::{Action, State};

/// Traces the text that the list of features waits for.
#[hook]
pub fn use_text_search(state: &State, controller: &Controller) {
    let controller = controller.clone();
    use_effect_with(state.text_to_trace(), move |request| {
        if let Some(request) = request {
            start(controller, request.clone());
        }
    });
}

fn start(controller: Controller, request: TextRequest) {
    let Some(engine) = controller.engine() else {
        return;
    };
    controller.dispatch(Action::Browse(BrowseAction::TextRequested(request.clone())));
    spawn_local(async move {
        let options = object([
            ("saes", Array::of1(&request.sae.as_str().into()).into()),
            ("topLogits", 1.into()),
        ]);
        let answer = engine
            .call("trace", &[request.text.as_str().into(), options])
            .await;
        let result = answer.and_then(read::<Trace>).map(Shared::new);
        let result = result.map_err(|Fault { message, .. }| message);
        controller.dispatch(Action::Browse(BrowseAction::TextReceived(request, result)));
    });
}
