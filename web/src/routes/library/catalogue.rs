//! The catalogue: every model with the releases of SAEs for it, before anything is downloaded.

use yew::prelude::*;

use super::parts::{ActionButton, Load};
use super::question::Question;
use super::release::{Release, layer_button, licence, room, source};
use crate::components::term::described;
use crate::context::use_controller;
use crate::data::{ModelInfo, SaeInfo};
use crate::definitions::LATENTS;
use crate::format::{bytes, count};
use crate::library::choice::{Choice, fits_of, is_for, is_loaded, plan};
use crate::library::pace::Pace;
use crate::offers::{Catalogue, CatalogueModel, CatalogueSae, Fits, does_not_belong};
use crate::shared::Shared;
use crate::state::Remote;
use crate::state::load::LoadAction;
use crate::state::task::Task;

/// Shown data.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// The catalogue.
    pub catalogue: Remote<Shared<Catalogue>>,
    /// Bytes of the demo.
    pub demo_bytes: Option<f64>,
    /// The loaded model.
    pub model: Option<Shared<ModelInfo>>,
    /// The loaded SAEs.
    pub saes: Shared<Vec<SaeInfo>>,
    /// The part about which the person is asked.
    pub choice: Option<Choice>,
    /// The expected rate of a download.
    pub pace: Pace,
    /// Format of the weights on the device.
    pub weights: String,
    /// True while something is being loaded.
    pub busy: bool,
}

/// The section.
#[component]
pub fn CatalogueSection(props: &Props) -> Html {
    let list = match &props.catalogue {
        Remote::Here(catalogue) => list(props, catalogue),
        Remote::Failed(message) => html! { <p class="error" role="alert">{ message }</p> },
        Remote::Idle | Remote::Waiting => {
            html! { <p class="muted" role="status">{ "Reading the catalogue…" }</p> }
        }
    };
    html! {
        <section class="card" aria-labelledby="catalogue-title" data-testid="catalogue">
            <h2 id="catalogue-title">{ "Models and their SAEs" }</h2>
            <p class="muted">{ "Choose one or more layers of a release: its model is loaded with them. Nothing is downloaded before you are told its size, host and time." }</p>
            <p class="legend" aria-hidden="true">
                <span><i class="pressed">{ "8" }</i>{ "chosen" }</span>
                <span><i class="loaded">{ "8" }</i>{ "loaded" }</span>
                <span><i class="whole">{ "8" }</i>{ "stored in this browser" }</span>
            </p>
            { demo(props) }
            { list }
        </section>
    }
}

fn demo(props: &Props) -> Html {
    let loaded = props.model.as_ref().is_some_and(|model| model.id == "demo");
    let action = if loaded {
        html! { <span class="muted">{ "loaded" }</span> }
    } else {
        html! { <Load tasks={vec![Task::demo()]} weights="auto" busy={props.busy} label="Load the demo" /> }
    };
    html! {
        <section class="model" aria-labelledby="model-demo" data-testid="catalogue-model" data-model="demo">
            <div class="model-head">
                <h3 id="model-demo" tabindex="-1">{ "Demo" }</h3>
                <p class="muted">
                    { "the small model of this page with its SAEs, from this site" }
                    if let Some(size) = props.demo_bytes {
                        { " · " }<span data-testid="demo-size">{ bytes(size) }</span>
                    }
                    { " · " }<a href="demo/SOURCES.md" target="_blank" rel="noreferrer">{ "licences of its sources" }<span class="sr">{ ", opens in a new tab" }</span></a>
                </p>
                <div class="controls">{ action }</div>
            </div>
        </section>
    }
}

fn list(props: &Props, catalogue: &Catalogue) -> Html {
    let known = |sae: &&CatalogueSae| {
        catalogue
            .models
            .iter()
            .any(|model| model.offer.id == sae.model)
    };
    let of = |id: &str| -> Vec<&CatalogueSae> {
        let releases = catalogue.saes.iter();
        releases.filter(|sae| sae.model == id).collect()
    };
    let strays: Vec<_> = catalogue.saes.iter().filter(|sae| !known(sae)).collect();
    html! {
        <>
            { for catalogue.models.iter().map(|model| {
                model_section(props, catalogue, model, &of(&model.offer.id))
            }) }
            if !strays.is_empty() {
                <section class="model" aria-labelledby="model-others">
                    <div class="model-head"><h3 id="model-others">{ "SAEs for models that are not in this catalogue" }</h3></div>
                    { table(props, catalogue, "SAEs for other models", &strays) }
                </section>
            }
        </>
    }
}

