//! Parts that are not there: on their way, missing, or failed.

use yew::prelude::*;

use crate::atlas::PartId;
use crate::context::use_controller;
use crate::state::Action;
use crate::state::atlas::{AtlasAction, PartState};

/// A sentence in the place of what is not there.
pub fn missing(why: &str) -> Html {
    html! { <section class="card" data-testid="atlas-missing"><p class="muted">{ why.to_owned() }</p></section> }
}

/// A card in the place of a part that is not there.
pub fn waiting(name: &'static str, id: PartId, part: &PartState) -> Html {
    html! { <section class="card"><Waiting {name} {id} part={part.clone()} /></section> }
}

/// Shown data.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// Name of the part, at the beginning of a sentence.
    pub name: &'static str,
    /// The part.
    pub id: PartId,
    /// Its state.
    pub part: PartState,
}

/// Says where a part stays; one that failed can be requested again.
#[component]
pub fn Waiting(props: &Props) -> Html {
    let controller = use_controller();
    let id = props.id;
    match &props.part {
        PartState::Ready => Html::default(),
        PartState::Missing => {
            html! { <p class="muted">{ format!("{} is not in this atlas.", props.name) }</p> }
        }
        PartState::Idle | PartState::Loading => {
            html! { <p class="muted" aria-busy="true">{ format!("{} is on its way…", props.name) }</p> }
        }
        PartState::Failed(why) => html! {
            <div class="error" role="alert" data-testid="part-failed">
                <p>{ why }</p>
                <button type="button" data-testid="part-retry" onclick={controller.on(move |_| Action::Atlas(AtlasAction::Retry(id)))}>{ "Try again" }</button>
            </div>
        },
    }
}
