//! Setting a feature to zero or to a value, and what that changes.

use std::rc::Rc;

use web_sys::HtmlInputElement;
use yew::prelude::*;

use super::comparison::comparison;
use super::edit_rows::said;
use super::spark::{farthest, spark};
use super::term::{defined, described};
use super::token_text::quoted_token;
use crate::context::use_controller;
use crate::data::{Edited, SaeTrace, Trace};
use crate::definitions::{EDIT, KL_EDITED, LOSS};
use crate::format::{NONE, number, optional, plain, signed, small};
use crate::ranking::peak;
use crate::shared::Shared;
use crate::state::edits::EditAction;
use crate::state::tray::FeatureId;
use crate::state::{Action, EditSpec, EditState, Reach, Remote};

/// A run with edits, and what came of it.
pub type Run = (EditSpec, Remote<Shared<Edited>>);

/// Shown data.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// The feature.
    pub feature: FeatureId,
    /// Its activation at each of the prompt's tokens.
    pub along: Rc<Vec<f32>>,
    /// The first of the prompt's own tokens, behind a BOS.
    pub first: usize,
    /// The selected token.
    pub token: usize,
    /// The control's settings.
    pub edit: EditState,
    /// True if the model is there to run.
    pub live: bool,
}

/// The value that is offered: twice the feature's largest activation in the prompt.
fn usual(along: &[f32], first: usize) -> String {
    plain(2.0 * f64::from(peak(along, first)), 2)
}

/// The activation of a text, if an edit can set it.
fn value_of(text: &str) -> Option<f64> {
    let value = number(text)?;
    let edit = wire::Edit::set("", 0, value as f32);
    edit.check_values().is_ok().then_some(value)
}

/// The control that edits a feature.
#[component]
pub fn EditControl(props: &Props) -> Html {
    let controller = use_controller();
    let Props {
        along, edit, live, ..
    } = props;
    let (first, token, live) = (props.first, props.token, *live);
    let typed = edit.value.clone().unwrap_or_else(|| usual(along, first));
    let value = value_of(&typed);
    let active = || (first..along.len()).filter(|&token| along[token] > 0.0);
    let positions: Option<Vec<usize>> = match edit.reach {
        Reach::Selected => Some(vec![token]),
        Reach::Active => Some(active().collect()),
        Reach::Everywhere => None,
    };
    let nowhere = positions.as_ref().is_some_and(Vec::is_empty);
    let changes_something = |token: &usize| along.get(*token).is_some_and(|value| *value != 0.0);
    let inactive = !nowhere
        && match &positions {
            Some(positions) => !positions.iter().any(changes_something),
            None => active().next().is_none(),
        };
    let idle = nowhere || !live;
    let set = {
        let FeatureId { sae, latent } = props.feature.clone();
        move |value: f64| wire::Edit {
            positions: (positions.as_ref())
                .map(|positions| positions.iter().map(|&token| token as u32).collect()),
            ..wire::Edit::set(&sae, latent, value as f32)
        }
    };
    let ablate = {
        let edit = set(0.0);
        controller.on(move |_: MouseEvent| Action::Edit(EditAction::Put(edit.clone())))
    };
    let clamp = {
        let (controller, along) = (controller.clone(), along.clone());
        move |_: MouseEvent| {
            let typed = controller.now(|state| state.edit.value.clone());
            if let Some(value) = value_of(&typed.unwrap_or_else(|| usual(&along, first))) {
                controller.dispatch(Action::Edit(EditAction::Put(set(value))));
            }
        }
    };
    let oninput = controller.on(|event: InputEvent| {
        Action::EditValue(event.target_unchecked_into::<HtmlInputElement>().value())
    });
    html! {
        <>
            <h3>{ described(EDIT, "Edit this feature") }</h3>
            <div class="controls">
                <div class="seg small" role="group" aria-label="Where to edit">
                    { for [(Reach::Selected, "at the selected token"), (Reach::Active, "at all its tokens"), (Reach::Everywhere, "everywhere")].map(|(reach, name)| html! {
                        <button type="button" aria-pressed={(edit.reach == reach).to_string()} onclick={controller.on(move |_| Action::EditReach(reach))}>{ name }</button>
                    }) }
                </div>
                <button type="button" disabled={idle} data-testid="ablate" onclick={ablate}>{ "Ablate (set to 0)" }</button>
                <span class="together">
                    <button type="button" disabled={idle || value.is_none()} data-testid="clamp" onclick={clamp}>{ "Set to" }</button>
                    <input type="text" inputmode="decimal" aria-label="Activation to set" size="7" value={typed} {oninput} aria-invalid={value.is_none().to_string()} />
                </span>
            </div>
            if !live {
                <p class="muted">{ "The model runs with an edit once it is here." }</p>
            } else if nowhere {
                <p class="muted">{ "The feature is active on no token of this prompt: choose the selected token." }</p>
            } else if inactive {
                <p class="muted" data-testid="edit-inactive">{ if edit.reach == Reach::Selected { "The feature is not active at the selected token: setting it to 0 changes nothing there." } else { "The feature is active on no token of this prompt: setting it to 0 changes nothing." } }</p>
            }
        </>
    }
}

