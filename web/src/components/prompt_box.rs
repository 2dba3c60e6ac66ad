//! The prompt and the examples to choose from.

use web_sys::{HtmlTextAreaElement, KeyboardEvent};
use yew::prelude::*;

use crate::controller::Controller;
use crate::data::Example;
use crate::shared::Shared;
use crate::state::Action;

/// What to show.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// The prompt, as typed.
    pub prompt: AttrValue,
    /// Prompts to choose from.
    pub examples: Shared<Vec<Example>>,
    /// Whether the prompt is at fault.
    pub invalid: bool,
}

/// The text area with the examples above it.
#[component]
pub fn PromptBox(props: &Props) -> Html {
    let Some(controller) = use_context::<Controller>() else {
        return Html::default();
    };
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
                { for props.examples.iter().map(|example| {
                    let text = example.text.clone();
                    html! {
                        <button type="button" aria-pressed={(example.text == *props.prompt).to_string()}
                            onclick={controller.on(move |_| Action::UsePrompt(text.clone()))}>{ &example.name }</button>
                    }
                }) }
            </div>
            <textarea aria-label="Prompt" data-testid="prompt" rows="3" spellcheck="false" autocomplete="off" placeholder="Any text"
                title="Traced when typing pauses; Ctrl+Enter traces at once"
                aria-invalid={props.invalid.to_string()} value={props.prompt.clone()} {oninput} {onkeydown} />
        </>
    }
}
