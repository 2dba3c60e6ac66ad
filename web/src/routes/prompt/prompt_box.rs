//! The prompt and the examples to choose from.

use yew::prelude::*;

use crate::components::prompt_field::PromptField;
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
    html! {
        <>
            if !examples.is_empty() {
                <div class="examples" data-testid="examples" role="group" aria-label="Example prompts">
                    { for examples.iter().map(|example| {
                        let text = example.text.clone();
                        html! {
                            <button type="button" aria-pressed={(example.text == prompt).to_string()}
                                onclick={controller.on(move |_| Action::UsePrompt(text.clone()))}>{ &example.name }</button>
                        }
                    }) }
                </div>
            }
            <PromptField testid="prompt" prompt={prompt.to_owned()} {invalid} rows=3 />
        </>
    }
}
