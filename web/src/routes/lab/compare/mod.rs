//! SAEs side by side over a text, and trainings by their curves.

mod densities;
mod form;
mod results;
mod runs;

use wire::TrainingInfo;
use yew::prelude::*;

use super::pages::pages;
use crate::browser;
use crate::components::term::defined;
use crate::context::use_controller;
use crate::controller::Controller;
use crate::definitions::{FVU, SAE};
use crate::format::{bytes, grouped, plain};
use crate::state::State;
use crate::state::compare::{CompareState, Running, Stage, Wanted};
use crate::state::route::Route;
use crate::state::url::Place;

/// Shown data.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// Where the page is.
    pub place: Place,
    /// Comparisons.
    pub compare: CompareState,
    /// Ids of loaded SAEs that can be evaluated.
    pub saes: Vec<String>,
    /// Trainings that this browser keeps.
    pub trainings: Vec<TrainingInfo>,
    /// Name of the loaded model.
    pub model: Option<AttrValue>,
    /// The evaluation of what is chosen, or what is missing for it.
    pub wanted: Result<Wanted, String>,
}

impl Props {
    /// The slices of the state that the route shows.
    pub fn of(state: &State) -> Self {
        Self {
            place: state.address(),
            compare: state.compare.clone(),
            saes: state.comparable_saes().map(str::to_owned).collect(),
            trainings: state.train.stored.clone(),
            model: state.model.as_ref().map(|model| model.name.clone().into()),
            wanted: state.wanted_comparison(),
        }
    }
}

/// The page.
#[component]
pub fn CompareRoute(props: &Props) -> Html {
    let controller = use_controller();
    {
        let controller = controller.clone();
        use_effect_with(props.model.is_some(), move |_| controller.list_trainings());
    }
    let compare = &props.compare;
    html! {
        <div class="train-route compare-route" data-testid="compare-route">
            { pages(&props.place, Route::Compare) }
            <section class="card" aria-label="Comparison of SAEs">
                <div class="card-head"><h2>{ "Compare SAEs" }</h2></div>
                <p class="about">
                    { "How much each " }{ defined(SAE) }{ " loses of the model on a text that it was not trained on (" }{ defined(FVU) }
                    { ", losses, L0, dead latents, densities), and on request what its latents are good for. The numbers are those of " }<code>{ "sae-explorer evaluate" }</code>{ "; nothing is sent anywhere." }
                </p>
                if browser::is_file() {
                    <p class="muted">{ "The module that evaluates is not in the page in one file. Evaluate on the page of a site (cargo xtask serve starts one on your machine), or with sae-explorer evaluate." }</p>
                } else if let Some(running) = &compare.running {
                    { progress(&controller, running) }
                } else {
                    { form::form(&controller, props) }
                }
                if let Some(why) = &compare.failed {
                    <p class="error" role="alert" data-testid="compare-failed">{ why }</p>
                }
                if let Some(found) = &compare.found {
                    { results::results(&controller, found, compare.running.is_some()) }
                }
            </section>
            { runs::runs(&controller, props) }
        </div>
    }
}

/// The evaluation under way.
fn progress(controller: &Controller, running: &Running) -> Html {
    let stop = {
        let controller = controller.clone();
        move |_: MouseEvent| controller.stop_comparing()
    };
    let words = match &running.stage {
        Stage::Load(_, all) if *all <= 0.0 => "Loading the module that evaluates".to_owned(),
        Stage::Load(done, all) => format!("Loading weights: {} of {}", bytes(*done), bytes(*all)),
        Stage::Read(tokens) => format!("Reading the text: {} tokens", grouped(*tokens)),
        Stage::Part(what, done, all, unit) => {
            format!("{what}: {} of {} {unit}", grouped(*done), grouped(*all))
        }
    };
    let share = running.stage.share().map(|share| plain(share, 4));
    html! {
        <div class="training" data-testid="comparing">
            <p role="status" data-testid="compare-status">{ words }</p>
            <progress aria-label="Evaluation" max="1" value={share} />
            <div class="controls">
                <button type="button" data-testid="compare-stop" disabled={running.stopping} onclick={stop}>{ if running.stopping { "Stopping…" } else { "Stop and keep what there is" } }</button>
            </div>
        </div>
    }
}
