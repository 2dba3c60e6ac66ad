//! The one question before something of the catalogue is loaded.

use yew::prelude::*;

use super::parts::ActionButton;
use crate::browser;
use crate::context::use_controller;
use crate::library::choice::Plan;
use crate::library::pace::Pace;
use crate::state::load::LoadAction;
use crate::state::task::Task;

/// Shown data.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// The parts that would be loaded.
    pub plan: Plan,
    /// The expected rate of the download.
    pub pace: Pace,
    /// Why it does not fit, or not whole; empty where it does.
    pub reason: String,
    /// True where it does not fit.
    pub blocked: bool,
    /// Format of the weights on the device.
    pub weights: String,
    /// True while something else is being loaded.
    pub busy: bool,
    /// Selector of the element that takes the focus when the question is answered.
    pub home: String,
}

/// The question: total size, host and time, memory, and what gives way.
#[component]
pub fn Question(props: &Props) -> Html {
    let controller = use_controller();
    let Props { plan, pace, .. } = props;
    let load = {
        let (controller, plan, home) = (controller.clone(), plan.clone(), props.home.clone());
        let weights = props.weights.clone();
        move |()| {
            browser::focus(&home);
            controller.run(Task::of_plan(&plan), &weights, None);
        }
    };
    let leave = {
        let home = props.home.clone();
        move |()| {
            browser::focus(&home);
            controller.dispatch_load(LoadAction::Choose(None));
        }
    };
    html! {
        <div class="question" data-testid="question">
            <div role="status">
                <p><b>{ format!("Load {}?", plan.what()) }</b>{ " " }<span data-testid="question-download">{ plan.download(pace) }</span></p>
                <p class="muted">
                    if props.reason.is_empty() {
                        { plan.memory() }
                    } else {
                        <span class={classes!(props.blocked.then_some("bad"))} data-testid="why">{ sentence_of(&props.reason) }</span>
                    }
                    if let Some(loss) = plan.loss() {
                        { " " }{ loss }{ " They can be had back." }
                    }
                </p>
            </div>
            <div class="controls">
                <ActionButton testid="load-chosen" class={classes!("main")} busy={props.busy} blocked={props.blocked} onclick={load}>{ "Load" }</ActionButton>
                <ActionButton class={classes!("quiet")} onclick={leave}>{ "Not now" }</ActionButton>
            </div>
        </div>
    }
}

/// A reason as a sentence about it.
fn sentence_of(reason: &str) -> String {
    format!("It {reason}.")
}
