//! What is evaluated, and on what.

use wasm_bindgen::JsValue;
use web_sys::HtmlInputElement;
use yew::prelude::*;

use super::Props;
use super::runs::name;
use crate::components::check::check;
use crate::components::texts::choose_source;
use crate::controller::Controller;
use crate::format::bytes;
use crate::state::Action;
use crate::state::compare::{CompareAction, Extra};
use crate::state::texts::Source;
use crate::state::train::MODULE_BYTES;

/// The form.
pub fn form(controller: &Controller, props: &Props) -> Html {
    let choice = &props.compare.choice;
    let picked = {
        let controller = controller.clone();
        move |files: &JsValue| controller.choose_compared_texts(files)
    };
    let from = controller.on(|source| Action::Compare(CompareAction::Source(source)));
    let start = {
        let controller = controller.clone();
        move |event: SubmitEvent| {
            event.prevent_default();
            controller.compare();
        }
    };
    let tokens = controller.on(|event: InputEvent| {
        let input: HtmlInputElement = event.target_unchecked_into();
        Action::Compare(CompareAction::Tokens(input.value()))
    });
    let on = |action: Box<dyn Fn(bool) -> CompareAction>| {
        controller.on(move |on| Action::Compare(action(on)))
    };
    let sae = |id: &String| {
        let name = id.clone();
        let onchange = on(Box::new(move |on| CompareAction::Sae(name.clone(), on)));
        let checked = !choice.without.contains(id);
        check(("compare-sae", id), checked, id.clone(), onchange)
    };
    let of_model = props.trainings.iter();
    let of_model = of_model.filter(|info| props.model.as_deref() == Some(&info.model));
    let training = |info: &wire::TrainingInfo| {
        let id = info.id.clone();
        let onchange = on(Box::new(move |on| CompareAction::Training(id.clone(), on)));
        let checked = choice.trainings.contains(&info.id);
        check(
            ("compare-training", &info.id),
            checked,
            name(info),
            onchange,
        )
    };
    let extra = |extra: Extra| {
        let words = match extra {
            Extra::Recovery => {
                "other k, JumpReLU at test time and refined magnitudes (about six times as long)"
            }
            Extra::Probes => {
                "probes of each latent for labels that the text gives, and sparse probing (long for many latents)"
            }
            Extra::Ablation => "sparsity of what 64 ablations change in the logits",
        };
        let onchange = on(Box::new(move |on| CompareAction::Extra(extra, on)));
        let checked = choice.extras.contains(&extra);
        check(
            ("compare-extra", extra.key()),
            checked,
            words.to_owned(),
            onchange,
        )
    };
    let missing = props.wanted.as_ref().err().cloned();
    let note = missing.unwrap_or_else(|| {
        format!("That loads the module that evaluates (at most {}) and the model once more, beside the one that answers the page.", bytes(MODULE_BYTES))
    });
    html! {
        <form class="train-form" onsubmit={start}>
            <fieldset data-testid="compare-saes">
                <legend>{ "SAEs" }</legend>
                { for props.saes.iter().map(sae) }
                { for of_model.map(training) }
            </fieldset>
            <div class="controls">{ choose_source("compare", (&Source::ALL, choice.source, &choice.texts), from, picked) }</div>
            if choice.source == Source::Sample {
                <p class="muted">{ "The demo’s model and SAEs were trained on this text, among others: of them the numbers are a little better than on text that is new to them." }</p>
            }
            <div class="controls">
                <label title="Tokens to read, of each file an equal share from its beginning. A latent that fires once in a million tokens is dead in few">{ "Tokens " }
                    <input type="text" inputmode="decimal" size="8" value={choice.tokens.clone()} oninput={tokens} data-testid="compare-tokens" />
                </label>
            </div>
            <fieldset>
                <legend>{ "Also" }</legend>
                { for Extra::ALL.map(extra) }
            </fieldset>
            <div class="controls">
                <button type="submit" disabled={props.wanted.is_err()} data-testid="compare-start">{ "Evaluate" }</button>
                <span class="muted" role="status" data-testid="compare-missing">{ note }</span>
            </div>
        </form>
    }
}