fn model_section(
    props: &Props,
    catalogue: &Catalogue,
    model: &CatalogueModel,
    releases: &[&CatalogueSae],
) -> Html {
    let offer = &model.offer;
    let loaded = props.model.as_ref().is_some_and(|here| model.gave(here));
    let title = format!("model-{}", offer.id);
    let stored = match model.stored_bytes {
        none if none <= 0.0 => String::new(),
        all if all >= offer.bytes => " · stored in this browser".to_owned(),
        part => format!(" · {} of it stored in this browser", bytes(part)),
    };
    let facts = format!(
        "{} layers × {} · context {} · {}{stored} · ",
        model.layers,
        model.d_model,
        count(model.context as usize, "token"),
        bytes(offer.bytes)
    );
    html! {
        <section class="model" aria-labelledby={title.clone()} data-testid="catalogue-model" data-model={offer.id.clone()}>
            <div class="model-head">
                <h3 id={title} tabindex="-1">{ &offer.name }</h3>
                <p class="muted">{ facts }{ licence_of(model) }{ " · " }{ room(&offer.fits) }{ " · " }{ source(&offer.repo, &offer.name) }</p>
                <div class="controls">
                    if loaded {
                        <span class="muted">{ "loaded" }</span>
                    } else {
                        <ChooseModel id={offer.id.clone()} name={offer.name.clone()} chosen={is_chosen(props, &offer.id)} />
                    }
                </div>
            </div>
            if !loaded && is_chosen(props, &offer.id) {
                { question(props, catalogue, &offer.fits, format!("#model-{}", offer.id)) }
            }
            if releases.is_empty() {
                <p class="muted">{ "No release of SAEs for it is in this catalogue." }</p>
            } else {
                { table(props, catalogue, &format!("SAEs for {}", offer.name), releases) }
            }
        </section>
    }
}

fn licence_of(model: &CatalogueModel) -> Html {
    match model.offer.licence.as_str() {
        "" | "unknown" => html! { { "licence not stated" } },
        stated => licence(stated),
    }
}

fn is_chosen(props: &Props, entry: &str) -> bool {
    props
        .choice
        .as_ref()
        .is_some_and(|choice| choice.entry == entry)
}

/// The button that asks about a model.
#[derive(Clone, PartialEq, Properties)]
struct ChooseModelProps {
    id: String,
    name: String,
    chosen: bool,
}

#[component]
fn ChooseModel(props: &ChooseModelProps) -> Html {
    let controller = use_controller();
    let ChooseModelProps { id, name, chosen } = props.clone();
    let onclick = move |()| {
        let choice = (!chosen).then(|| Choice::model(&id));
        controller.dispatch_load(LoadAction::Choose(choice));
    };
    html! { <ActionButton testid="load" label={format!("Load {name}…")} {onclick}>{ "Load…" }</ActionButton> }
}

fn table(props: &Props, catalogue: &Catalogue, label: &str, releases: &[&CatalogueSae]) -> Html {
    let columns = [
        ("name", html! { "release" }),
        ("hook", html! { "hook" }),
        ("number", described(LATENTS, "latents")),
        ("strip", html! { "layers" }),
        ("number", html! { "size of each" }),
        ("room", html! { "this device" }),
        ("licence", html! { "licence" }),
        ("source", html! { <span class="sr">{ "source" }</span> }),
    ];
    html! {
        <table class="releases" role="table" aria-label={label.to_owned()} data-testid="releases">
            <thead role="rowgroup"><tr role="row">{ for columns.map(|(class, name)| html! { <th role="columnheader" scope="col" {class}>{ name }</th> }) }</tr></thead>
            <tbody role="rowgroup">{ for releases.iter().map(|release| release_row(props, catalogue, release)) }</tbody>
        </table>
    }
}

fn release_row(props: &Props, catalogue: &Catalogue, release: &CatalogueSae) -> Html {
    let model = props.model.as_deref();
    let entry = catalogue
        .models
        .iter()
        .find(|entry| entry.offer.id == release.model);
    let there = is_for(release, entry, model);
    let loaded = release.layers.iter().copied();
    let loaded: Vec<u32> = loaded
        .filter(|&layer| there && is_loaded(release, layer, &props.saes))
        .collect();
    let id = &release.offer.id;
    let chosen = props.choice.as_ref().filter(|choice| choice.entry == *id);
    let hook = |layer: &u32| release.hook.replace("{L}", &layer.to_string());
    let hook = release.layers.first().map(hook);
    let stranger = model
        .filter(|_| there)
        .and_then(|model| does_not_belong(model, release.d_in, hook.as_deref()));
    let asked = chosen.map(|choice| {
        question(
            props,
            catalogue,
            fits_of(release, there),
            layer_button(choice),
        )
    });
    html! {
        <Release key={id.clone()} release={release.clone()} {there} {loaded} chosen={chosen.map_or_else(Vec::new, |choice| choice.layers.clone())} {stranger}>
            { for asked }
        </Release>
    }
}

/// The question about the choice. `home` takes the focus when it is answered.
fn question(props: &Props, catalogue: &Catalogue, fits: &Fits, home: String) -> Html {
    let choice = props.choice.as_ref();
    let plan =
        choice.and_then(|choice| plan(choice, catalogue, props.model.as_deref(), &props.saes));
    match plan {
        Some(plan) => html! {
            <Question {plan} pace={props.pace} reason={fits.reason.clone()} blocked={!fits.ok} weights={props.weights.clone()} busy={props.busy} {home} />
        },
        None => html! {
            <p class="muted" role="status">{ "Nothing of it can be loaded now: it is there already, or its model is not in this catalogue and has to be loaded first." }</p>
        },
    }
}
