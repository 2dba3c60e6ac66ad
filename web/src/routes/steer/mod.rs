//! Steering: the prompt's continuation under edits of features, beside the clean one.

mod columns;
pub mod dose;
mod edits;
pub mod effects;
mod examples;
mod pages;
mod parts;
pub mod patch;

use yew::prelude::*;

use crate::components::edit_rows::EditRow;
use crate::components::term::defined;
use crate::context::use_controller;
use crate::data::Trace;
use crate::definitions::{REPETITION_PENALTY, SEED, TEMPERATURE, TOP_K, TOP_P};
use crate::engine::GenerateOptions;
use crate::shared::Shared;
use crate::state::route::Route;
use crate::state::steer::{Setting, Settings, Steer, SteerAction};
use crate::state::url::Place;
use crate::state::{Action, State};
use columns::Columns;
use edits::Edits;
use pages::pages;
use parts::value_of;

/// Shown data.
#[derive(Clone, PartialEq, Properties)]
pub struct Props {
    /// Where the page is.
    pub place: Place,
    /// The edits.
    pub edits: edits::Props,
    /// Settings, and what came of the last run.
    pub steer: Steer,
    /// Text of the edits in force.
    pub text: String,
    /// The trace that is continued, if it is of the prompt as it stands.
    pub trace: Option<Shared<Trace>>,
}

impl Props {
    /// The slices of the state that the route shows.
    pub fn of(state: &State) -> Self {
        Self {
            place: state.address(),
            edits: edits::Props {
                rows: EditRow::all(state),
                adding: state.editing.adding.clone(),
                refused: state.editing.refused.clone(),
                saes: state.saes.clone(),
                selected: state.selected(),
                lacking: match state.phase {
                    crate::state::Phase::Ready => state.edits_lack(),
                    _ => Vec::new(),
                },
            },
            steer: state.steer.clone(),
            text: wire::Edits(state.edits_in_force()).to_string(),
            trace: state.trace.clone().filter(|_| state.is_current()),
        }
    }
}

impl From<Settings> for GenerateOptions {
    fn from(settings: Settings) -> Self {
        Self {
            max_tokens: settings.max_tokens,
            temperature: settings.temperature,
            seed: settings.seed,
            top_k: settings.top_k,
            top_p: settings.top_p,
            repetition_penalty: settings.repetition_penalty,
        }
    }
}

fn name(setting: Setting) -> (&'static str, Html) {
    match setting {
        Setting::MaxTokens => ("tokens at most", "tokens at most".into()),
        Setting::Temperature => ("temperature", defined(TEMPERATURE)),
        Setting::TopK => ("top-k", defined(TOP_K)),
        Setting::TopP => ("top-p", defined(TOP_P)),
        Setting::RepetitionPenalty => ("repetition penalty", defined(REPETITION_PENALTY)),
        Setting::Seed => ("seed", defined(SEED)),
    }
}

/// The route.
#[component]
pub fn SteerRoute(props: &Props) -> Html {
    let controller = use_controller();
    let steer = &props.steer;
    let settings = steer.settings();
    let start = {
        let controller = controller.clone();
        move |_: MouseEvent| {
            let now = controller.now(Props::of);
            if let (Some(trace), Ok(settings)) = (&now.trace, now.steer.settings()) {
                controller.steer(trace, settings.into(), now.text);
            }
        }
    };
    let stop = {
        let controller = controller.clone();
        move |_: MouseEvent| controller.stop_steering()
    };
    let field = |setting: Setting| {
        let (label, name) = name(setting);
        let oninput = controller.on(move |event: InputEvent| {
            Action::Steer(SteerAction::Set(setting, value_of(&event)))
        });
        html! { <span class="field">{ name }<input type="text" inputmode="decimal" size="4" aria-label={label} value={steer.typed(setting).to_owned()} {oninput} /></span> }
    };
    let idle = props.trace.is_none() || settings.is_err() || !props.edits.lacking.is_empty();
    // Edits that were changed since are not those of what is shown.
    let outdated = !steer.running && !steer.clean.tokens.is_empty() && steer.edits != props.text;
    html! {
        <div class="steer-route" data-testid="steer">
            { pages(&props.place, Route::Steer) }
            <p>{ "The model continues the prompt twice, with the same seed: as it is, and with features changed at every token while it writes." }</p>
            <Edits ..props.edits.clone() />
            <section class="card" aria-label="Settings">
                <div class="controls">
                    if steer.running {
                        <button type="button" class="main" key="stop" data-testid="steer-stop" onclick={stop}>{ "Stop" }</button>
                    } else {
                        <button type="button" class="main" key="start" data-testid="steer-start" disabled={idle} onclick={start}>{ if steer.clean.tokens.is_empty() { "Continue the prompt" } else { "Continue again" } }</button>
                    }
                    { for Setting::ALL.map(field) }
                </div>
                if let Err(message) = settings {
                    <p class="error" role="alert">{ message }</p>
                }
                if props.trace.is_none() {
                    <p class="muted">{ "The prompt can be continued once the model has read it." }</p>
                }
                if outdated {
                    <p class="muted" role="status" data-testid="steer-outdated">{ "The edits have changed since: what is below was written under the earlier ones." }</p>
                }
            </section>
            <Columns steer={steer.clone()} />
        </div>
    }
}
