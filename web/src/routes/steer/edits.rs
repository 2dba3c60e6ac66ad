//! The edits of steering: a row for each, with a switch, a slider and its text.

use wire::{Edit, Operation};
use yew::prelude::*;

use super::examples::EXAMPLES;
use super::parts::value_of;
use crate::components::edit_rows::{EditRow, EditRows};
use crate::components::term::described;
use crate::context::use_controller;
use crate::data::SaeInfo;
use crate::definitions::EDIT;
use crate::display::hook_label;
use crate::shared::Shared;
use crate::state::Action;
use crate::state::edits::EditAction;
use crate::state::steer::SteerAction;
use crate::state::tray::FeatureId;

/// Shown data.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// The edits.
    pub rows: Vec<EditRow>,
    /// The feature or edit to be added, as typed.
    pub adding: String,
    /// Why it cannot be.
    pub refused: Option<String>,
    /// The loaded SAEs.
    pub saes: Shared<Vec<SaeInfo>>,
    /// The selected feature.
    pub selected: Option<FeatureId>,
    /// SAEs that are named and not loaded.
    pub lacking: Vec<String>,
}

/// The edits, and what adds one.
#[component]
pub fn Edits(props: &Props) -> Html {
    let controller = use_controller();
    let Props {
        rows,
        refused,
        saes,
        lacking,
        ..
    } = props;
    let onsubmit = {
        let controller = controller.clone();
        move |event: SubmitEvent| {
            event.prevent_default();
            controller.dispatch(Action::Edit(EditAction::Add));
        }
    };
    let adding =
        controller.on(|event: InputEvent| Action::Edit(EditAction::Adding(value_of(&event))));
    let fresh = props
        .selected
        .clone()
        .filter(|feature| !rows.iter().any(|row| row.feature.as_ref() == Some(feature)));
    let add_selected = fresh.map(|FeatureId { sae, latent }| {
        let label = format!("Add the selected feature, {latent} of {}", name_of(saes, &sae));
        let edit = Edit::new(&sae, latent, Operation::Add(6.0));
        let add = controller.on(move |_: MouseEvent| Action::Edit(EditAction::Put(edit.clone())));
        html! { <button type="button" data-testid="steer-selected" onclick={add}>{ label }</button> }
    });
    let copy = {
        let (controller, json) = (controller.clone(), as_json(rows));
        move |_: MouseEvent| controller.copy("the edits as JSON", json.clone())
    };
    let is_loaded = |id: &str| saes.iter().any(|sae| sae.id == id);
    let examples = EXAMPLES.iter().filter(|example| is_loaded(example.sae()));
    html! {
        <section class="card" data-testid="steer-edits" aria-labelledby="steer-edits-title">
            <h2 id="steer-edits-title">{ described(EDIT, "Edits") }</h2>
            if rows.is_empty() {
                <p class="muted">{ "There are no edits yet. Add a feature, or try one of the examples." }</p>
            }
            <EditRows rows={rows.clone()} refuge="[data-testid=steer-add]" />
            if !lacking.is_empty() {
                <p class="error" role="alert">{ format!("Not loaded: {}. Load it in the library, or switch its edits off.", lacking.join(", ")) }</p>
            }
            <form class="controls" {onsubmit}>
                <input type="text" size="28" data-testid="steer-add" aria-label="Feature or edit to add" placeholder="L3/903 or openai.layer_3:903=+6x" value={props.adding.clone()} oninput={adding}
                    aria-invalid={refused.is_some().to_string()} />
                <button type="submit" >{ "Add" }</button>
                { add_selected.unwrap_or_default() }
                if !rows.is_empty() {
                    <button type="button" class="quiet" onclick={copy}>{ "Copy as JSON" }</button>
                }
            </form>
            if let Some(why) = refused {
                <pre class="error" role="alert" data-testid="steer-refused">{ why }</pre>
            }
            <p class="controls"><span class="muted">{ "Examples:" }</span>
                { for examples.map(|example| {
                    let try_it = controller.on(move |_: MouseEvent| Action::Steer(SteerAction::Example(example.prompt.to_owned(), example.edits())));
                    html! {
                        <button type="button" data-testid="steer-example" data-prompt={example.prompt} data-edit={example.edit} data-words={example.words} title={format!("{} on “{} …”", example.edit, example.prompt)} onclick={try_it}>{ example.name }</button>
                    }
                }) }
            </p>
        </section>
    }
}

fn name_of(saes: &[SaeInfo], id: &str) -> String {
    let found = saes.iter().find(|sae| sae.id == id);
    found.map_or_else(|| id.to_owned(), |sae| hook_label(&sae.hook))
}

fn as_json(rows: &[EditRow]) -> String {
    let edits: Vec<&Edit> = rows.iter().map(|row| &row.edit).collect();
    // Edits that were read are finite, and so can be written.
    serde_json::to_string_pretty(&edits).unwrap_or_default()
}
