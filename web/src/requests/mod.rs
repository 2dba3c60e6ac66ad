//! Requests to the engine and to the site, each with one subject.

pub mod atlas;
pub mod beginning;
mod beside;
pub mod compare;
pub mod counterparts;
pub mod host;
pub mod identities;
pub mod library;
pub mod live;
pub mod numbers;
pub mod offline;
pub mod own_file;
pub mod scan;
pub mod site;
pub mod taps;
pub mod text;
mod texts;
pub mod train;

use web_sys::AbortController;
use yew::prelude::*;

use crate::controller::Controller;

/// Starts what is wanted whenever that changes, and stops what was started before: nobody waits for it any more. `start` gives what
/// stops it.
#[hook]
fn use_stoppable<T: Clone + PartialEq + 'static>(
    wanted: Option<T>,
    controller: &Controller,
    start: fn(Controller, T) -> Option<AbortController>,
) {
    let controller = controller.clone();
    use_effect_with(wanted, move |wanted| {
        let stop = wanted
            .clone()
            .and_then(|request| start(controller, request));
        move || {
            if let Some(stop) = stop {
                stop.abort();
            }
        }
    });
}
