//! What is trained, and how.

use wasm_bindgen::JsValue;
use web_sys::HtmlInputElement;
use yew::prelude::*;

use super::Props;
use crate::components::select::{Select, options};
use crate::components::term::described;
use crate::components::texts::choose_source;
use crate::controller::Controller;
use crate::definitions::{HOOK, LATENTS};
use crate::format::bytes;
use crate::state::texts::Source;
use crate::state::train::{MODULE_BYTES, TrainAction};
use crate::state::train_choice::{Choice, Field, Processor, Rule};
use crate::state::{Action, State};

/// The form.
pub fn form(controller: &Controller, props: &Props) -> Html {
    let choice = &props.train.choice;
    let picked = {
        let controller = controller.clone();
        move |files: &JsValue| controller.choose_training_texts(files)
    };
    let start = {
        let controller = controller.clone();
        move |event: SubmitEvent| {
            event.prevent_default();
            if let Ok(wanted) = controller.now(State::wanted_training) {
                controller.train(&wanted);
            }
        }
    };
    let from = controller.on(|source| Action::Train(TrainAction::Source(source)));
    let processor =
        controller.on(|key: String| Action::Train(TrainAction::Processor(Processor::of_key(&key))));
    let hook = controller.on(|hook: String| Action::Train(TrainAction::Hook(hook)));
    let rule = controller.on(|rule: String| Action::Train(TrainAction::Rule(Rule::of_key(&rule))));
    let hooks = props.hooks.iter().map(|hook| (hook.clone(), hook.clone()));
    let rules = Rule::ALL.map(|rule| (rule.key(), rule.name()));
    let number = |field: Field,
                  label: Html,
                  size: &'static str,
                  empty: &'static str,
                  title: &'static str| {
        let oninput = controller.on(move |event: InputEvent| {
            let input: HtmlInputElement = event.target_unchecked_into();
            Action::Train(TrainAction::Type(field, input.value()))
        });
        html! {
            <label {title}>{ label }
                <input type="text" inputmode="decimal" {size} placeholder={empty} value={choice.typed(field).to_owned()} {oninput}
                    data-testid={testid(field)} aria-invalid={choice.wrong(field).is_some().to_string()} />
            </label>
        }
    };
    let missing = props.wanted.as_ref().err().cloned();
    let note = missing.unwrap_or_else(|| {
        format!("That loads the module that trains (at most {}) and the model once more, reads the text, runs two steps, and says what the whole training takes. Then you decide.", bytes(MODULE_BYTES))
    });
    html! {
        <form class="train-form" onsubmit={start}>
            <div class="controls">
                { choose_source("train", (&[Source::Sample, Source::Files], choice.source, &choice.texts), from, picked) }
            </div>
            if choice.source == Source::Files {
                <p class="muted">{ ".txt (documents separated by lines of <|endoftext|>) or .jsonl (a record per line, its text in \"text\"), plain or as .gz. A few thousand tokens show the way; some millions make a thousand latents useful." }</p>
            }
            <div class="controls">
                <label>{ "Hook " }
                    <Select testid="train-hook" value={props.hook.clone().unwrap_or_default()} options={options(hooks)} onchange={hook} />
                </label>
                { number(Field::Latents, html! { "Latents n " }, "7", "", "Number of features that it has in the end") }
                { number(Field::K, html! { "Active k " }, "4", "", "Latents that are active per token") }
                <label title="TopK: the k largest of each token. BatchTopK: the k·B largest of a batch of B tokens; it is kept as JumpReLU with one threshold. JumpReLU: those above a threshold of each latent, which is trained as well. ReLU + L1: those above 0, whose sum is a part of the loss. The last two aim at k active latents per token in the mean.">{ "Activation " }
                    <Select testid="train-rule" value={choice.rule.key()} options={options(rules)} onchange={rule} />
                </label>
                if props.has_gpu {
                    <label title="Steps on one core of the CPU, or on the GPU, which trains TopK">{ "Processor " }
                        <Select testid="train-processor" value={choice.processor.key()} options={options([("cpu", "CPU"), ("gpu", "GPU")])} onchange={processor} />
                    </label>
                }
                if choice.rule.has_prefixes() {
                    { number(Field::Matryoshka, html! { "Matryoshka prefixes " }, "10", "none", "Numbers of first latents whose reconstructions are parts of the loss as well, as 64, 256") }
                }
            </div>
            <div class="controls">
                { number(Field::Tokens, html! { "Tokens " }, "10", "the text once", "Tokens to train on; more than the text has read it several times, each time in another order") }
                { number(Field::Batch, html! { "Tokens per step " }, "6", "", "Size of a batch") }
                { number(Field::Lr, html! { "Learning rate " }, "7", "by n", "Peak learning rate; 2e-4·√(16384 / n) by default") }
                { number(Field::Seed, html! { "Seed " }, "5", "", "Seed of the start and of the order of data: the same settings, text and seed give the same autoencoder") }
                <span>{ described(HOOK, "what is a hook?") }{ " " }{ described(LATENTS, "what are latents?") }</span>
            </div>
            <div class="controls">
                <button type="submit" disabled={props.wanted.is_err()} data-testid="train-look">{ "See what it takes" }</button>
                <span class={classes!("muted", wrong(choice).then_some("bad"))} role="status" data-testid="train-missing">{ note }</span>
            </div>
        </form>
    }
}

fn testid(field: Field) -> &'static str {
    match field {
        Field::Latents => "train-latents",
        Field::K => "train-k",
        Field::Matryoshka => "train-matryoshka",
        Field::Tokens => "train-tokens",
        Field::Batch => "train-batch",
        Field::Lr => "train-lr",
        Field::Seed => "train-seed",
    }
}

/// True if a field holds what cannot be.
fn wrong(choice: &Choice) -> bool {
    [
        Field::Latents,
        Field::K,
        Field::Matryoshka,
        Field::Tokens,
        Field::Batch,
        Field::Lr,
        Field::Seed,
    ]
    .into_iter()
    .any(|field| choice.wrong(field).is_some())
}
