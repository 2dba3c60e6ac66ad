//! The recorded trace: the first example prompt as the engine traces it on the CPU device, in the names of the JavaScript API
//! ([`wire::Recorded`]): typed arrays as lists, the SAE that is shown first alone, and the features that a visitor is likeliest to
//! select first, as many as fit.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result};
use explorer::{BackendChoice, LimitsChoice, SaeTrace, Session, TraceOptions};
use pollster::block_on;
use serde::Serialize;
use serde_json::{Number, Value};
use wire::{Example, Recorded};

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
    let latents = likeliest(traced, trace.tokens.len());
    let mut recorded = short(&Recorded {
        prompt: Example {
            name: prompt.name.clone(),
            text: prompt.text.clone(),
        },
        model: model_info,
        sae: sae_info,
        trace,
        features: Vec::new(),
    })?;
    // The package says so of what is the demo's.
    for loaded in ["model", "sae"] {
        recorded[loaded]["origin"] = Value::Null;
    }
    let mut features = Vec::new();
    // An element and the comma behind it.
    let mut bytes = serde_json::to_vec(&recorded)?.len() + 1;
    for latent in latents {
        let feature = short(&block_on(session.feature(&sae.id, latent))?)?;
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
            let row = sae.latents.iter().skip(token * sae.k).take(sae.k);
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
    let next = (1..sae.k).flat_map(|rank| rows.iter().filter_map(move |row| row.get(rank)));
    let mut seen = BTreeSet::new();
    strongest
        .chain(specific)
        .chain(next)
        .copied()
        .filter(|latent| seen.insert(*latent))
        .collect()
}

/// A result as JSON with six significant digits: more would be rounding errors of f32.
pub(crate) fn short(value: &impl Serialize) -> Result<Value> {
    Ok(shortened(serde_json::to_value(value)?))
}

fn shortened(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields = fields.into_iter();
            let short = fields.map(|(name, value)| (name, shortened(value)));
            Value::Object(short.collect())
        }
        Value::Array(items) => items.into_iter().map(shortened).collect(),
        Value::Number(number) if number.is_f64() => Value::Number(rounded(number)),
        other => other,
    }
}

fn rounded(number: Number) -> Number {
    let six = number.as_f64().map(|value| format!("{value:.5e}"));
    six.and_then(|text| Number::from_f64(text.parse().ok()?))
        .unwrap_or(number)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_are_short() {
        let value = json!({ "nCtx": 3, "logitEffect": [{ "value": f64::from(0.1f32) }], "id": "a_b", "none": null });
        let expected =
            json!({ "nCtx": 3, "logitEffect": [{ "value": 0.1 }], "id": "a_b", "none": null });
        assert_eq!(short(&value).unwrap(), expected);
    }
}
