//! Feature sets that need no SAE: the model's own neurons and bases.

use yew::prelude::*;

use super::{choices, row, value_of};
use crate::controller::Controller;
use crate::state::State;
use crate::state::load::{Field, LoadAction, Task};

/// Hook points whose entries are features of their own, with their names.
const KINDS: [(&str, &str); 5] = [
    ("mlp.hook_post", "MLP neurons"),
    ("attn.hook_z", "attention heads' z"),
    ("hook_resid_pre", "residual before the block"),
    ("hook_resid_mid", "residual before the MLP"),
    ("hook_resid_post", "residual after the block"),
];

/// The section.
pub fn neurons(controller: &Controller, state: &State) -> Html {
    let layers = state.model.as_ref().map_or(0, |model| model.n_layers);
    let (kind, layer) = (
        state.open.field(Field::NeuronKind),
        state.open.field(Field::NeuronLayer),
    );
    let field =
        |field| controller.on_load(move |event: Event| LoadAction::Field(field, value_of(&event)));
    let layer_values = (0..layers).map(|layer| (layer.to_string(), format!("layer {layer}")));
    let kinds = KINDS.map(|(kind, name)| (kind.to_owned(), name.to_owned()));
    let hook = format!("blocks.{layer}.{kind}");
    let load = {
        let (controller, hook) = (controller.clone(), hook.clone());
        move |_| controller.run(vec![Task::neurons(&hook)], "auto", None)
    };
    let action = html! {
        <>
            { choices("layer", layer_values, layer, field(Field::NeuronLayer)) }
            { choices("kind", kinds.into_iter(), kind, field(Field::NeuronKind)) }
            <button type="button" data-testid="load" disabled={layers == 0 || state.job.is_some()} onclick={load}>{ "Load" }</button>
        </>
    };
    html! {
        <>
            <p>{ "Without any SAE: each entry of an activation is a feature of its own, seen through the same views." }</p>
            <ul class="rows">{ row(html! { &hook }, html! { "nothing is downloaded" }, action) }</ul>
        </>
    }
}
