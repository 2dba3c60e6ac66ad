//! Settings of every load: the weights' format on the device, and a mirror.

use yew::prelude::*;

use super::parts::{Choices, TextField};
use crate::components::term::defined;
use crate::context::use_controller;
use crate::definitions::WEIGHTS;
use crate::state::load::{Field, LoadAction};

/// Shown data.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// Format of the weights on the device.
    pub weights: String,
    /// The mirror's address, as typed.
    pub mirror: String,
    /// The mirror that is set; empty where there is none.
    pub mirror_set: String,
}

/// The settings.
#[component]
pub fn Options(props: &Props) -> Html {
    let controller = use_controller();
    let weights = controller.on_load(|value| LoadAction::Field(Field::Weights, value));
    let set = {
        move |event: SubmitEvent| {
            event.prevent_default();
            controller
                .set_mirror(&controller.now(|state| state.library.field(Field::Mirror).to_owned()));
        }
    };
    let now = &props.mirror_set;
    html! {
        <div class="controls options">
            <span class="controls">
                { defined(WEIGHTS) }
                <Choices label="weights" values={["auto", "f32", "f16"].map(|name| (name.to_owned(), name.to_owned())).to_vec()} now={props.weights.clone()} chosen={weights} />
            </span>
            <details class="mirror">
                <summary>{ if now.is_empty() { "Mirror" } else { "Mirror (set)" } }</summary>
                <p class="muted">{ if now.is_empty() {
                    "Files come from where they were published. With a mirror they come from BASE/owner/name/resolve/main/path instead.".to_owned()
                } else {
                    format!("Files come from {now}. Set an empty address to go back to where they were published.")
                } }</p>
                <form class="controls" onsubmit={set}>
                    <TextField field={Field::Mirror} label="base address" placeholder="https://example.org/models" value={props.mirror.clone()} />
                    <button type="submit">{ "Set" }</button>
                </form>
            </details>
        </div>
    }
}
