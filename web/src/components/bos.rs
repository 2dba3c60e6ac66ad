//! The beginning-of-sequence token: whether one goes before the prompt, why, and the person's choice.

use yew::prelude::*;

use super::term::defined;
use crate::controller::Controller;
use crate::data::Trace;
use crate::definitions::BOS;
use crate::format::sentence;
use crate::state::url::bos_name;
use crate::state::{Action, State};

/// The line below the tokens.
pub fn bos_line(controller: &Controller, state: &State, trace: &Trace) -> Html {
    let chosen = state.place.bos;
    let done = if trace.bos_prepended {
        "added"
    } else {
        "not added"
    };
    html! {
        <div class="line" data-testid="bos">
            <span>{ defined(BOS) }{ ": " }<b>{ done }</b>
                if !trace.bos_reason.is_empty() {
                    <span class="reason">{ format!(". {}", sentence(&trace.bos_reason)) }</span>
                }
            </span>
            <div class="seg small" role="group" aria-label="Put a BOS before the prompt">
                { for [None, Some(true), Some(false)].map(|bos| html! {
                    <button type="button" data-bos={bos_name(bos)} aria-pressed={(chosen == bos).to_string()} onclick={controller.on(move |_| Action::SelectBos(bos))}>{ bos_name(bos) }</button>
                }) }
            </div>
        </div>
    }
}
