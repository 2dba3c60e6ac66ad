//! Runs of the model for the page of a feature: a text of one's own, and ablations.

use std::cell::Cell;

use ::atlas::record::Example;
use gloo::timers::callback::Timeout;
use js_sys::{Array, Uint32Array};
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::spawn_local;
use web_sys::{AbortController, AbortSignal};
use yew::prelude::*;

use super::beside::{after_prompt, trace};
use crate::atlas::{Effect, effect};
use crate::browser;
use crate::controller::{Controller, TURN};
use crate::data::Edited;
use crate::engine::{Engine, Fault, read};
use crate::js_value::object;
use crate::state::atlas::AtlasFeature;
use crate::state::live::{LiveAction, OwnText};
use crate::state::{Action, State};

/// Typing has paused when no key came for so long, in milliseconds.
const PAUSE: u32 = 300;

/// Next tokens that are read per position, of which those are compared that both runs have.
const CANDIDATES: u32 = 50;

/// Runs the person's own text when typing pauses.
#[hook]
pub fn use_own_text(state: &State, controller: &Controller) {
    let controller = controller.clone();
    use_effect_with(state.own_text_to_run(), move |own| {
        let later = own
            .clone()
            .map(|own| Timeout::new(PAUSE, move || run(&controller, own)));
        // A timeout that is dropped does not fire.
        move || drop(later)
    });
}

fn run(controller: &Controller, own: OwnText) {
    let Some(engine) = controller.engine() else {
        return;
    };
    controller.dispatch(Action::Live(LiveAction::Requested(own.clone())));
    let controller = controller.clone();
    spawn_local(async move {
        after_prompt(&controller).await;
        let result = trace(&engine, own.text.as_str().into(), &[own.sae.as_str()], 1).await;
        let result = result.map_err(|fault| fault.message);
        controller.dispatch(Action::Live(LiveAction::Received(own, result)));
    });
}

/// A context in which a feature is ablated.
#[derive(Clone, Debug, PartialEq)]
pub struct Context {
    tokens: Vec<u32>,
    at: usize,
}

impl Context {
    /// An example, behind the token that goes before a text.
    pub fn new(example: &Example, bos: Option<u32>) -> Self {
        Self {
            tokens: bos
                .into_iter()
                .chain(example.tokens.iter().copied())
                .collect(),
            at: usize::from(example.peak) + usize::from(bos.is_some()),
        }
    }
}

thread_local! {
    /// Counts ablations.
    static RUNS: Cell<u32> = const { Cell::new(0) };
}

/// Ablates a feature in contexts, one after the other; the result stops it.
pub fn ablate(
    controller: &Controller,
    feature: AtlasFeature,
    sae: String,
    contexts: Vec<Context>,
) -> Option<AbortController> {
    let engine = controller.engine()?;
    let stop = AbortController::new().ok()?;
    let signal = stop.signal();
    let run = RUNS.with(|runs| {
        runs.set(runs.get().wrapping_add(1));
        runs.get()
    });
    let latent = feature.latent;
    let begin = LiveAction::Ablating(run, feature, contexts.len());
    controller.dispatch(Action::Live(begin));
    let controller = controller.clone();
    spawn_local(async move {
        let mut ended = None;
        for context in contexts {
            while controller.is_tracing() && !signal.aborted() {
                browser::wait(TURN).await;
            }
            match in_context(&engine, &sae, latent, &context, &signal).await {
                Ok(effect) => controller.dispatch(Action::Live(LiveAction::Ablated(run, effect))),
                Err(_) if signal.aborted() => {
                    ended = Some("Cancelled.".to_owned());
                    break;
                }
                Err(fault) => {
                    ended = Some(fault.message);
                    break;
                }
            }
        }
        controller.dispatch(Action::Live(LiveAction::AblationsEnded(run, ended)));
    });
    Some(stop)
}

async fn in_context(
    engine: &Engine,
    sae: &str,
    latent: u32,
    context: &Context,
    signal: &AbortSignal,
) -> Result<Effect, Fault> {
    if signal.aborted() {
        return Err(Fault::cancelled("The ablation was stopped.".to_owned()));
    }
    let tokens = || JsValue::from(Uint32Array::from(context.tokens.as_slice()));
    let clean = trace(engine, tokens(), &[], CANDIDATES).await?;
    let positions = Array::of1(&JsValue::from(context.at as u32));
    let edit = object([
        ("sae", sae.into()),
        ("latent", latent.into()),
        ("value", 0.into()),
        ("positions", positions.into()),
    ]);
    let options = object([("topLogits", CANDIDATES.into()), ("signal", signal.into())]);
    let ablated: Edited = read(engine.call("edited", &[tokens(), edit, options]).await?)?;
    Ok(effect(&clean, &ablated, context.at))
}
