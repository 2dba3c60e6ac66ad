//! Files of one's own, and links: what they are, before anything is loaded.

use wasm_bindgen::JsValue;
use web_sys::HtmlInputElement;
use yew::prelude::*;

use super::{choices, load, room, row, text_field, value_of, weights_choice};
use crate::controller::Controller;
use crate::offers::{Found, FoundPart, Trouble, does_not_belong};
use crate::state::load::{Field, Kind, LoadAction, Section, Task, slot};
use crate::state::{Remote, State};

/// Files: dropped anywhere on the page, or picked here.
pub fn files(controller: &Controller, state: &State) -> Html {
    let picked = {
        let controller = controller.clone();
        Callback::from(move |event: Event| {
            let input = event.target_unchecked_into::<HtmlInputElement>();
            if let Some(files) = input.files() {
                // The list ends with the choice, and the same files may be chosen again.
                let files: JsValue = js_sys::Array::from(&files).into();
                input.set_value("");
                controller.look_at_files(files);
            }
        })
    };
    html! {
        <>
            <p>{ "Drop files or folders anywhere on the page, or choose them here. They are read in your browser and sent nowhere." }</p>
            <p class="muted">{ "A GPT-2 folder (config.json, model.safetensors, tokenizer.json or vocab.json and merges.txt), a SAELens folder (cfg.json, sae_weights.safetensors), or an OpenAI .pt file; several at once." }</p>
            <div class="controls">
                <label class="pick">{ "Choose files" }<input class="sr" type="file" multiple=true data-testid="pick-files" onchange={picked.clone()} /></label>
                <label class="pick">{ "Choose a folder" }<input class="sr" type="file" webkitdirectory=true data-testid="pick-folder" onchange={picked} /></label>
                { weights_choice(controller, state) }
            </div>
            { list(controller, state, Section::Files) }
        </>
    }
}

/// A link.
pub fn link(controller: &Controller, state: &State) -> Html {
    let link = state.open.field(Field::Link).to_owned();
    let empty = link.trim().is_empty();
    let look = {
        let controller = controller.clone();
        move |event: SubmitEvent| {
            event.prevent_default();
            controller.look_at_link(&link);
        }
    };
    html! {
        <>
            <form class="controls" onsubmit={look}>
                { text_field(controller, state, Field::Link, "Hugging Face page, owner/name, owner/name:path, or any address", "openai-community/gpt2") }
                <button type="submit" disabled={empty}>{ "Look" }</button>
                { weights_choice(controller, state) }
            </form>
            { list(controller, state, Section::Link) }
        </>
    }
}

/// The line shown while files or a link are looked at, with a way to stop that.
fn looking(controller: &Controller, section: Section) -> Html {
    let stop = {
        let controller = controller.clone();
        move |_: MouseEvent| controller.stop_seeking(section)
    };
    html! {
        <div class="line looking" data-testid="looking">
            <span class="muted" role="status">{ "Looking…" }</span>
            <button type="button" class="quiet" data-testid="cancel-looking" onclick={stop}>{ "Cancel" }</button>
        </div>
    }
}