/// What came of a run with edits, at the selected token and along the prompt.
pub fn run_result(trace: &Trace, (spec, answer): &Run, token: usize) -> Html {
    match answer {
        Remote::Here(edited) => outcome(trace, spec, edited, token),
        Remote::Failed(message) => html! { <p class="error" role="alert">{ message }</p> },
        Remote::Idle | Remote::Waiting => {
            html! { <p class="muted">{ "Running the model with the edit…" }</p> }
        }
    }
}

/// Clean and edited run side by side.
fn outcome(trace: &Trace, spec: &EditSpec, edited: &Edited, token: usize) -> Html {
    let change = edited
        .loss
        .zip(trace.loss)
        .map(|(edited, clean)| signed(edited - clean, 4));
    let changes: Vec<f32> = edited
        .token_losses
        .iter()
        .zip(&trace.token_losses)
        .map(|(edited, clean)| edited - clean)
        .collect();
    let worst = farthest(&changes);
    let largest = worst.map_or(0.0, |(_, change)| change.abs());
    let sae = spec.edits.first().and_then(|edit| {
        let named = |sae: &&SaeTrace| sae.id == edit.sae || sae.hook == edit.sae;
        trace.saes.iter().find(named)
    });
    html! {
        <div class="outcome" data-testid="edited" aria-live="polite">
            <p class="line">
                { for spec.edits.iter().map(|edit| html! { <span>{ format!("feature {}", edit.latent) }{ said(edit, None) }</span> }) }
                <span>{ defined(LOSS) }{ " " }<b>{ optional(trace.loss, 3) }</b>{ " → " }<b>{ optional(edited.loss, 3) }</b>{ " nats (" }{ change.unwrap_or_else(|| NONE.to_owned()) }{ format!("), N = {}", trace.token_losses.len()) }</span>
                <span>{ defined(KL_EDITED) }{ " " }<b>{ edited.kl.map_or_else(|| NONE.to_owned(), small) }</b>{ format!(" nats, N = {}", sae.map_or(0, |sae| sae.metrics.positions)) }</span>
                if let Some(kl) = edited.kl_by_position.get(token) {
                    <span>{ "after the selected token " }<b>{ small(f64::from(*kl)) }</b>{ " nats" }</span>
                }
            </p>
            if let Some((index, change)) = worst {
                <p class="line"><span>{ "loss of each token, edited − clean; largest at " }
                    { quoted_token(&trace.tokens[index + 1].text) }{ " " }<b>{ signed(f64::from(change), 3) }</b>{ " nats" }</span></p>
                { spark(&changes, largest, true, "Change of each token's loss along the prompt") }
            } else {
                <p class="line"><span>{ "No token's loss changed." }</span></p>
            }
            { comparison(trace, edited, token) }
        </div>
    }
}
