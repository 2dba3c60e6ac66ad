//! Assumptions about loaded files, which unfold.

use yew::prelude::*;

use crate::format::{count, sentence};

/// The notices about a model's or SAE's files, folded into a line; nothing where there are none.
pub fn notices(notices: &[String]) -> Html {
    if notices.is_empty() {
        return Html::default();
    }
    html! {
        <details class="notice" data-testid="notice">
            <summary>{ count(notices.len(), "note") }{ " about its files" }</summary>
            <ul>{ for notices.iter().map(|notice| html! { <li>{ sentence(notice) }</li> }) }</ul>
        </details>
    }
}
