//! Sources besides the catalogue: files of one's own, a link, and the model's own neurons.

use wasm_bindgen::JsValue;
use web_sys::HtmlInputElement;
use yew::prelude::*;

use super::found::{FoundList, Props as FoundProps};
use super::parts::{Choices, Load, TextField};
use crate::context::use_controller;
use crate::data::ModelInfo;
use crate::shared::Shared;
use crate::state::load::{Field, LoadAction};
use crate::state::task::Task;

/// Hook points whose entries are features of their own, with their names.
const NEURON_KINDS: [(&str, &str); 5] = [
    ("mlp.hook_post", "MLP neurons"),
    ("attn.hook_z", "attention heads' z"),
    ("hook_resid_pre", "residual before the block"),
    ("hook_resid_mid", "residual before the MLP"),
    ("hook_resid_post", "residual after the block"),
];

/// What was found in files or behind a link.
#[derive(Clone, PartialEq, Properties)]
pub struct FilesProps {
    /// The list's data.
    pub found: FoundProps,
}

/// Files: dropped anywhere on the page, or picked here.
#[component]
pub fn Files(props: &FilesProps) -> Html {
    let controller = use_controller();
    let picked = Callback::from(move |event: Event| {
        let input = event.target_unchecked_into::<HtmlInputElement>();
        if let Some(files) = input.files() {
            // The list ends with the choice, and the same files may be chosen again.
            let files: JsValue = js_sys::Array::from(&files).into();
            input.set_value("");
            controller.look_at_files(files);
        }
    });
    html! {
        <section class="card" aria-labelledby="files-title" data-testid="files">
            <h2 id="files-title" tabindex="-1">{ "Your files" }</h2>
            <p>{ "Drop files or folders anywhere on the page, or choose them here. They are read in your browser and sent nowhere." }</p>
            <p class="muted">{ "A GPT-2 folder (config.json, model.safetensors, tokenizer.json or vocab.json and merges.txt), a SAELens folder (cfg.json, sae_weights.safetensors), or an OpenAI .pt file; several at once." }</p>
            <div class="controls">
                <label class="pick">{ "Choose files" }<input class="sr" type="file" multiple=true data-testid="pick-files" onchange={picked.clone()} /></label>
                <label class="pick">{ "Choose a folder" }<input class="sr" type="file" webkitdirectory=true data-testid="pick-folder" onchange={picked} /></label>
            </div>
            <FoundList ..props.found.clone() />
        </section>
    }
}

/// A link, and what was found behind it.
#[derive(Clone, PartialEq, Properties)]
pub struct LinkProps {
    /// The link, as typed.
    pub link: String,
    /// The list's data.
    pub found: FoundProps,
}

/// A link.
#[component]
pub fn Link(props: &LinkProps) -> Html {
    let controller = use_controller();
    let look = move |event: SubmitEvent| {
        event.prevent_default();
        controller
            .look_at_link(&controller.now(|state| state.library.field(Field::Link).to_owned()));
    };
    html! {
        <section class="card" aria-labelledby="link-title" data-testid="link">
            <h2 id="link-title" tabindex="-1">{ "A link" }</h2>
            <form class="controls" onsubmit={look}>
                <TextField field={Field::Link} label="Hugging Face page, owner/name, owner/name:path, or any address" placeholder="openai-community/gpt2" value={props.link.clone()} />
                <button type="submit">{ "Look" }</button>
            </form>
            <FoundList ..props.found.clone() />
        </section>
    }
}

/// The chosen layer and kind of neurons.
#[derive(Clone, PartialEq, Properties)]
pub struct NeuronsProps {
    /// The loaded model.
    pub model: Option<Shared<ModelInfo>>,
    /// The layer.
    pub layer: String,
    /// The hook point without its layer.
    pub kind: String,
    /// True while something is being loaded.
    pub busy: bool,
}

/// Feature sets that need no SAE: the model's own neurons and bases.
#[component]
pub fn Neurons(props: &NeuronsProps) -> Html {
    let controller = use_controller();
    let layers = props
        .model
        .as_ref()
        .map_or(0, |model| model.n_layers as u32);
    let hook = format!("blocks.{}.{}", props.layer, props.kind);
    let field = |field| controller.on_load(move |value| LoadAction::Field(field, value));
    let layer_values: Vec<_> = (0..layers)
        .map(|layer| (layer.to_string(), format!("layer {layer}")))
        .collect();
    let kinds: Vec<_> = NEURON_KINDS
        .map(|(kind, name)| (kind.to_owned(), name.to_owned()))
        .into();
    html! {
        <section class="card" aria-labelledby="neurons-title" data-testid="neurons">
            <h2 id="neurons-title">{ "Neurons" }</h2>
            <p class="muted">{ "Without any SAE: each entry of an activation is a feature of its own, seen through the same views. Nothing is downloaded." }</p>
            <div class="controls">
                <Choices label="layer" values={layer_values} now={props.layer.clone()} chosen={field(Field::NeuronLayer)} />
                <Choices label="kind" values={kinds} now={props.kind.clone()} chosen={field(Field::NeuronKind)} />
                <Load tasks={vec![Task::neurons(&hook)]} weights="auto" busy={props.busy} blocked={layers == 0} label={format!("Load {hook}")} />
            </div>
        </section>
    }
}
