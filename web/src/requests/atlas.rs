//! Requests for parts of an atlas.

use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use crate::atlas::{Content, Request, read};
use crate::browser;
use crate::controller::Controller;
use crate::own_atlases;
use crate::shared::Shared;
use crate::state::atlas::AtlasAction;
use crate::state::scan::FOLDER;
use crate::state::{Action, State};

/// Requests the parts that the page needs and that nobody has requested yet.
#[hook]
pub fn use_atlas(state: &State, controller: &Controller) {
    let controller = controller.clone();
    let info = state.atlas.info().cloned();
    use_effect_with(state.wanted_parts(), move |wanted| {
        for request in wanted {
            start(controller.clone(), request.clone(), info.clone());
        }
    });
}

fn start(controller: Controller, request: Request, info: Option<Shared<::atlas::AtlasInfo>>) {
    controller.dispatch(Action::Atlas(AtlasAction::Requested(request.part)));
    spawn_local(async move {
        let content = fetch(&request, info.as_deref()).await;
        controller.dispatch(Action::Atlas(AtlasAction::Received(request, content)));
    });
}

/// Fetches and reads a part of an atlas.
///
/// # Errors
/// Why it cannot be had.
pub(crate) async fn fetch(
    request: &Request,
    info: Option<&::atlas::AtlasInfo>,
) -> Result<Content, String> {
    if request.index.starts_with(FOLDER) {
        let bytes = own_atlases::read(&request.address).await?;
        return read(request, info, &bytes)
            .map_err(|error| format!("{error}. Delete this atlas, and scan the texts again."));
    }
    let bytes = browser::fetch_bytes(&request.address).await;
    let bytes = bytes.map_err(|fault| fault.message)?;
    read(request, info, &bytes).map_err(|error| format!("{error}. Put the file up again as it was written, or load the page once more if it has just been replaced."))
}
