//! Traces of texts beside the prompt.

use js_sys::Array;
use wasm_bindgen::JsValue;

use crate::browser;
use crate::controller::{Controller, TURN};
use crate::data::Trace;
use crate::engine::{Engine, Fault, read};
use crate::js_value::object;

/// Waits while the prompt is traced: a trace ends the one before it, and the prompt's goes first.
pub async fn after_prompt(controller: &Controller) {
    while controller.is_tracing() {
        browser::wait(TURN).await;
    }
}

/// Traces a text or tokens with some SAEs, with so many candidates for the next token at each position.
pub async fn trace(
    engine: &Engine,
    prompt: JsValue,
    saes: &[&str],
    candidates: u32,
) -> Result<Trace, Fault> {
    let saes: Array = saes.iter().map(|&sae| JsValue::from(sae)).collect();
    let options = object([("saes", saes.into()), ("topLogits", candidates.into())]);
    read(engine.call("trace", &[prompt, options]).await?)
}
