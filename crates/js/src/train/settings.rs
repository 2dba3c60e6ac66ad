//! Settings of a training out of options.

use serde_json::{Map, Value};
use train::{Config, decode_config};
use wasm_bindgen::JsValue;
use wire::TrainOptions;

use super::failed;

/// Tokens per step, unless the caller says otherwise: a step on one core of a browser shall not take seconds.
const BATCH: usize = 1024;

/// The settings, and whether they say how many tokens to train on.
///
/// # Errors
/// `bad-option`.
pub fn config(given: &TrainOptions) -> Result<(Config, bool), JsValue> {
    let mut settings = given.settings.clone().unwrap_or_default();
    settings.entry("batch").or_insert(BATCH.into());
    add(&mut settings, "latents", given.latents);
    add(&mut settings, "k", given.k);
    add(&mut settings, "activation", given.activation.clone());
    add(&mut settings, "matryoshka", given.matryoshka.clone());
    add(&mut settings, "tokens", given.tokens);
    add(&mut settings, "batch", given.batch);
    add(&mut settings, "lr", given.lr);
    add(&mut settings, "seed", given.seed);
    let has_tokens = settings.contains_key("tokens");
    let bytes = Value::Object(settings).to_string();
    let config = decode_config(Some(("settings", bytes.as_bytes())), &[]).map_err(failed)?;
    Ok((config, has_tokens))
}

fn add(settings: &mut Map<String, Value>, name: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        settings.insert(name.to_owned(), value.into());
    }
}
