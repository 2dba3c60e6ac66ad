//! The edits of steering: a row for each, with a switch, a slider and its text.

use web_sys::{HtmlInputElement, KeyboardEvent};
use wire::{Edit, Operation};
use yew::prelude::*;

use super::examples::EXAMPLES;
use super::parts::value_of;
use crate::browser;
use crate::components::term::described;
use crate::context::use_controller;
use crate::data::SaeInfo;
use crate::definitions::EDIT;
use crate::display::hook_label;
use crate::format::fixed;
use crate::shared::Shared;
use crate::state::Action;
use crate::state::steer::{Steer, SteerAction, slider};
use crate::state::tray::{FeatureId, TrayAction};

/// Shown data.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// The edits.
    pub edits: Vec<Edit>,
    /// What is typed, and why it cannot be taken.
    pub steer: Steer,
    /// The loaded SAEs.
    pub saes: Shared<Vec<SaeInfo>>,
    /// The selected feature.
    pub selected: Option<FeatureId>,
    /// SAEs that are named and not loaded.
    pub lacking: Vec<String>,
    /// The largest activation over the atlas's corpus of each edit's feature, where it is known.
    pub usual: Vec<Option<f32>>,
}

/// The edits, and what adds one.
#[component]
pub fn Edits(props: &Props) -> Html {
    let controller = use_controller();
    let Props {
        edits,
        steer,
        saes,
        lacking,
        ..
    } = props;
    let onsubmit = {
        let controller = controller.clone();
        move |event: SubmitEvent| {
            event.prevent_default();
            controller.dispatch(Action::Steer(SteerAction::Add));
        }
    };
    let adding =
        controller.on(|event: InputEvent| Action::Steer(SteerAction::Adding(value_of(&event))));
    let fresh = props.selected.clone().filter(|feature| {
        !edits
            .iter()
            .any(|edit| edit.sae == feature.sae && edit.latent == feature.latent)
    });
    let add_selected = fresh.map(|FeatureId { sae, latent }| {
        let label = format!("Add the selected feature, {latent} of {}", name_of(saes, &sae));
        let edit = Edit::new(&sae, latent, Operation::Add(6.0));
        let add = controller.on(move |_: MouseEvent| Action::Steer(SteerAction::AddEdit(edit.clone())));
        html! { <button type="button" data-testid="steer-selected" onclick={add}>{ label }</button> }
    });
    let copy = {
        let (controller, json) = (controller.clone(), as_json(edits));
        move |_: MouseEvent| controller.copy("the edits as JSON", json.clone())
    };
    let is_loaded = |id: &str| saes.iter().any(|sae| sae.id == id);
    let examples = EXAMPLES.iter().filter(|example| is_loaded(example.sae()));
    html! {
        <section class="card" data-testid="steer-edits" aria-labelledby="steer-edits-title">
            <h2 id="steer-edits-title">{ described(EDIT, "Edits") }</h2>
            if edits.is_empty() {
                <p class="muted">{ "Nothing is steered yet. Add a feature, or try one of the examples." }</p>
            }
            <ul class="steer-rows">
                { for edits.iter().enumerate().map(|(index, edit)| html! {
                    <Row key={index} {index} usual={props.usual.get(index).copied().flatten()} edit={edit.clone()} sae={name_of(saes, &edit.sae)} loaded={is_loaded(&edit.sae)}
                        unread={steer.unread.clone().filter(|(at, ..)| *at == index).map(|(_, text, why)| (text, why))} />
                }) }
            </ul>
            if !lacking.is_empty() {
                <p class="error" role="alert">{ format!("Not loaded: {}. Load it in the library, or switch its edits off.", lacking.join(", ")) }</p>
            }
            <form class="controls" {onsubmit}>
                <input type="text" size="28" data-testid="steer-add" aria-label="Feature or edit to add" placeholder="L3/903 or openai.layer_3:903=+6x" value={steer.adding.clone()} oninput={adding}
                    aria-invalid={steer.refused.is_some().to_string()} />
                <button type="submit" >{ "Add" }</button>
                { add_selected.unwrap_or_default() }
                if !edits.is_empty() {
                    <button type="button" class="quiet" onclick={copy}>{ "Copy as JSON" }</button>
                }
            </form>
            if let Some(why) = &steer.refused {
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

fn as_json(edits: &[Edit]) -> String {
    // Edits that were read are finite, and so can be written.
    serde_json::to_string_pretty(edits).unwrap_or_default()
}

/// Shown data.
#[derive(Clone, PartialEq, Properties)]
struct RowProps {
    index: usize,
    edit: Edit,
    /// Name of the SAE for people.
    sae: String,
    /// Its feature's largest activation by itself.
    usual: Option<f32>,
    loaded: bool,
    /// What was typed and cannot be read, and why.
    unread: Option<(String, String)>,
}

#[component]
fn Row(props: &RowProps) -> Html {
    let controller = use_controller();
    let RowProps {
        index, edit, sae, ..
    } = props;
    let index = *index;
    let name = format!("feature {} of {sae}", edit.latent);
    let switch = controller.on(move |_: Event| Action::Steer(SteerAction::Switch(index)));
    let (least, most) = slider(edit.operation, props.usual);
    let slide = controller.on(move |event: InputEvent| {
        let value = event
            .target_unchecked_into::<HtmlInputElement>()
            .value_as_number();
        Action::Steer(SteerAction::Slide(index, value as f32))
    });
    let write = controller.on(move |event: Event| {
        let text = event.target_unchecked_into::<HtmlInputElement>().value();
        Action::Steer(SteerAction::Write(index, text))
    });
    let onkeydown = {
        let controller = controller.clone();
        move |event: KeyboardEvent| {
            if event.key() == "Enter" {
                let text = event.target_unchecked_into::<HtmlInputElement>().value();
                controller.dispatch(Action::Steer(SteerAction::Write(index, text)));
            }
        }
    };
    let remove = {
        let controller = controller.clone();
        move |_: MouseEvent| {
            // The button goes; the focus shall not go with it.
            browser::focus("[data-testid=steer-add]");
            controller.dispatch(Action::Steer(SteerAction::Remove(index)));
        }
    };
    let feature = FeatureId {
        sae: edit.sae.clone(),
        latent: edit.latent,
    };
    let show = controller.on(move |_: MouseEvent| Action::Tray(TrayAction::Show(feature.clone())));
    let what = match edit.operation {
        Operation::Set(_) => "set to",
        Operation::Add(_) => "add",
        Operation::Scale(_) => "times",
    };
    let text = match &props.unread {
        Some((text, _)) => text.clone(),
        None => edit.to_string(),
    };
    html! {
        <li data-testid="steer-row" data-on={edit.on.to_string()}>
            <input type="checkbox" aria-label={format!("{name}: on")} checked={edit.on} onchange={switch} />
            <button type="button" class="plain" title={format!("Select {name}")} disabled={!props.loaded} onclick={show}><span class="id">{ edit.latent }</span>{ " " }<span class="muted">{ sae }</span></button>
            <label class="slide"><span class="muted">{ what }</span>
                <input type="range" data-testid="steer-slider" aria-label={format!("{name}: {what}")} min={least.to_string()} max={most.to_string()} step="0.1" value={edit.operation.value().to_string()} oninput={slide} />
                if let Some(usual) = props.usual {
                    <span class="muted" data-testid="steer-usual" title="Largest activation over the atlas's corpus">{ format!("by itself up to {}", fixed(usual.into(), 1)) }</span>
                }
            </label>
            <input type="text" class="grammar" data-testid="steer-text" aria-label={format!("{name}: the edit as text")} value={text} onchange={write} {onkeydown} aria-invalid={props.unread.is_some().to_string()} />
            <button type="button" class="plain" data-testid="steer-remove" aria-label={format!("Remove the edit of {name}")} title="Remove" onclick={remove}>{ "×" }</button>
            if let Some((_, why)) = &props.unread {
                <pre class="error" role="alert">{ why }</pre>
            }
        </li>
    }
}
