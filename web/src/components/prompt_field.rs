//! The field with the prompt.

use web_sys::{HtmlTextAreaElement, KeyboardEvent};
use yew::prelude::*;

use crate::context::use_controller;
use crate::state::Action;

/// Shown data.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// Name for tests.
    pub testid: &'static str,
    /// The prompt, as typed.
    pub prompt: AttrValue,
    /// True if the prompt is at fault.
    #[prop_or_default]
    pub invalid: bool,
    /// Lines that are shown; a single one does not wrap.
    pub rows: u32,
}

/// The field. What is typed is traced when typing pauses.
#[component]
pub fn PromptField(props: &Props) -> Html {
    let controller = use_controller();
    let oninput = controller.on(|event: InputEvent| {
        Action::Type(event.target_unchecked_into::<HtmlTextAreaElement>().value())
    });
    let onkeydown = move |event: KeyboardEvent| {
        if event.key() == "Enter" && (event.ctrl_key() || event.meta_key()) {
            event.prevent_default();
            controller.dispatch(Action::TraceNow);
        }
    };
    html! {
        <textarea aria-label="Prompt" data-testid={props.testid} data-home={(props.rows > 1).then_some("true")} rows={props.rows.to_string()} wrap={(props.rows == 1).then_some("off")}
            dir="auto" spellcheck="false" autocomplete="off" placeholder="Any text"
            title="Traced when typing pauses; Ctrl+Enter traces at once"
            aria-invalid={props.invalid.to_string()} value={props.prompt.clone()} {oninput} {onkeydown} />
    }
}
