//! Requests for the identities of loaded SAEs.

use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use crate::controller::Controller;
use crate::state::about::{IdentityAction, IdentityRequest};
use crate::state::{Action, State};

/// Requests those that tell whether the atlas is about what is loaded. A worker of its own reads the files again for it.
#[hook]
pub fn use_identities(state: &State, controller: &Controller) {
    let controller = controller.clone();
    use_effect_with(state.wanted_identities(), move |wanted| {
        for request in wanted {
            start(controller.clone(), request.clone());
        }
    });
}

fn start(controller: Controller, request: IdentityRequest) {
    let Some(engine) = controller.engine() else {
        return;
    };
    let requested = IdentityAction::Requested(request.clone());
    controller.dispatch(Action::Identity(requested));
    spawn_local(async move {
        let found = match engine.call("identify", &[request.0.as_str().into()]).await {
            Ok(hash) => hash
                .as_string()
                .ok_or_else(|| "the answer is no text".to_owned()),
            Err(fault) => Err(fault.message),
        };
        let received = IdentityAction::Received(request, found);
        controller.dispatch(Action::Identity(received));
    });
}
