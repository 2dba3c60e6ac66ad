//! The beginning-of-sequence token: whether one goes before the prompt, why, and the person's choice.

use yew::prelude::*;

use crate::components::term::defined;
use crate::context::use_controller;
use crate::data::Trace;
use crate::definitions::BOS;
use crate::format::sentence;
use crate::shared::Shared;
use crate::state::Action;
use crate::state::url::bos_name;

/// Shown data.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// The trace.
    pub trace: Shared<Trace>,
    /// The person's choice.
    pub chosen: Option<bool>,
}

/// The line below the tokens.
#[component]
pub fn BosLine(props: &Props) -> Html {
    let controller = use_controller();
    let Props { trace, chosen } = props;
    let done = if trace.bos_prepended {
        "added"
    } else {
        "not added"
    };
    html! {
        <div class="line bos-line" data-testid="bos">
            <span>{ defined(BOS) }{ ": " }<b>{ done }</b>
                if !trace.bos_reason.is_empty() {
                    <span class="reason">{ format!(". {}", sentence(&trace.bos_reason)) }</span>
                }
            </span>
            <div class="seg small" role="group" aria-label="Put a BOS before the prompt">
                { for [None, Some(true), Some(false)].map(|bos| html! {
                    <button type="button" data-bos={bos_name(bos)} aria-pressed={(*chosen == bos).to_string()} onclick={controller.on(move |_| Action::SelectBos(bos))}>{ bos_name(bos) }</button>
                }) }
            </div>
        </div>
    }
}
