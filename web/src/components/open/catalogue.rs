//! Models of the catalogue, and SAEs for the loaded one.

use yew::prelude::*;

use super::{choices, load, room, row, text_field, value_of, weights_choice};
use crate::controller::Controller;
use crate::format::bytes;
use crate::offers::{CatalogueModel, CatalogueSae, Offer, does_not_belong};
use crate::state::load::{Field, Kind, LoadAction, Task};
use crate::state::{Remote, State};

/// The section.
pub fn catalogue(controller: &Controller, state: &State) -> Html {
    let catalogue = match &state.open.catalogue {
        Remote::Here(catalogue) => catalogue,
        Remote::Failed(message) => {
            return html! { <>
                <p class="error" role="alert">{ message }</p>
                { mirror(controller, state, "") }
            </> };
        }
        Remote::Idle | Remote::Waiting => {
            return html! { <p class="muted">{ "Reading the catalogue…" }</p> };
        }
    };
    let here = catalogue
        .models
        .iter()
        .find(|entry| state.model.as_ref().is_some_and(|model| entry.is(model)))
        .map_or("", |entry| &entry.offer.id);
    let saes: Vec<_> = catalogue
        .saes
        .iter()
        .filter(|sae| sae.model == here)
        .collect();
    html! {
        <>
            <h3>{ "Models" }</h3>
            <ul class="rows" data-testid="catalogue-models">
                { demo(controller, state) }
                { for catalogue.models.iter().map(|model| model_row(controller, state, model)) }
            </ul>
            <h3>{ "SAEs for the loaded model" }</h3>
            if saes.is_empty() {
                <p class="muted">{ "The catalogue has none for it. Load one of the models above, or open SAEs from files or a link." }</p>
            } else {
                <ul class="rows" data-testid="catalogue-saes">{ for saes.into_iter().map(|sae| sae_row(controller, state, sae)) }</ul>
            }
            <div class="controls foot">{ weights_choice(controller, state) }{ mirror(controller, state, &catalogue.mirror) }</div>
        </>
    }
}

/// A button that loads something, or that it is loaded.
fn load_or_loaded(
    controller: &Controller,
    state: &State,
    task: Task,
    loaded: bool,
    fits: bool,
) -> Html {
    if loaded {
        html! { <span class="muted">{ "loaded" }</span> }
    } else {
        load(controller, state, vec![task], !fits, "Load")
    }
}

fn demo(controller: &Controller, state: &State) -> Html {
    let about = html! { "the small model of this page with its SAEs" };
    let action = load_or_loaded(
        controller,
        state,
        Task::demo(),
        is_loaded(state, "demo"),
        true,
    );
    row(html! { "Demo" }, about, action)
}

fn model_row(controller: &Controller, state: &State, model: &CatalogueModel) -> Html {
    let offer = &model.offer;
    let task = Task::catalogue(Kind::Model, offer.name.clone(), &offer.id, None, None);
    let loaded = is_loaded(state, &offer.id);
    let action = load_or_loaded(controller, state, task, loaded, offer.fits.ok);
    row(html! { &offer.name }, about(offer), action)
}

fn is_loaded(state: &State, model: &str) -> bool {
    state
        .model
        .as_ref()
        .is_some_and(|loaded| loaded.id == model)
}

fn sae_row(controller: &Controller, state: &State, sae: &CatalogueSae) -> Html {
    let offer = &sae.offer;
    let layer = state.open.layer(&offer.id, &sae.layers);
    let name = match layer {
        Some(layer) => format!("{}, layer {layer}", offer.name),
        None => offer.name.clone(),
    };
    let id = offer.id.clone();
    let chosen = controller.on_load(move |event: Event| {
        LoadAction::Layer(id.clone(), value_of(&event).parse().unwrap_or(0))
    });
    let layers = sae
        .layers
        .iter()
        .map(|layer| (layer.to_string(), format!("layer {layer}")));
    let task = Task::catalogue(Kind::Sae, name, &offer.id, layer, None);
    let loaded = state.saes.iter().any(|one| one.id == task.id);
    let action = html! {
        <>
            if sae.layers.len() > 1 {
                { choices("layer", layers, &layer.map_or(String::new(), |layer| layer.to_string()), chosen) }
            }
            { load_or_loaded(controller, state, task, loaded, offer.fits.ok) }
        </>
    };
    let hook = layer.map(|layer| sae.hook.replace("{L}", &layer.to_string()));
    let stranger = state
        .model
        .as_ref()
        .and_then(|model| does_not_belong(model, sae.d_in, hook.as_deref()));
    let about = match stranger {
        Some(stranger) => html! { <span class="bad" data-testid="stranger">{ stranger }</span> },
        None => about(offer),
    };
    row(html! { &offer.name }, about, action)
}

/// Size, licence, and whether it fits.
fn about(offer: &Offer) -> Html {
    let licence = match offer.licence.as_str() {
        "" | "unknown" => "licence not stated",
        licence => licence,
    };
    html! { <>{ format!("{} · {licence} · ", bytes(offer.bytes)) }{ room(&offer.fits) }</> }
}

/// Mirror from which files are downloaded.
fn mirror(controller: &Controller, state: &State, now: &str) -> Html {
    let address = state.open.field(Field::Mirror).to_owned();
    let set = {
        let controller = controller.clone();
        move |event: SubmitEvent| {
            event.prevent_default();
            controller.set_mirror(&address);
        }
    };
    html! {
        <details class="mirror">
            <summary>{ if now.is_empty() { "Mirror" } else { "Mirror (set)" } }</summary>
            <p class="muted">{ if now.is_empty() {
                "Files come from where they were published. With a mirror they come from BASE/owner/name/resolve/main/path instead.".to_owned()
            } else {
                format!("Files come from {now}. Set an empty address to go back to where they were published.")
            } }</p>
            <form class="controls" onsubmit={set}>
                { text_field(controller, state, Field::Mirror, "base address", "https://example.org/models") }
                <button type="submit">{ "Set" }</button>
            </form>
        </details>
    }
}
