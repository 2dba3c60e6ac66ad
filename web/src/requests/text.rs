//! The trace of a text whose features are searched for.

use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use super::beside::{after_prompt, trace};
use crate::controller::Controller;
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
        after_prompt(&controller).await;
        let result = trace(
            &engine,
            request.text.as_str().into(),
            &[request.sae.as_str()],
            1,
        )
        .await;
        let result = result.map(Shared::new).map_err(|fault| fault.message);
        controller.dispatch(Action::Browse(BrowseAction::TextReceived(request, result)));
    });
}
