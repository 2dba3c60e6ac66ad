//! The results as JSON, in the program's names: those of [`wire`] in snake case.

use explorer::{SaeInfo, SaeTrace, Trace};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::error::Error;

/// What a trace has in JavaScript alone: candidates after every token would be most of the output.
const LEFT_OUT: [&str; 1] = ["next_by_position"];

/// Columns of an SAE's trace, which are printed as a list of features for every token.
const COLUMNS: [&str; 3] = ["k", "latents", "activations"];

/// An active latent.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Feature {
    /// Which.
    pub latent: i32,
    /// The amount.
    pub activation: f32,
}

/// A result as an object in the program's names, whatever its fields are.
///
/// # Errors
/// An error of writing, never for a result: it has only texts, numbers, lists and structures of named fields.
pub fn named(result: &impl Serialize) -> Result<Map<String, Value>, Error> {
    // By way of the text, in which an f32 is as short as it can be.
    let text = serde_json::to_string(result).map_err(std::io::Error::from)?;
    let value = serde_json::from_str(&text).map_err(std::io::Error::from)?;
    match snake_case(value) {
        Value::Object(fields) => Ok(fields),
        other => Ok(Map::from_iter([("value".to_owned(), other)])),
    }
}

fn snake_case(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields = fields.into_iter();
            Value::Object(
                fields
                    .map(|(name, value)| (snake(&name), snake_case(value)))
                    .collect(),
            )
        }
        Value::Array(items) => items.into_iter().map(snake_case).collect(),
        other => other,
    }
}

fn snake(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 4);
    for c in name.chars() {
        if c.is_ascii_uppercase() {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

/// A trace, as `--json` prints it: of each SAE what is known of it, its metrics beside that, and its features.
///
/// # Errors
/// As [`named`].
pub fn trace(trace: &Trace, loaded: &[SaeInfo]) -> Result<Map<String, Value>, Error> {
    let mut json = named(trace)?;
    json.retain(|name, _| !LEFT_OUT.contains(&name.as_str()));
    let saes = trace.saes.iter().map(|sae| {
        let info = loaded.iter().find(|info| info.id == sae.id);
        sae_trace(sae, info).map(Value::Object)
    });
    json.insert("saes".to_owned(), saes.collect::<Result<_, _>>()?);
    Ok(json)
}

fn sae_trace(sae: &SaeTrace, info: Option<&SaeInfo>) -> Result<Map<String, Value>, Error> {
    let mut json = named(sae)?;
    json.retain(|name, _| !COLUMNS.contains(&name.as_str()));
    if let Some(Value::Object(metrics)) = json.remove("metrics") {
        json.extend(metrics);
    }
    if let Some(info) = info {
        json.extend(named(info)?);
    }
    let features = features(sae);
    let features = features.iter().map(|row| {
        let row = row.iter().map(|feature| named(feature).map(Value::Object));
        row.collect::<Result<Value, _>>()
    });
    json.insert("features".to_owned(), features.collect::<Result<_, _>>()?);
    Ok(json)
}

/// Every token's active latents, strongest first.
pub fn features(sae: &SaeTrace) -> Vec<Vec<Feature>> {
    let slots = sae.k.max(1);
    let rows = sae.latents.chunks(slots).zip(sae.activations.chunks(slots));
    rows.map(|(latents, activations)| {
        latents
            .iter()
            .zip(activations)
            .filter(|(latent, _)| **latent >= 0)
            .map(|(&latent, &activation)| Feature { latent, activation })
            .collect()
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use explorer::Metrics;

    #[test]
    fn names_are_in_snake_case_and_numbers_as_they_are() {
        let metrics = Metrics {
            l0: Some(2.0),
            delta_ce: Some(0.1 + 0.2),
            ..Metrics::default()
        };
        let json = named(&metrics).unwrap();
        assert_eq!(json["l0"], 2.0);
        assert_eq!(json["delta_ce"].to_string(), "0.30000000000000004");
        assert_eq!(json["spliced_loss"], Value::Null);
        let feature = Feature {
            latent: 3,
            activation: 0.1,
        };
        assert_eq!(named(&feature).unwrap()["activation"].to_string(), "0.1");
    }

    #[test]
    fn every_field_of_a_result_is_printed() {
        let sae = SaeTrace {
            id: "a".to_owned(),
            k: 2,
            latents: vec![4, -1],
            activations: vec![1.5, 0.0],
            ..SaeTrace::default()
        };
        let info = SaeInfo {
            id: "a".to_owned(),
            k: Some(7),
            ..SaeInfo::default()
        };
        let traced = Trace {
            saes: vec![sae.clone()],
            ..Trace::default()
        };
        let json = trace(&traced, &[info.clone()]).unwrap();
        for name in named(&traced).unwrap().keys() {
            assert_eq!(
                json.contains_key(name),
                !LEFT_OUT.contains(&name.as_str()),
                "{name}"
            );
        }
        let printed = &json["saes"][0];
        let mut fields: Vec<String> = named(&info)
            .unwrap()
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        fields.extend(
            named(&Metrics::default())
                .unwrap()
                .into_iter()
                .map(|(name, _)| name),
        );
        fields.extend(["skipped", "cautions", "features"].map(str::to_owned));
        for name in &fields {
            assert!(printed.get(name).is_some(), "{name}");
        }
        assert_eq!(printed["k"], 7);
        assert_eq!(
            printed["features"][0],
            serde_json::json!([{"latent": 4, "activation": 1.5}])
        );
        assert_eq!(printed.get("metrics"), None);
    }
}
