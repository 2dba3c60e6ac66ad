//! Requests for values of a prompt's pass: logit lenses and attention patterns.

use js_sys::{Array, Uint32Array};
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::spawn_local;
use web_sys::{AbortController, AbortSignal};
use yew::prelude::*;

use super::use_stoppable;
use crate::browser;
use crate::controller::Controller;
use crate::data::{Lens, NextToken, Tapped, from_js};
use crate::engine::{Engine, Fault, read};
use crate::js_value::{get, object};
use crate::state::views::{Tap, TapsAnswer, TapsRequest, ViewsAction};
use crate::state::{Action, State};
use crate::views::lens::LISTED;
use crate::views::pattern::Pattern;

/// Tokens whose candidates are read at once. Of a long prompt a layer has thousands: the page draws in between.
const AT_ONCE: usize = 256;

from_js! {
    /// A block's logit lens whose candidates are still to be read.
    Unread {
        /// As of [`Lens`].
        layer: Option<usize> = "layer",
        /// As of [`Lens`].
        loss: Option<f64> = "loss",
        /// As of [`Lens`].
        token_losses: Vec<f32> = "tokenLosses",
        /// A list of candidates for each position.
        next_by_position: Vec<JsValue> = "nextByPosition",
    }
}

/// Requests what the shown view needs. A request that nobody waits for any more is stopped: another view is shown, or the prompt
/// was changed.
#[hook]
pub fn use_taps(state: &State, controller: &Controller) {
    use_stoppable(state.wanted_taps(), controller, start);
}

/// Starts a request; the result stops it.
fn start(controller: Controller, request: TapsRequest) -> Option<AbortController> {
    let engine = controller.engine()?;
    let stop = AbortController::new().ok()?;
    let signal = stop.signal();
    controller.dispatch(Action::Views(ViewsAction::Requested(request.clone())));
    spawn_local(async move {
        let answer = answer(&engine, &request, &signal).await;
        if !signal.aborted() {
            let answer = answer.map_err(|fault| fault.message);
            controller.dispatch(Action::Views(ViewsAction::Received(request, answer)));
        }
    });
    Some(stop)
}

async fn answer(
    engine: &Engine,
    request: &TapsRequest,
    signal: &AbortSignal,
) -> Result<TapsAnswer, Fault> {
    let wanted = match request.tap {
        Tap::Lens => ("logitLens", JsValue::from(LISTED)),
        Tap::Pattern(layer) => {
            let name = format!("blocks.{layer}.attn.hook_pattern");
            ("names", Array::of1(&name.into()).into())
        }
    };
    let options = object([wanted, ("signal", signal.into())]);
    let tokens = Uint32Array::from(request.trace.ids().as_slice());
    let taps = engine.call("taps", &[tokens.into(), options]).await?;
    let list = |name| get(&taps, name).map(|list| Array::from(&list));
    match request.tap {
        Tap::Lens => {
            let mut lenses = Vec::<Lens>::new();
            for layer in list("logitLens").unwrap_or_default().iter() {
                lenses.push(lens(read(layer)?).await?);
            }
            Ok(TapsAnswer::Lens(lenses))
        }
        Tap::Pattern(layer) => {
            let tapped: Tapped = read(list("values").unwrap_or_default().get(0))?;
            Pattern::new(layer, tapped)
                .map(TapsAnswer::Pattern)
                .ok_or_else(|| Fault::own(format!("The engine's attention pattern of layer {layer} has an unexpected shape. Reload the page, so that page and engine are of one version.")))
        }
    }
}

async fn lens(unread: Unread) -> Result<Lens, Fault> {
    let mut next_by_position = Vec::<Vec<NextToken>>::with_capacity(unread.next_by_position.len());
    for positions in unread.next_by_position.chunks(AT_ONCE) {
        browser::wait(0).await;
        for candidates in positions {
            next_by_position.push(read(candidates.clone())?);
        }
    }
    Ok(Lens {
        layer: unread.layer,
        loss: unread.loss,
        token_losses: unread.token_losses,
        next_by_position,
    })
}