/// The found models and SAEs.
fn list(controller: &Controller, state: &State, section: Section) -> Html {
    let found = match &state.open.found[slot(section)] {
        Remote::Here(found) => found,
        Remote::Failed(message) => {
            return html! { <p class="error" role="alert">{ message }</p> };
        }
        Remote::Waiting => return looking(controller, section),
        Remote::Idle => return Html::default(),
    };
    let Found {
        models,
        saes,
        problems,
    } = &**found;
    let mut tasks: Vec<Task> = models
        .iter()
        .take(1)
        .map(|model| Task::found(Kind::Model, model, None))
        .collect();
    let mut lacking = false;
    for (index, sae) in saes.iter().enumerate() {
        lacking |= sae.hook.is_none() && hook_of(state, section, index, sae).is_none();
        tasks.push(sae_task(state, section, index, sae));
    }
    let whole = tasks.len();
    html! {
        <>
            if whole == 0 && problems.is_empty() {
                <p class="muted" role="status">{ "Nothing was found there." }</p>
            }
            <ul class="rows" data-testid="found">
                { for models.iter().map(|model| {
                    let task = Task::found(Kind::Model, model, None);
                    row(html! { &model.name }, about(model, Kind::Model, None), load(controller, state, vec![task], false, "Load"))
                }) }
                { for saes.iter().enumerate().map(|(index, sae)| {
                    let task = sae_task(state, section, index, sae);
                    let lacking = sae.hook.is_none() && task.hook.is_none();
                    let action = html! { <>
                        if sae.hook.is_none() { { hook_choice(controller, state, section, index, sae) } }
                        { load(controller, state, vec![task], lacking || state.model.is_none(), "Load") }
                    </> };
                    let stranger = match &state.model {
                        // An SAE that comes with a model is for that one.
                        Some(model) if models.is_empty() => {
                            does_not_belong(model, sae.width(), sae.hook.as_deref().or(hook_of(state, section, index, sae)))
                        }
                        _ => None,
                    };
                    row(html! { &sae.name }, about(sae, Kind::Sae, stranger), action)
                }) }
                { for problems.iter().map(|Trouble { file, message }| {
                    row(html! { <span class="bad">{ file }</span> }, html! { message }, Html::default())
                }) }
            </ul>
            if (2..=16).contains(&whole) {
                { load(controller, state, tasks, lacking || (models.is_empty() && state.model.is_none()), "Load all") }
            }
        </>
    }
}

/// A part's kind, hook and room on the device; of one that does not belong to the model, that.
fn about(part: &FoundPart, kind: Kind, stranger: Option<String>) -> Html {
    let text = match (kind, &part.hook) {
        (Kind::Model, _) => format!("model · {}", part.summary),
        (_, Some(hook)) => format!("SAE · {} · {hook}", part.summary),
        (_, None) => format!("SAE · {} · it does not say where it belongs", part.summary),
    };
    html! {
        <>
            { text }
            if let Some(stranger) = stranger {
                { " · " }<span class="bad" data-testid="stranger">{ stranger }</span>
            } else if let Some(fits) = &part.fits {
                { " · " }{ room(fits) }
            }
        </>
    }
}

/// The hook that was chosen for an SAE that does not say where it belongs; or that the address names together with it.
fn hook_of<'a>(
    state: &'a State,
    section: Section,
    index: usize,
    sae: &FoundPart,
) -> Option<&'a str> {
    state
        .open
        .hook(slot(section), index)
        .or_else(|| state.wanted_hook(&sae.name))
        .filter(|hook| !hook.is_empty())
}

fn sae_task(state: &State, section: Section, index: usize, sae: &FoundPart) -> Task {
    Task::found(Kind::Sae, sae, hook_of(state, section, index, sae))
}

/// The hooks of the loaded model at which SAEs are trained.
fn hook_choice(
    controller: &Controller,
    state: &State,
    section: Section,
    index: usize,
    sae: &FoundPart,
) -> Html {
    let layers = state.model.as_ref().map_or(0, |model| model.n_layers);
    let points = [
        "hook_resid_pre",
        "hook_resid_mid",
        "hook_resid_post",
        "hook_attn_out",
        "hook_mlp_out",
        "mlp.hook_post",
        "attn.hook_z",
    ];
    let now = hook_of(state, section, index, sae).unwrap_or_default();
    let mut hooks: Vec<_> = (0..layers)
        .flat_map(|layer| points.map(|point| format!("blocks.{layer}.{point}")))
        .collect();
    if !now.is_empty() && !hooks.iter().any(|hook| hook == now) {
        hooks.push(now.to_owned());
    }
    let hooks = hooks.into_iter().map(|hook| (hook.clone(), hook));
    let none = (String::new(), "where does it belong?".to_owned());
    let chosen = controller
        .on_load(move |event: Event| LoadAction::Hook(slot(section), index, value_of(&event)));
    choices("hook", std::iter::once(none).chain(hooks), now, chosen)
}
