//! Requests for a feature's counterparts in the other SAEs.

use wasm_bindgen_futures::spawn_local;
use web_sys::AbortController;
use yew::prelude::*;

use super::use_stoppable;
use crate::controller::Controller;
use crate::data::Neighbour;
use crate::state::views::{CounterpartsRequest, ViewsAction};
use crate::state::{Action, State};
use crate::views::layers::Counterpart;

/// Requests what layers × tokens shows; nobody waits for it any more once another feature is selected.
#[hook]
pub fn use_counterparts(state: &State, controller: &Controller) {
    use_stoppable(state.wanted_counterparts(), controller, start);
}

fn start(controller: Controller, request: CounterpartsRequest) -> Option<AbortController> {
    let engine = controller.engine()?;
    let stop = AbortController::new().ok()?;
    let signal = stop.signal();
    let requested = ViewsAction::CounterpartsRequested(request.clone());
    controller.dispatch(Action::Views(requested));
    spawn_local(async move {
        let own = Neighbour {
            latent: request.feature.latent,
            cosine: 1.0,
        };
        let mut found = vec![Counterpart {
            sae: request.feature.sae.clone(),
            nearest: Ok(own),
        }];
        for sae in &request.saes {
            let nearest = engine.matches(&request.feature, sae).await;
            if signal.aborted() {
                return;
            }
            let nearest = nearest.map_err(|fault| fault.message);
            let nearest = nearest.and_then(|list| {
                let first = list.into_iter().next();
                first.ok_or_else(|| "This SAE has no feature with a direction.".to_owned())
            });
            found.push(Counterpart {
                sae: sae.clone(),
                nearest,
            });
        }
        let received = ViewsAction::CounterpartsReceived(request, found);
        controller.dispatch(Action::Views(received));
    });
    Some(stop)
}
