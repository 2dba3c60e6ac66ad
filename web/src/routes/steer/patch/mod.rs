//! Patching: which features of another prompt bring its answer into this one.

mod grid;

use web_sys::{HtmlInputElement, HtmlSelectElement};
use yew::prelude::*;

use super::pages::pages;
use crate::components::term::{defined, described};
use crate::components::token_text::quoted_token;
use crate::context::use_controller;
use crate::data::{SaeInfo, Trace};
use crate::definitions::{PATCHING, RESTORED};
use crate::display::hook_label;
use crate::export::patch_table;
use crate::format::{count, signed};
use crate::shared::Shared;
use crate::state::patch::{Field, Patch, PatchAction};
use crate::state::route::Route;
use crate::state::tray::FeatureId;
use crate::state::url::Place;
use crate::state::{Action, State};
use grid::Grid;

/// Shown data.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// Where the page is.
    pub place: Place,
    /// Settings and what came.
    pub patch: Patch,
    /// The loaded SAEs.
    pub saes: Shared<Vec<SaeInfo>>,
    /// Id of the selected one.
    pub sae: Option<String>,
    /// The trace of the prompt, if it is of the prompt as it stands.
    pub trace: Option<Shared<Trace>>,
    /// Labels of the patched features that have one.
    pub labels: Shared<Vec<(u32, String)>>,
}

impl Props {
    /// The slices of the state that the route shows.
    pub fn of(state: &State) -> Self {
        let patch = &state.patch;
        let sae = patch.about.as_ref().map(|about| about.sae.clone());
        let label = |latent: u32| {
            let sae = sae.clone()?;
            let label = state.label(&FeatureId { sae, latent })?;
            Some((latent, label.to_owned()))
        };
        let patched = patch.rows().into_iter().filter_map(|row| row.latent);
        Self {
            place: state.address(),
            labels: Shared::new(patched.filter_map(label).collect()),
            patch: patch.clone(),
            saes: state.saes.clone(),
            sae: state.place.sae.clone(),
            trace: state.trace.clone().filter(|_| state.is_current()),
        }
    }
}

/// The route.
#[component]
pub fn PatchRoute(props: &Props) -> Html {
    let controller = use_controller();
    let Props {
        patch, saes, trace, ..
    } = props;
    let sae = props
        .sae
        .clone()
        .filter(|id| saes.iter().any(|sae| sae.id == *id));
    let onsubmit = {
        let (controller, trace, sae) = (controller.clone(), trace.clone(), sae.clone());
        let (running, place) = (patch.running, props.place.clone());
        move |event: SubmitEvent| {
            event.prevent_default();
            if let (Some(trace), Some(sae), false) = (&trace, &sae, running) {
                controller.patch(trace, place.bos, sae.clone(), &place.asked);
            }
        }
    };
    let stop = {
        let controller = controller.clone();
        move |_: MouseEvent| controller.stop_patching()
    };
    let choose = controller.on(|event: Event| {
        Action::SelectSae(event.target_unchecked_into::<HtmlSelectElement>().value())
    });
    let field = |field: Field,
                 label: &'static str,
                 size: &'static str,
                 placeholder: &'static str,
                 testid: &'static str| {
        let oninput = controller.on(move |event: InputEvent| {
            let value = event.target_unchecked_into::<HtmlInputElement>().value();
            Action::Patch(PatchAction::Type(field, value))
        });
        html! {
            <label class="field">{ label }<input type="text" {size} {placeholder} data-testid={testid} value={props.place.asked.get(field.name()).to_owned()} {oninput} /></label>
        }
    };
    let all = patch.about.as_ref().map_or(0, |about| about.cells.len());
    html! {
        <div class="steer-route" data-testid="patch">
            { pages(&props.place, Route::Patch) }
            <p>{ "Two prompts of equally many tokens with different answers: each feature of the prompt above is set to what it is in the source, at one position after the other (" }{ defined(PATCHING) }{ "). What brings the source's answer shows what the model uses for it." }</p>
            <section class="card" aria-label="What is patched">
                <form class="controls" {onsubmit}>
                    if patch.running {
                        <button type="button" class="main" key="stop" data-testid="patch-stop" onclick={stop}>{ "Stop" }</button>
                    } else {
                        <button type="submit" class="main" key="start" data-testid="patch-start" disabled={trace.is_none() || sae.is_none()}>{ "Patch" }</button>
                    }
                    { field(Field::Source, "from the source", "40", "Once upon a time there was a queen who", "patch-source") }
                    <label class="field">{ "features of" }
                        <select data-testid="patch-sae" onchange={choose}>
                            { for saes.iter().map(|one| html! { <option value={one.id.clone()} selected={sae.as_ref() == Some(&one.id)}>{ format!("{} ({})", hook_label(&one.hook), one.id) }</option> }) }
                        </select>
                    </label>
                    { field(Field::Target, "target token", "9", "likeliest", "patch-target") }
                    { field(Field::Distractor, "against", "9", "likeliest", "patch-distractor") }
                </form>
                if trace.is_none() {
                    <p class="muted">{ "Features can be patched once the model has read the prompt." }</p>
                }
                <p class="line" role="status" data-testid="patch-status" data-running={patch.running.to_string()} data-done={patch.patched.len().to_string()}>
                    if all > 0 {
                        <span>{ format!("{} of {}{}", patch.patched.len(), count(all, "experiment"), if patch.running { "…" } else { "." }) }</span>
                    }
                </p>
                if patch.running {
                    <progress max={all.max(1).to_string()} value={patch.patched.len().to_string()} aria-label="Experiments that have run" />
                }
                if let Some(why) = &patch.ended {
                    <p class={if why == "Stopped." { "muted" } else { "error" }} role="alert" data-testid="patch-ended">{ why }</p>
                }
            </section>
            { result(&controller, props) }
        </div>
    }
}

fn result(controller: &crate::controller::Controller, props: &Props) -> Html {
    let Props { patch, labels, .. } = props;
    let Some(about) = &patch.about else {
        return Html::default();
    };
    if about.cells.is_empty() {
        return html! { <section class="card"><p class="muted">{ "No feature is different in the two prompts: there is nothing to carry." }</p></section> };
    }
    let copy = {
        let (controller, text) = (controller.clone(), patch_table(about, &patch.patched));
        move |_: MouseEvent| controller.copy("the experiments as a table", text.clone())
    };
    let [target, distractor] = &about.compared;
    let [clean, source] = about.differences;
    html! {
        <section class="card" data-testid="patch-result" aria-labelledby="patch-title">
            <h2 id="patch-title">{ format!("What features of {} carry over", about.sae) }</h2>
            <p class="line" data-testid="patch-compared"><span>{ "Logit of " }{ quoted_token(&target.text) }{ " minus that of " }{ quoted_token(&distractor.text) }{ ": " }<b>{ signed(clean, 3) }</b>{ " after the prompt, " }<b>{ signed(source, 3) }</b>{ " after the source." }</span></p>
            <Grid patch={patch.clone()} labels={labels.clone()} />
            <p class="line muted">
                <span>{ described(RESTORED, "Share") }{ " of the way from the prompt's difference to the source's. " }</span>
                <span class="legend patch-legend"><span class="swatch toward"></span>{ "toward the source" }<span class="swatch away"></span>{ "away from it" }</span>
            </p>
            <button type="button" class="quiet" data-testid="patch-copy" onclick={copy}>{ "Copy as table" }</button>
        </section>
    }
}
