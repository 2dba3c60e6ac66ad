//! Continuing the prompt.

use web_sys::HtmlInputElement;
use yew::prelude::*;

use crate::browser;
use crate::components::term::defined;
use crate::controller::Controller;
use crate::definitions::{SEED, TEMPERATURE};
use crate::engine::GenerateOptions;
use crate::format::count;
use crate::state::generate::second_half;
use crate::state::{Action, GenerateField, GenerateState, settings};

/// The settings, if all of them make sense; else what does not.
fn options(generate: &GenerateState) -> Result<GenerateOptions, &'static str> {
    Ok(GenerateOptions {
        max_tokens: settings::max_tokens(&generate.max_tokens)?,
        temperature: settings::temperature(&generate.temperature)?,
        seed: settings::seed(&generate.seed)?,
        ..GenerateOptions::default()
    })
}

/// The panel: settings as typed, and what has come. `current` says that the trace is of the prompt as it stands, `steered`
/// is the address where it is continued under the edits, where there are such.
pub fn generate_panel(
    controller: &Controller,
    generate: &GenerateState,
    current: bool,
    steered: Option<String>,
) -> Html {
    let options = options(generate);
    let field = |field: GenerateField, label: &'static str, name: Html, value: &str| {
        let oninput = controller.on(move |event: InputEvent| {
            Action::Generate(
                field,
                event.target_unchecked_into::<HtmlInputElement>().value(),
            )
        });
        html! { <span class="field">{ name }<input type="text" inputmode="decimal" size="5" aria-label={label} value={value.to_owned()} {oninput} /></span> }
    };
    let start = {
        let controller = controller.clone();
        move |_| {
            let now = controller.now(|state| {
                let trace = state.trace.clone().filter(|_| state.is_current());
                Some((trace?, self::options(&state.generate).ok()?))
            });
            if let Some((trace, options)) = now {
                controller.generate(&trace, options);
            }
        }
    };
    let stop = {
        let controller = controller.clone();
        move |_| controller.stop_generating()
    };
    let whole = format!("{}{}", generate.prompt, generate.text);
    let slide = {
        let (controller, half) = (controller.clone(), second_half(&whole).to_owned());
        move |_| {
            controller.dispatch(Action::UsePrompt(half.clone()));
            browser::focus("[data-testid=prompt]");
        }
    };
    let use_as_prompt = {
        let controller = controller.clone();
        move |_| {
            controller.dispatch(Action::UsePrompt(whole.clone()));
            // The button goes away; what it changes is the prompt.
            browser::focus("[data-testid=prompt]");
        }
    };
    html! {
        <section class="card" data-testid="generate" aria-labelledby="generate-title">
            <h2 id="generate-title">{ "Continue the prompt" }</h2>
            <div class="controls">
                if generate.running {
                    <button type="button" key="stop" onclick={stop}>{ "Stop" }</button>
                } else {
                    <button type="button" key="start" disabled={!current || options.is_err()} onclick={start}>{ "Continue" }</button>
                }
                { field(GenerateField::MaxTokens, "tokens at most", "tokens at most".into(), &generate.max_tokens) }
                { field(GenerateField::Temperature, "temperature", defined(TEMPERATURE), &generate.temperature) }
                { field(GenerateField::Seed, "seed", defined(SEED), &generate.seed) }
            </div>
            if let Err(message) = options {
                <p class="error" role="alert">{ message }</p>
            }
            if let Some(address) = steered {
                <p class="muted" data-testid="generate-clean">{ "This is the model as it is, without the edits. " }<a href={address}>{ "Steer" }</a>{ " continues with and without them, side by side." }</p>
            }
            if !generate.text.is_empty() {
                <p class="generated" dir="auto"><span class="muted">{ &generate.prompt }</span><b data-testid="generated">{ &generate.text }</b></p>
            }
            if generate.running || !generate.text.is_empty() || generate.ended.is_some() {
                <p class="line" role="status">
                    <span>{ count(generate.tokens, "token") }{ if generate.running { "…" } else { "" } }</span>
                    if let Some(ended) = &generate.ended {
                        <span>{ ended }</span>
                    }
                </p>
            }
            if !generate.running && !generate.text.is_empty() {
                <button type="button" class="quiet" onclick={use_as_prompt}>{ "Use as prompt" }</button>
                if generate.full {
                    <button type="button" class="quiet" data-testid="slide" onclick={slide}>{ "Use the second half as prompt" }</button>
                }
            }
        </section>
    }
}
