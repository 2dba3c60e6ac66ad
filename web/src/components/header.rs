//! The top of the page: name, view, SAE, model, and where all this runs.

use yew::prelude::*;

use crate::browser;
use crate::controller::Controller;
use crate::data::Info;
use crate::display::hook_label;
use crate::format::{bytes, duration};
use crate::state::load::Section;
use crate::state::url::View;
use crate::state::{Action, State};

/// The header with a summary of everything.
pub fn header(controller: &Controller, state: &State) -> Html {
    let open = {
        let controller = controller.clone();
        move |_| controller.open(Section::Catalogue)
    };
    html! {
        <header class="top">
            <h1>{ "sae-explorer" }</h1>
            <button type="button" data-testid="open" aria-haspopup="dialog" title="Open a model, an SAE, or neurons (o)" onclick={open}>{ "Open…" }</button>
            <div class="seg" role="group" aria-label="View">
                { for [(View::Token, "At a token"), (View::Prompt, "Whole prompt")].map(|(view, name)| html! {
                    <button type="button" data-view={view.name()} aria-pressed={(state.place.view == view).to_string()}
                        onclick={controller.on(move |_| Action::SelectView(view))}>{ name }</button>
                }) }
            </div>
            if !state.saes.is_empty() {
                <div class="seg" role="group" aria-label="SAE">
                    { for state.saes.iter().map(|sae| {
                        let id = sae.id.clone();
                        let k = sae.k.map(|k| format!(", k = {k}")).unwrap_or_default();
                        let title = format!("{} at {}: {}, {} latents{k}", sae.id, sae.hook, sae.architecture, sae.n_latents);
                        html! {
                            <button type="button" data-testid="sae-switch" data-sae={sae.id.clone()} {title}
                                aria-pressed={(state.place.sae.as_ref() == Some(&sae.id)).to_string()}
                                onclick={controller.on(move |_| Action::SelectSae(id.clone()))}>
                                { hook_label(&sae.hook) }{ if sae.architecture == "neurons" { " neurons" } else { "" } }
                            </button>
                        }
                    }) }
                </div>
            }
            <div class="status" data-testid="status">
                if let Some(model) = &state.model {
                    <span>{ &model.name }</span>
                }
                if let Some(info) = &state.info {
                    <span class={classes!("backend", (info.backend == "gpu").then_some("gpu"))} title={info.adapter.clone()}>{ backend(info) }</span>
                    <span title="Memory held on the device by weights, activations and buffers">{ format!("{} on device", bytes(info.device_bytes)) }</span>
                }
                if let Some(trace) = &state.trace {
                    <span title="From asking the engine to its answer, for the prompt on screen">{ format!("traced in {}", duration(trace.milliseconds)) }</span>
                }
                if state.is_tracing() {
                    <span>{ "tracing…" }</span>
                }
            </div>
            <button type="button" class="help" aria-haspopup="dialog" aria-label="Keys and definitions" title="Keys and definitions (?)"
                onclick={controller.on(|_| Action::ShowKeys(true))}>{ "?" }</button>
        </header>
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
