//! Names that the program printed before its JSON was the schema of `wire`. They are kept for scripts: beside each field that had
//! another name stands that one, with the same value. Nothing new is ever added here.
//!
//! One name means two things: `k` of an SAE in a trace. In JavaScript it is the row length of `latents` and `activations`, and the
//! program has always printed the SAE's own k, null where it has none. It still does, and prints the row length as `slots`.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap as _, Serializer};
use serde_json::value::{RawValue, to_raw_value};
use wire::{SaeInfo, SaeTrace, Trace};

/// Fields of the schema with their former names.
const FORMER: [(&str, &str); 22] = [
    ("bosPrepended", "bos_prepended"),
    ("bosReason", "bos_reason"),
    ("tokenLosses", "token_losses"),
    ("nLatents", "n_latents"),
    ("dIn", "d_in"),
    ("normScalingFactor", "norm_scaling_factor"),
    ("prependBos", "prepend_bos"),
    ("contextSize", "context_size"),
    ("modelName", "model_name"),
    ("otherModel", "other_model"),
    ("relativeError", "relative_error"),
    ("splicedLoss", "spliced_loss"),
    ("deltaCe", "delta_ce"),
    ("windowTokens", "window_tokens"),
    ("logitDifference", "logit_difference"),
    ("logitDifferences", "logit_differences"),
    ("klByPosition", "token_kl"),
    ("sourceTokens", "source_tokens"),
    ("decoderNorm", "decoder_norm"),
    ("outputNorm", "output_norm"),
    ("encoderBias", "encoder_bias"),
    ("logitEffect", "logit_effect"),
];

/// A result as `--json` prints it, with the former names.
///
/// # Errors
/// Those of writing a value as JSON.
pub fn with_former_names(value: &impl Serialize) -> serde_json::Result<impl Serialize> {
    Ok(named(Json::read(to_raw_value(value)?)?))
}

/// A trace with the former names, the features of each token as a list, and the k of the loaded SAEs.
///
/// # Errors
/// Those of writing a value as JSON.
pub fn trace(trace: &Trace, loaded: &[SaeInfo]) -> serde_json::Result<impl Serialize> {
    let mut json = Json::read(to_raw_value(trace)?)?;
    if let Some(Json::List(saes)) = json.field("saes") {
        for (json, sae) in saes.iter_mut().zip(&trace.saes) {
            let info = loaded.iter().find(|info| info.id == sae.id);
            let k = info.and_then(|info| info.k);
            json.set("k", &k)?;
            json.set("slots", &sae.k)?;
            json.set("features", &features(sae))?;
        }
    }
    Ok(named(json))
}

/// An active latent.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Feature {
    /// Which.
    pub latent: i32,
    /// The amount.
    pub activation: f32,
}

/// Every token's active latents, strongest first.
pub fn features(sae: &SaeTrace) -> Vec<Vec<Feature>> {
    let k = sae.k.max(1);
    let rows = sae.latents.chunks(k).zip(sae.activations.chunks(k));
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

/// JSON whose numbers stay as they are written.
#[derive(Clone)]
enum Json {
    Object(Vec<(String, Json)>),
    List(Vec<Json>),
    /// Anything without an object in it.
    Plain(Box<RawValue>),
}

impl Json {
    fn read(raw: Box<RawValue>) -> serde_json::Result<Self> {
        let text = raw.get();
        Ok(match text.as_bytes().first() {
            Some(b'{') => {
                let Fields(fields) = serde_json::from_str(text)?;
                let fields = fields.into_iter();
                let read = fields.map(|(name, value)| Ok((name, Self::read(value)?)));
                Self::Object(read.collect::<serde_json::Result<_>>()?)
            }
            Some(b'[') if text.contains('{') => {
                let items: Vec<Box<RawValue>> = serde_json::from_str(text)?;
                let items = items.into_iter().map(Self::read);
                Self::List(items.collect::<serde_json::Result<_>>()?)
            }
            _ => Self::Plain(raw),
        })
    }

    fn field(&mut self, name: &str) -> Option<&mut Self> {
        let Self::Object(fields) = self else {
            return None;
        };
        let found = fields.iter_mut().find(|(other, _)| other == name);
        found.map(|(_, value)| value)
    }

    /// Sets a field of an object.
    fn set(&mut self, name: &str, value: &impl Serialize) -> serde_json::Result<()> {
        let value = Self::read(to_raw_value(value)?)?;
        if let Some(field) = self.field(name) {
            *field = value;
        } else if let Self::Object(fields) = self {
            fields.push((name.to_owned(), value));
        }
        Ok(())
    }
}

/// The fields of an object in their order.
struct Fields(Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Fields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Fields, M::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
        }
        from.deserialize_map(InOrder)
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Object(fields) => {
                let mut map = to.serialize_map(Some(fields.len()))?;
                for (name, value) in fields {
                    map.serialize_entry(name, value)?;
                }
                map.end()
            }
            Self::List(items) => items.serialize(to),
            Self::Plain(raw) => raw.serialize(to),
        }
    }
}

fn named(json: Json) -> Json {
    let fields = match json {
        Json::Object(fields) => fields,
        Json::List(items) => return Json::List(items.into_iter().map(named).collect()),
        plain @ Json::Plain(_) => return plain,
    };
    let mut all: Vec<(String, Json)> = Vec::new();
    let mut former = Vec::new();
    for (name, value) in fields {
        let value = named(value);
        let before = FORMER.iter().find(|(now, _)| *now == name);
        if let Some((_, before)) = before {
            former.push(((*before).to_owned(), value.clone()));
        }
        // Metrics of an SAE were fields of the SAE itself.
        if let ("metrics", Json::Object(metrics)) = (name.as_str(), &value) {
            former.extend(metrics.iter().cloned());
        }
        all.push((name, value));
    }
    for (name, value) in former {
        if !all.iter().any(|(other, _)| *other == name) {
            all.push((name, value));
        }
    }
    Json::Object(all)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_former_name_has_the_value_of_its_field_to_the_last_digit() {
        #[derive(serde::Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Sae {
            n_latents: u32,
            metrics: Value,
            kl: f32,
        }
        let sae = Sae {
            n_latents: 3,
            metrics: json!({"deltaCe": null, "fvu": 0.5, "kl": 9}),
            kl: 0.1,
        };
        let printed = serde_json::to_string(&with_former_names(&[sae]).unwrap()).unwrap();
        assert_eq!(
            printed,
            r#"[{"nLatents":3,"metrics":{"deltaCe":null,"fvu":0.5,"kl":9,"delta_ce":null},"kl":0.1,"n_latents":3,"deltaCe":null,"fvu":0.5,"delta_ce":null}]"#
        );
    }
}
