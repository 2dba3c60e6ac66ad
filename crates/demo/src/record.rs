//! The recorded trace: the first example prompt as the engine traces it on the CPU device, in the names of the JavaScript API.
//!
//! ```text
//! prompt    {name, text}: the example
//! model     ModelInfo
//! sae       SaeInfo of the SAE that is shown first
//! trace     Trace with that SAE alone, its typed arrays as lists, without `milliseconds`
//! features  Feature of the latents that a visitor is likeliest to select first, as many as fit
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result};
use explorer::{
    BackendChoice, Feature, LimitsChoice, ModelInfo, SaeInfo, SaeTrace, Session, Trace,
    TraceOptions,
};
use pollster::block_on;
use serde::Serialize;
use serde_json::{Map, Number, Value, json};

use crate::load;
use crate::manifest::Manifest;

/// Name of the file in the bundle.
pub const FILE: &str = "recorded.json";
/// Length that the file does not exceed.
pub const MOST_BYTES: usize = 60_000;

/// Records the first example prompt of a bundle.
///
/// # Errors
/// An error where the bundle has no prompt or no SAE, or cannot be loaded and run.
pub fn record(bundle: &Path) -> Result<Vec<u8>> {
    let manifest = Manifest::read(bundle)?;
    let prompt = manifest.prompts.first().context("the demo has no prompt")?;
    let sae = manifest.middle().context("the demo has no SAE")?;
    let mut session = block_on(Session::new(BackendChoice::Cpu, LimitsChoice::Adapter))?;
    let model_info = load::model(&mut session, bundle, &manifest)?;
    let sae_info = load::sae(&mut session, bundle, sae)?;
    let trace = block_on(session.trace(&prompt.text, &TraceOptions::default()))?;
    let traced = trace.saes.first().context("the SAE was not traced")?;
    let mut recorded = json!({
        "prompt": prompt,
        "model": model(&model_info)?,
        "sae": sae_of(&sae_info)?,
        "trace": trace_of(&trace)?,
        "features": [],
    });
    let mut features = Vec::new();
    // An element and the comma behind it.
    let mut bytes = serde_json::to_vec(&recorded)?.len() + 1;
    for latent in likeliest(traced, trace.tokens.len()) {
        let feature = feature(&block_on(session.feature(&sae.id, latent))?)?;
        bytes += serde_json::to_vec(&feature)?.len() + 1;
        if bytes > MOST_BYTES {
            break;
        }
        features.push(feature);
    }
    recorded["features"] = features.into();
    let mut json = serde_json::to_vec(&recorded)?;
    json.push(b'\n');
    Ok(json)
}

/// Latents in the order in which they are worth recording: each token's strongest, then each token's strongest among those that
/// are active on the fewest tokens, then the next of every token.
fn likeliest(sae: &SaeTrace, tokens: usize) -> Vec<u32> {
    let rows: Vec<Vec<u32>> = (0..tokens)
        .map(|token| {
            let row = sae.latents.iter().skip(token * sae.slots).take(sae.slots);
            row.filter_map(|latent| u32::try_from(*latent).ok())
                .collect()
        })
        .collect();
    let mut spread: BTreeMap<u32, usize> = BTreeMap::new();
    for latent in rows.iter().flatten() {
        *spread.entry(*latent).or_default() += 1;
    }
    let strongest = rows.iter().filter_map(|row| row.first());
    // Of equals the first is taken, and a row begins with the strongest.
    let specific = rows
        .iter()
        .filter_map(|row| row.iter().min_by_key(|latent| spread[latent]));
    let next = (1..sae.slots).flat_map(|rank| rows.iter().filter_map(move |row| row.get(rank)));
    let mut seen = BTreeSet::new();
    strongest
        .chain(specific)
        .chain(next)
        .copied()
        .filter(|latent| seen.insert(*latent))
        .collect()
}

fn model(info: &ModelInfo) -> Result<Value> {
    with(named(info)?, [("origin", Value::Null)])
}

fn sae_of(info: &SaeInfo) -> Result<Value> {
    with(named(info)?, [("origin", Value::Null)])
}

fn feature(feature: &Feature) -> Result<Value> {
    named(feature)
}

fn trace_of(trace: &Trace) -> Result<Value> {
    let saes = trace.saes.iter().map(sae_trace);
    Ok(json!({
        "tokens": named(&trace.tokens)?,
        "bosPrepended": trace.bos_prepended,
        "bosReason": trace.bos_reason,
        "loss": named(&trace.loss)?,
        "tokenLosses": named(&trace.token_losses)?,
        "next": named(&trace.next)?,
        "nextByPosition": named(&trace.next_by_position)?,
        "saes": saes.collect::<Result<Vec<_>>>()?,
        "backend": trace.backend,
        "adapter": trace.adapter,
    }))
}

fn sae_trace(sae: &SaeTrace) -> Result<Value> {
    let parts = [
        ("k", sae.slots.into()),
        ("latents", named(&sae.latents)?),
        ("activations", named(&sae.activations)?),
        ("metrics", named(&sae.metrics)?),
        ("skipped", named(&sae.skipped)?),
        ("cautions", named(&sae.cautions)?),
    ];
    with(named(&sae.info)?, parts)
}

fn with<const N: usize>(mut object: Value, parts: [(&str, Value); N]) -> Result<Value> {
    let fields = object.as_object_mut().context("a result is an object")?;
    fields.extend(parts.map(|(name, value)| (name.to_owned(), value)));
    Ok(object)
}

/// A result in JavaScript's names, with six significant digits: more would be rounding errors of f32.
pub(crate) fn named(value: &impl Serialize) -> Result<Value> {
    Ok(renamed(serde_json::to_value(value)?))
}

fn renamed(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields = fields
                .into_iter()
                .map(|(name, value)| (camel_case(&name), renamed(value)));
            Value::Object(fields.collect::<Map<_, _>>())
        }
        Value::Array(items) => items.into_iter().map(renamed).collect(),
        Value::Number(number) if number.is_f64() => Value::Number(rounded(number)),
        other => other,
    }
}

fn rounded(number: Number) -> Number {
    let six = number.as_f64().map(|value| format!("{value:.5e}"));
    six.and_then(|text| Number::from_f64(text.parse().ok()?))
        .unwrap_or(number)
}

fn camel_case(name: &str) -> String {
    let mut parts = name.split('_');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |mut joined, part| {
        let (head, tail) = part.split_at(usize::from(!part.is_empty()));
        joined.push_str(&head.to_ascii_uppercase());
        joined.push_str(tail);
        joined
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_javascripts_and_numbers_short() {
        let value = json!({ "n_ctx": 3, "logit_effect": [{ "value": f64::from(0.1f32) }], "id": "a_b", "none": null });
        let expected =
            json!({ "nCtx": 3, "logitEffect": [{ "value": 0.1 }], "id": "a_b", "none": null });
        assert_eq!(named(&value).unwrap(), expected);
    }
}
