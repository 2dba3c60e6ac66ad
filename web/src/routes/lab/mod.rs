//! The laboratory: training of autoencoders, and their comparison.

pub mod compare;
mod curves;
mod form;
mod pages;
mod progress;
mod stored;

use wire::TrainingInfo;
use yew::prelude::*;

use crate::browser;
use crate::components::term::defined;
use crate::context::use_controller;
use crate::controller::Controller;
use crate::definitions::SAE;
use crate::format::{fixed, grouped};
use crate::state::State;
use crate::state::route::Route;
use crate::state::train::{Finished, TrainState};
use crate::state::train_choice::{Rule, Wanted};
use crate::state::url::Place;
use curves::Curves;

/// Shown data.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// Where the page is.
    pub place: Place,
    /// Trainings.
    pub train: TrainState,
    /// Hooks of the loaded model.
    pub hooks: Vec<String>,
    /// The hook of the training.
    pub hook: Option<String>,
    /// True where a GPU can train.
    pub has_gpu: bool,
    /// Name of the loaded model.
    pub model: Option<AttrValue>,
    /// The training of what is chosen, or what is missing for it.
    pub wanted: Result<Wanted, String>,
}

impl Props {
    /// The slices of the state that the route shows.
    pub fn of(state: &State) -> Self {
        Self {
            place: state.address(),
            train: state.train.clone(),
            hooks: state.train_hooks(),
            hook: state.train_hook(),
            has_gpu: state.trains_on_gpu(),
            model: state.model.as_ref().map(|model| model.name.clone().into()),
            wanted: state.wanted_training(),
        }
    }
}

/// The page.
#[component]
pub fn TrainRoute(props: &Props) -> Html {
    let controller = use_controller();
    {
        let controller = controller.clone();
        use_effect_with(props.model.is_some(), move |_| controller.list_trainings());
    }
    let train = &props.train;
    html! {
        <div class="train-route" data-testid="train-route">
            { pages::pages(&props.place, Route::Train) }
            <section class="card" aria-label="Training">
                <div class="card-head"><h2>{ "Train an autoencoder" }</h2></div>
                if let Some(running) = &train.running {
                    { progress::progress(&controller, running) }
                } else {
                    if let Some(finished) = &train.finished {
                        { result(&controller, finished, train.busy) }
                    }
                    <p class="about">
                        { "Make an " }{ defined(SAE) }
                        { " of your own for the model that is loaded: for a hook of your choice, on a text of your choice. It is trained here, in your browser; nothing is sent anywhere." }
                    </p>
                    if browser::is_file() {
                        <p class="muted" data-testid="train-not-here">{ "The module that trains is not in the page in one file. Train on the page of a site (cargo xtask serve starts one on your machine), or with sae-explorer train, and drop the result here." }</p>
                    } else {
                        { form::form(&controller, props) }
                    }
                }
                if let Some(why) = &train.failed {
                    <p class="error" role="alert" data-testid="train-failed">{ why }</p>
                }
            </section>
            { stored::stored(&controller, train, props.model.as_ref()) }
        </div>
    }
}

/// The training that has just ended.
fn result(controller: &Controller, finished: &Finished, busy: bool) -> Html {
    let Finished { info, .. } = finished;
    let last = finished.records.last();
    let fvu = last.map_or_else(String::new, |last| format!(", FVU {}", fixed(last.fvu, 4)));
    let what = match finished.complete {
        true => "Trained",
        false => "Stopped",
    };
    let kept = match (finished.stored, finished.complete) {
        (true, true) => "It is kept in this browser.",
        (true, false) => "It is kept in this browser, and can go on from where it is.",
        (false, _) => "It is not kept in this browser: download it, or it is gone with this page.",
    };
    html! {
        <div class="trained" data-testid="trained" data-complete={finished.complete.to_string()}>
            <p role="status">
                <b>{ format!("{what}: ") }</b>
                { format!("{} latents at {}, step {} of {}, {} tokens{fvu}. {kept}", grouped(info.latents as u64), info.hook, grouped(info.step), grouped(info.steps), grouped(info.tokens)) }
            </p>
            <div class="controls">{ actions(controller, info, busy) }</div>
            <Curves records={finished.records.clone()} steps={info.steps} batch={batch(info)} />
        </div>
    }
}

/// Tokens per step.
fn batch(info: &TrainingInfo) -> u64 {
    info.tokens / info.step.max(1)
}

/// What can be done with the autoencoder of a training.
fn actions(controller: &Controller, info: &TrainingInfo, busy: bool) -> Html {
    let open = {
        let (controller, info) = (controller.clone(), info.clone());
        move |_: MouseEvent| controller.open_trained(info.clone())
    };
    let download = {
        let (controller, info) = (controller.clone(), info.clone());
        move |_: MouseEvent| controller.download_trained(info.clone())
    };
    let download_pt = {
        let (controller, info) = (controller.clone(), info.clone());
        move |_: MouseEvent| controller.download_trained_pt(info.clone())
    };
    let no_pt = match Rule::of_key(&info.activation) {
        Rule::Topk => None,
        Rule::Relu => Some("No .pt: its ReLU has no normalisation of the input."),
        Rule::BatchTopk | Rule::JumpRelu => Some("No .pt: it has no thresholds."),
    };
    html! {
        <>
            <button type="button" disabled={busy} data-testid="trained-open" title="Load it beside the others, as if its folder had been dropped on the page" onclick={open}>{ "Open in the explorer" }</button>
            <button type="button" disabled={busy} data-testid="trained-download" title="A SAELens folder: cfg.json, sae_weights.safetensors, and the training's settings and log" onclick={download}>{ "Download as .zip" }</button>
            if let Some(why) = no_pt {
                <span class="muted" data-testid="trained-no-pt">{ why }</span>
            } else {
                <button type="button" disabled={busy} data-testid="trained-download-pt" title="A file in OpenAI's layout, as torch.load and this program read it; it has no place for the hook" onclick={download_pt}>{ "Download as .pt" }</button>
            }
        </>
    }
}
