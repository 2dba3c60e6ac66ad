//! Trainings that this browser keeps.

use wire::TrainingInfo;
use yew::prelude::*;

use super::actions;
use crate::browser;
use crate::components::delete::Delete;
use crate::controller::Controller;
use crate::format::{bytes, fixed, grouped, time_ago};
use crate::state::train::TrainState;
use crate::state::train_choice::Rule;

/// The list, where there are such.
pub fn stored(controller: &Controller, train: &TrainState, model: Option<&AttrValue>) -> Html {
    if train.stored.is_empty() {
        return Html::default();
    }
    html! {
        <section class="card" aria-label="Trainings in this browser" data-testid="trainings">
            <div class="card-head"><h2>{ "Trainings in this browser" }</h2></div>
            <ul class="trainings">
                { for train.stored.iter().map(|info| html! {
                    <li key={info.id.clone()} data-testid="stored-training" data-id={info.id.clone()} data-step={info.step.to_string()}>
                        { row(controller, train, info, model) }
                    </li>
                }) }
            </ul>
        </section>
    }
}

fn row(
    controller: &Controller,
    train: &TrainState,
    info: &TrainingInfo,
    model: Option<&AttrValue>,
) -> Html {
    let fvu = info.fvu.map(|fvu| format!(", FVU {}", fixed(fvu, 4)));
    let running = train.running.is_some();
    let same = model.is_some_and(|model| *model == info.model);
    let resume = {
        let (controller, info) = (controller.clone(), info.clone());
        move |_: MouseEvent| controller.resume_training(&info)
    };
    let delete = {
        let (controller, id) = (controller.clone(), info.id.clone());
        move |_: MouseEvent| controller.remove_training(id.clone())
    };
    html! {
        <>
            <p>
                <b>{ &info.name }</b>
                { format!(": {} of {}, {} n = {}, k = {}; step {} of {}{}", info.hook, info.model, Rule::of_key(&info.activation).name(), grouped(info.latents as u64), info.k, grouped(info.step), grouped(info.steps), fvu.unwrap_or_default()) }
                <span class="muted">{ format!(" {}, {}", time_ago((browser::now() - info.saved_at) / 1000.0), bytes(info.bytes as f64)) }</span>
            </p>
            <div class="controls">
                if info.step < info.steps {
                    <button type="button" disabled={running || !same} data-testid="training-resume" onclick={resume}>{ "Go on" }</button>
                }
                { actions(controller, info, train.busy) }
                <Delete label="Delete this training?" question={format!("Delete the training on {}? It is in this browser only.", info.name)} testid="training-delete" disabled={running} onclick={Callback::from(delete)} />
                if !same {
                    <span class="muted">{ format!("To go on, or to open it, load {} first (Library).", info.model) }</span>
                }
            </div>
        </>
    }
}
