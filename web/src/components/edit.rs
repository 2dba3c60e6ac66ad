//! Setting a feature to zero or to a value, and what that changes.

use std::rc::Rc;

use web_sys::HtmlInputElement;
use yew::prelude::*;

use super::comparison::comparison;
use super::spark::{farthest, spark};
use super::term::{defined, described};
use super::token_text::quoted_token;
use crate::context::use_controller;
use crate::data::{Edited, Trace};
use crate::definitions::{EDIT, KL_EDITED, LOSS};
use crate::format::{NONE, count, fixed, number, optional, plain, signed, small};
use crate::ranking::peak;
use crate::shared::Shared;
use crate::state::tray::{Edit, FeatureId, TrayAction};
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

/// The control that edits a feature.
#[component]
pub fn EditControl(props: &Props) -> Html {
    let controller = use_controller();
    let Props {
        along, edit, live, ..
    } = props;
    let (first, token, live) = (props.first, props.token, *live);
    let typed = edit.value.clone().unwrap_or_else(|| usual(along, first));
    let value = number(&typed);
    let positions: Vec<usize> = match edit.reach {
        Reach::Selected => vec![token],
        Reach::Active => (first..along.len())
            .filter(|&token| along[token] > 0.0)
            .collect(),
    };
    let ablate = {
        let edit = Edit {
            feature: props.feature.clone(),
            value: 0.0,
            positions: positions.clone(),
        };
        controller.on(move |_: MouseEvent| Action::Tray(TrayAction::Edit(edit.clone())))
    };
    let nowhere = positions.is_empty();
    let inactive = !nowhere
        && positions
            .iter()
            .all(|&token| along.get(token).is_none_or(|value| *value == 0.0));
    let idle = nowhere || !live;
    let clamp = {
        let (controller, feature, along) =
            (controller.clone(), props.feature.clone(), along.clone());
        move |_: MouseEvent| {
            let typed = controller.now(|state| state.edit.value.clone());
            if let Some(value) = number(&typed.unwrap_or_else(|| usual(&along, first))) {
                let edit = Edit {
                    feature: feature.clone(),
                    value,
                    positions: positions.clone(),
                };
                controller.dispatch(Action::Tray(TrayAction::Edit(edit)));
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
                    { for [(Reach::Selected, "at the selected token"), (Reach::Active, "at all its tokens")].map(|(reach, name)| html! {
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
                <p class="muted" data-testid="edit-inactive">{ "The feature is not active at the selected token: setting it to 0 changes nothing there." }</p>
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
    let said = |edit: &Edit| {
        let at = match edit.positions[..] {
            [position] => format!("at position {position}"),
            _ => format!("at {}", count(edit.positions.len(), "token")),
        };
        html! { <span>{ format!("feature {} set to ", edit.feature.latent) }<b>{ fixed(edit.value, 2) }</b>{ format!(" {at}") }</span> }
    };
    let sae = spec
        .edits
        .first()
        .and_then(|edit| trace.sae(&edit.feature.sae));
    html! {
        <div class="outcome" data-testid="edited" aria-live="polite">
            <p class="line">
                { for spec.edits.iter().map(said) }
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
