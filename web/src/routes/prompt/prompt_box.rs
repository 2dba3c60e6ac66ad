//! The prompt and the examples to choose from.

use web_sys::{HtmlTextAreaElement, KeyboardEvent};
use yew::prelude::*;

use crate::controller::Controller;
use crate::data::Example;
use crate::state::Action;

/// The text area with the prompt as typed, and the examples above it. `invalid` says that the prompt is at fault.
pub fn prompt_box(
    controller: &Controller,
    prompt: &str,
    examples: &[Example],
    invalid: bool,
) -> Html {
    let oninput = controller.on(|event: InputEvent| {
        Action::Type(event.target_unchecked_into::<HtmlTextAreaElement>().value())
    });
    let onkeydown = {
        let controller = controller.clone();
        move |event: KeyboardEvent| {
            if event.key() == "Enter" && (event.ctrl_key() || event.meta_key()) {
                event.prevent_default();
                controller.dispatch(Action::TraceNow);
            }
        }
    };
    html! {
        <>
            <div class="examples" data-testid="examples" role="group" aria-label="Example prompts">
                { for examples.iter().map(|example| {
                    let text = example.text.clone();
                    html! {
                        <button type="button" aria-pressed={(example.text == prompt).to_string()}
                            onclick={controller.on(move |_| Action::UsePrompt(text.clone()))}>{ &example.name }</button>
                    }
                }) }
            </div>
            <textarea aria-label="Prompt" data-testid="prompt" data-home="true" rows="3" dir="auto" spellcheck="false" autocomplete="off" placeholder="Any text"
                title="Traced when typing pauses; Ctrl+Enter traces at once"
                aria-invalid={invalid.to_string()} value={prompt.to_owned()} {oninput} {onkeydown} />
        </>
    }
}
