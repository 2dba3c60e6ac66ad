//! The top of every route: name, tabs, SAE, and where all this runs.

use yew::prelude::*;

use super::tabs::Tabs;
use crate::browser;
use crate::context::use_controller;
use crate::data::{Info, ModelInfo, SaeInfo};
use crate::display::hook_label;
use crate::format::{bytes, duration};
use crate::shared::Shared;
use crate::state::Action;
use crate::state::load::Section;
use crate::state::route::Route;
use crate::state::url::Place;

/// Shown data.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// Where the page is.
    pub place: Place,
    /// The loaded model.
    pub model: Option<Shared<ModelInfo>>,
    /// The loaded SAEs.
    pub saes: Shared<Vec<SaeInfo>>,
    /// The backend and the memory in use.
    pub info: Option<Shared<Info>>,
    /// Duration of the trace on screen, in milliseconds.
    pub milliseconds: Option<f64>,
    /// True while a trace is under way.
    pub tracing: bool,
}

/// The header.
#[component]
pub fn Header(props: &Props) -> Html {
    let Props { place, saes, .. } = props;
    let controller = use_controller();
    // What is pinned and edited stays, as on every way through the page.
    let start = Place {
        pins: place.pins.clone(),
        edits: place.edits.clone(),
        ..Place::default()
    };
    let open = {
        let controller = controller.clone();
        move |_| controller.open(Section::Catalogue)
    };
    html! {
        <header class="top">
            <h1><a href={start.to_hash()} title="Start">{ "sae-explorer" }</a></h1>
            <Tabs place={place.clone()} />
            if place.route != Route::Library {
                <button type="button" data-testid="open" aria-haspopup="dialog" title="Open a model, an SAE, or neurons (o)" onclick={open}>{ "Open…" }</button>
            }
            if !saes.is_empty() {
                <div class="seg" role="group" aria-label="SAE">
                    { for saes.iter().map(|sae| {
                        let id = sae.id.clone();
                        let k = sae.k.map(|k| format!(", k = {k}")).unwrap_or_default();
                        let title = format!("{} at {}: {}, {} latents{k}", sae.id, sae.hook, sae.architecture, sae.n_latents);
                        html! {
                            <button type="button" data-testid="sae-switch" data-sae={sae.id.clone()} {title}
                                aria-pressed={(place.sae.as_ref() == Some(&sae.id)).to_string()}
                                onclick={controller.on(move |_| Action::SelectSae(id.clone()))}>
                                { hook_label(&sae.hook) }{ if sae.architecture == "neurons" { " neurons" } else { "" } }
                            </button>
                        }
                    }) }
                </div>
            }
            <Status model={props.model.clone()} info={props.info.clone()} milliseconds={props.milliseconds} tracing={props.tracing} />
            <button type="button" class="help" aria-haspopup="dialog" aria-label="Keys and definitions" title="Keys and definitions (?)"
                onclick={controller.on(|_| Action::ShowKeys(true))}>{ "?" }</button>
        </header>
    }
}

/// Shown data.
#[derive(Clone, PartialEq, Properties)]
struct StatusProps {
    model: Option<Shared<ModelInfo>>,
    info: Option<Shared<Info>>,
    milliseconds: Option<f64>,
    tracing: bool,
}

/// What runs, and where.
#[component]
fn Status(props: &StatusProps) -> Html {
    html! {
        <div class="status" data-testid="status">
            if let Some(model) = &props.model {
                <span>{ &model.name }</span>
            }
            if let Some(info) = &props.info {
                <span class={classes!("backend", (info.backend == "gpu").then_some("gpu"))} title={info.adapter.clone()}>{ backend(info) }</span>
                <span title="Memory held on the device by weights, activations and buffers">{ format!("{} on device", bytes(info.device_bytes)) }</span>
            }
            if let Some(milliseconds) = props.milliseconds {
                <span title="From asking the engine to its answer, for the prompt on screen">{ format!("traced in {}", duration(milliseconds)) }</span>
            }
            if props.tracing {
                <span>{ "tracing…" }</span>
            }
        </div>
    }
}

/// The backend; on the CPU, also the reason.
fn backend(info: &Info) -> String {
    if info.backend == "gpu" {
        return format!("WebGPU · {}", info.adapter);
    }
    if browser::query("backend", &["cpu"]).is_some() {
        return "CPU (WebGPU not used: the address asks for the CPU)".to_owned();
    }
    format!(
        "CPU (no WebGPU: {})",
        browser::webgpu_missing().unwrap_or("the browser found no adapter")
    )
}
