//! Requests for values of a prompt's pass: logit lenses and attention patterns.

use js_sys::{Array, Reflect, Uint32Array};
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::spawn_local;
use web_sys::{AbortController, AbortSignal};
use yew::prelude::*;

use crate::browser;
use crate::controller::Controller;
use crate::data::{Lens, NextToken, Tapped};
use crate::engine::{Engine, Fault, read};
use crate::js_value::{get, object};
use crate::state::views::{Tap, TapsAnswer, TapsRequest, ViewsAction};
use crate::state::{Action, State};
use crate::views::lens::LISTED;
use crate::views::pattern::Pattern;

/// Tokens whose candidates are read at once. Of a long prompt a layer has thousands: the page draws in between.
const AT_ONCE: usize = 256;

/// Name of the candidates of a lens, a list for each position.
const CANDIDATES: &str = "nextByPosition";

/// Requests what the shown view needs. A request that nobody waits for any more is stopped: another view is shown, or the prompt
/// was changed.
#[hook]
pub fn use_taps(state: &State, controller: &Controller) {
    let controller = controller.clone();
    use_effect_with(state.wanted_taps(), move |wanted| {
        let stop = wanted
            .clone()
            .and_then(|request| start(controller, request));
        move || {
            if let Some(stop) = stop {
                stop.abort();
            }
        }
    });
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
                lenses.push(lens(layer).await?);
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

/// A block's logit lens, whose candidates are read some at a time.
async fn lens(layer: JsValue) -> Result<Lens, Fault> {
    let candidates = get(&layer, CANDIDATES).map(|list| Array::from(&list));
    let candidates = candidates.unwrap_or_default();
    // The answer is the page's own.
    let _ = Reflect::set(&layer, &CANDIDATES.into(), &Array::new());
    let mut lens: Lens = read(layer)?;
    for first in (0..candidates.length()).step_by(AT_ONCE) {
        browser::wait(0).await;
        let some = candidates.slice(first, first + AT_ONCE as u32);
        let some: Vec<Vec<NextToken>> = read(some.into())?;
        lens.next_by_position.extend(some);
    }
    Ok(lens)
}
