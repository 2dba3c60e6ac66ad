//! Patching: which features of another prompt bring its answer into this one.

mod grid;

use yew::prelude::*;

use super::pages::pages;
use super::parts::{self, Shown, ended, labels_of, loaded_sae, sae_choice, value_of};
use crate::components::term::{defined, described};
use crate::components::token_text::quoted_token;
use crate::context::use_controller;
use crate::data::{SaeInfo, Trace};
use crate::definitions::{PATCHING, RESTORED};
use crate::export::patch_table;
use crate::format::{count, signed};
use crate::shared::Shared;
use crate::state::patch::{Field, Patch, PatchAction, Row, STREAM};
use crate::state::route::Route;
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
    /// Its grid.
    pub rows: Shared<Vec<Row>>,
    /// The loaded SAEs.
    pub saes: Shared<Vec<SaeInfo>>,
    /// Id of the selected one, if it is loaded.
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
        let sae = patch.about.as_ref().map_or("", |about| &about.sae);
        let rows = patch.rows();
        let patched = rows.iter().filter_map(|row| row.what.latent());
        Self {
            place: state.address(),
            labels: labels_of(state, sae, patched),
            rows: Shared::new(rows),
            patch: patch.clone(),
            saes: state.saes.clone(),
            sae: loaded_sae(state),
            trace: state.trace.clone().filter(|_| state.is_current()),
        }
    }
}

impl Props {
    /// True if there is what shall be carried: the features of a loaded SAE, or the stream.
    fn can_begin(&self) -> bool {
        self.sae.is_some() || self.place.asked.get(Field::What.name()) == STREAM
    }
}

/// The route.
#[component]
pub fn PatchRoute(props: &Props) -> Html {
    let controller = use_controller();
    let Props {
        patch,
        saes,
        sae,
        trace,
        ..
    } = props;
    let onsubmit = {
        let controller = controller.clone();
        move |event: SubmitEvent| {
            event.prevent_default();
            let now = controller.now(Props::of);
            if let (Some(trace), true, false) = (&now.trace, now.can_begin(), now.patch.running) {
                let sae = now.sae.unwrap_or_default();
                controller.patch(trace, now.place.bos, sae, &now.place.asked);
            }
        }
    };
    let stop = {
        let controller = controller.clone();
        move |_: MouseEvent| controller.stop_patching()
    };
    let asked = |field: Field, shown: Shown| {
        let oninput = controller
            .on(move |event: InputEvent| Action::Patch(PatchAction::Type(field, value_of(&event))));
        parts::field(shown, props.place.asked.get(field.name()), oninput)
    };
    let carried = props.place.asked.get(Field::What.name());
    let all = patch.about.as_ref().map_or(0, |about| about.cells.len());
    html! {
        <div class="steer-route" data-testid="patch">
            { pages(&props.place, Route::Patch) }
            <p>{ "Two prompts of equally many tokens with different answers: each feature of the prompt above, or its whole residual stream at a layer, is set to what it is in the source, at one position after the other (" }{ defined(PATCHING) }{ "). What brings the source's answer shows what the model uses for it, and where it has it." }</p>
            <section class="card" aria-label="What is patched">
                <form class="controls" {onsubmit}>
                    if patch.running {
                        <button type="button" class="main" key="stop" data-testid="patch-stop" onclick={stop}>{ "Stop" }</button>
                    } else {
                        <button type="submit" class="main" key="start" data-testid="patch-start" disabled={trace.is_none() || !props.can_begin()}>{ "Patch" }</button>
                    }
                    <div class="seg small" role="group" aria-label="What is carried">
                        { for [("features", "features"), (STREAM, "whole stream")].map(|(value, name)| html! {
                            <button type="button" data-testid="patch-what" data-what={value} aria-pressed={(carried == value).to_string()}
                                onclick={controller.on(move |_| Action::Patch(PatchAction::Type(Field::What, value.to_owned())))}>{ name }</button>
                        }) }
                    </div>
                    { asked(Field::Source, Shown { label: "from the source", size: "40", placeholder: "Once upon a time there was a queen who".into(), testid: "patch-source" }) }
                    if carried != STREAM {
                        { sae_choice(&controller, saes, sae.as_deref(), "patch-sae") }
                    }
                    { asked(Field::Target, Shown { label: "target token", size: "9", placeholder: "likeliest".into(), testid: "patch-target" }) }
                    { asked(Field::Distractor, Shown { label: "against", size: "9", placeholder: "likeliest".into(), testid: "patch-distractor" }) }
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
                { ended(patch.ended.as_ref(), "patch-ended") }
            </section>
            { result(&controller, props) }
        </div>
    }
}

fn result(controller: &crate::controller::Controller, props: &Props) -> Html {
    let Props {
        patch,
        rows,
        labels,
        ..
    } = props;
    let Some(about) = &patch.about else {
        return Html::default();
    };
    if about.cells.is_empty() {
        return html! { <section class="card"><p class="muted">{ "Nothing is different in the two prompts: there is nothing to carry." }</p></section> };
    }
    let copy = {
        let (controller, text) = (controller.clone(), patch_table(about, &patch.patched));
        move |_: MouseEvent| controller.copy("the experiments as a table", text.clone())
    };
    let [target, distractor] = &about.compared;
    let [clean, source] = about.differences;
    html! {
        <section class="card" data-testid="patch-result" aria-labelledby="patch-title">
            <h2 id="patch-title">{ if about.hooks.is_empty() { format!("What features of {} carry over", about.sae) } else { "What the residual stream carries over".to_owned() } }</h2>
            <p class="line" data-testid="patch-compared"><span>{ "Logit of " }{ quoted_token(&target.text) }{ " minus that of " }{ quoted_token(&distractor.text) }{ ": " }<b>{ signed(clean, 3) }</b>{ " after the prompt, " }<b>{ signed(source, 3) }</b>{ " after the source." }</span></p>
            <Grid patch={patch.clone()} rows={rows.clone()} labels={labels.clone()} />
            <p class="line muted">
                <span>{ described(RESTORED, "Share") }{ " of the way from the prompt's difference to the source's. " }</span>
                <span class="legend patch-legend"><span class="swatch toward"></span>{ "toward the source" }<span class="swatch away"></span>{ "away from it" }</span>
            </p>
            <button type="button" class="quiet" data-testid="patch-copy" onclick={copy}>{ "Copy as table" }</button>
        </section>
    }
}
