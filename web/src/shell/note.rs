//! Notices that are not failures, shown over the page's lower edge: what has just happened, and that a new version is there.

use gloo::timers::callback::Timeout;
use yew::prelude::*;

use super::update::update_line;
use crate::context::use_controller;
use crate::state::{Action, Note};

/// Time that a passing note stays, in milliseconds.
const STAY: u32 = 4000;

/// Shown data.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// The note, if there is one.
    pub note: Option<Note>,
    /// True while the page says that there is a new version.
    pub update: bool,
}

/// The note and the line about a new version; their place is always there, so that screen readers notice what comes into it.
#[component]
pub fn NoteLine(props: &Props) -> Html {
    let controller = use_controller();
    let forget = controller.clone();
    use_effect_with(props.note.clone(), move |note| {
        let passing = note.as_ref().is_some_and(|note| note.passing);
        let timeout =
            passing.then(|| Timeout::new(STAY, move || forget.dispatch(Action::Note(None))));
        move || drop(timeout)
    });
    let close = controller.on(|_: MouseEvent| Action::Note(None));
    html! {
        <div class="notes">
            <div class="note" role="status" data-testid="note">
                if let Some(note) = &props.note {
                    <p>{ &note.text } <button type="button" class="plain" aria-label="Close this note" onclick={close}>{ "×" }</button></p>
                }
            </div>
            <div class="note" role="status" data-testid="update">
                if props.update {
                    { update_line(&controller) }
                }
            </div>
        </div>
    }
}
