//! The top of every route: name, tabs, SAE, and where all this runs.

use yew::prelude::*;

use super::progress::Progress;
use super::tabs::Tabs;
use crate::browser;
use crate::components::term::defined;
use crate::context::use_controller;
use crate::data::{DemoSae, Info, SaeInfo};
use crate::definitions::SAE;
use crate::display::hook_label;
use crate::format::{bytes, duration};
use crate::shared::Shared;
use crate::state::job::Job;
use crate::state::meter::Meter;
use crate::state::url::Place;
use crate::state::{Action, Phase};

/// Shown data.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// Where the page is.
    pub place: Place,
    /// Name of the model on screen.
    pub model: Option<AttrValue>,
    /// The loaded SAEs.
    pub saes: Shared<Vec<SaeInfo>>,
    /// SAEs that are still to come.
    pub expected: Shared<Vec<DemoSae>>,
    /// The backend and the memory in use.
    pub info: Option<Shared<Info>>,
    /// Duration of the trace on screen, in milliseconds.
    pub milliseconds: Option<f64>,
    /// True while a trace is under way.
    pub tracing: bool,
    /// The load under way that the person chose.
    pub job: Option<Job>,
    /// Its progress.
    pub meter: Meter,
    /// State of the engine.
    pub phase: Phase,
    /// True while the first trace is under way.
    pub first: bool,
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
    html! {
        <header class="top">
            <h1><a href={start.to_hash()} title="Start">{ "sae-explorer" }</a></h1>
            <Tabs place={place.clone()} />
            <button type="button" class="find-button" data-testid="find" aria-haspopup="dialog" aria-keyshortcuts="Control+K Meta+K" title="Find a feature by its number, an SAE, a command, an example prompt"
                onclick={controller.on(|_| Action::ShowFind(true))}>{ "Find" }<span class="key" aria-hidden="true">{ for find_keys().map(|key| html! { <kbd>{ key }</kbd> }) }</span></button>
            <div class="saes">{ defined(SAE) }<SaeSwitch selected={place.sae.clone()} saes={saes.clone()} expected={props.expected.clone()} /></div>
            <div class="status">
                <Progress job={props.job.clone()} meter={props.meter.clone()} phase={props.phase.clone()} first={props.first} />
                <Status model={props.model.clone()} info={props.info.clone()} milliseconds={props.milliseconds} tracing={props.tracing} />
            </div>
            <button type="button" class="help" aria-haspopup="dialog" aria-label="Keys and definitions" title="Keys and definitions (?)"
                onclick={controller.on(|_| Action::ShowKeys(true))}>{ "?" }</button>
        </header>
    }
}

/// The keys that open the dialog that finds things.
fn find_keys() -> [&'static str; 2] {
    [if browser::is_apple() { "⌘" } else { "Ctrl" }, "K"]
}

/// Shown data.
#[derive(Clone, PartialEq, Properties)]
struct SwitchProps {
    selected: Option<String>,
    saes: Shared<Vec<SaeInfo>>,
    expected: Shared<Vec<DemoSae>>,
}

/// The SAEs to choose from. Those that are on their way have their places, so that nothing moves when they come.
#[component]
fn SaeSwitch(props: &SwitchProps) -> Html {
    let SwitchProps {
        selected,
        saes,
        expected,
    } = props;
    let controller = use_controller();
    let loaded = |sae: &SaeInfo| {
        let id = sae.id.clone();
        let k = sae.k.map(|k| format!(", k = {k}")).unwrap_or_default();
        let title = format!(
            "{} at {}: {}, {} latents{k}",
            sae.id, sae.hook, sae.architecture, sae.n_latents
        );
        html! {
            <button type="button" data-testid="sae-switch" data-sae={sae.id.clone()} {title}
                aria-pressed={(selected.as_ref() == Some(&sae.id)).to_string()}
                onclick={controller.on(move |_| Action::SelectSae(id.clone()))}>
                { hook_label(&sae.hook) }{ if sae.architecture == "neurons" { " neurons" } else { "" } }
            </button>
        }
    };
    let coming = |sae: &DemoSae| {
        let pressed = selected.as_ref() == Some(&sae.id);
        html! { <button type="button" disabled=true aria-pressed={pressed.to_string()} title={format!("{} is not loaded yet", sae.id)}>{ hook_label(&sae.hook) }</button> }
    };
    if saes.is_empty() && expected.is_empty() {
        return html! { <div class="seg"><button type="button" disabled=true>{ "no SAE" }</button></div> };
    }
    let others = saes
        .iter()
        .filter(|sae| !expected.iter().any(|one| one.id == sae.id));
    html! {
        <div class="seg" role="group" aria-label="SAE">
            { for expected.iter().map(|one| match saes.iter().find(|sae| sae.id == one.id) {
                Some(sae) => loaded(sae),
                None => coming(one),
            }) }
            { for others.map(loaded) }
        </div>
    }
}

/// Shown data.
#[derive(Clone, PartialEq, Properties)]
struct StatusProps {
    model: Option<AttrValue>,
    info: Option<Shared<Info>>,
    milliseconds: Option<f64>,
    tracing: bool,
}

/// What runs, and where.
#[component]
fn Status(props: &StatusProps) -> Html {
    html! {
        <div class="facts" data-testid="status">
            if let Some(model) = &props.model {
                <span>{ model }</span>
            }
            if props.info.is_none() {
                <span class="backend">{ "starting…" }</span>
            }
            if let Some(info) = &props.info {
                <span class={classes!("backend", (info.backend == "gpu").then_some("gpu"))} title={info.adapter.clone()}>{ backend(info) }</span>
                <span title="Memory held on the device by weights, activations and buffers">{ format!("{} on device", bytes(info.device_bytes as f64)) }</span>
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
