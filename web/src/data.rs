//! Results of the engine, as the page holds them: those of [`wire`], and what the package and the site add.

use serde::{Deserialize, Deserializer};

use crate::format::{fixed, percent};

pub use wire::{
    Edited, Example, Feature, Generation, Info, Lens, LogitEffect, Metrics, ModelInfo, Neighbour,
    NextToken, Origin, Recorded, SaeInfo, SaeTrace, SampleLoss, Tapped, Token, TokenValue,
    Tokenization, Trace,
};

/// A value, or its type's default where it is `null`: for `#[serde(deserialize_with)]`.
///
/// # Errors
/// Those of the value.
pub fn or_default<'de, T, D>(from: D) -> Result<T, D::Error>
where
    T: Default + Deserialize<'de>,
    D: Deserializer<'de>,
{
    Option::deserialize(from).map(Option::unwrap_or_default)
}

/// Bytes loaded so far; `total` is 0 where it is not known.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Progress {
    /// `engine`, `model` or `sae`.
    pub stage: String,
    /// Bytes.
    pub loaded: f64,
    /// Bytes.
    pub total: f64,
    /// The file under way.
    pub name: String,
    /// Origin of its bytes: `network`, `cache` or `file`.
    pub source: String,
}

/// A notice of the engine.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Notice {
    /// Kind, such as `device-lost`.
    pub code: String,
    /// Text for people.
    pub message: String,
}

/// An SAE of the demo bundle.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DemoSae {
    /// Id, as in the address.
    pub id: String,
    /// Hook point.
    pub hook: String,
}

/// The part of the demo bundle's manifest that the page reads.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// Example prompts, the first of which is traced at once.
    pub prompts: Vec<Example>,
    /// SAEs.
    pub saes: Vec<DemoSae>,
}

/// The FVU from which on an SAE is more likely used wrongly than badly trained.
const DOUBTFUL_FVU: f64 = 0.5;

/// The same for ΔCE, in nats: the model finds each token's right successor less than half as likely as before.
const DOUBTFUL_DELTA_CE: f64 = 1.0;

/// Possible problem that numbers on plain prose show.
pub fn doubt(metrics: &Metrics) -> Option<String> {
    let ask = "Is the normalisation or the hook right, and is it the model that it was trained on?";
    match (metrics.fvu, metrics.delta_ce) {
        (Some(fvu), _) if fvu > DOUBTFUL_FVU => Some(format!(
            "It leaves {} of the variance unexplained. {ask}",
            percent(fvu)
        )),
        (_, Some(change)) if change > DOUBTFUL_DELTA_CE => Some(format!(
            "With its reconstruction the loss rises by {} nats. {ask}",
            fixed(change, 2)
        )),
        _ => None,
    }
}

/// That an SAE's file names another model than the loaded one.
pub fn other_model(sae: &SaeInfo) -> Option<String> {
    let name = sae.model_name.as_ref().filter(|_| sae.other_model)?;
    Some(format!(
        "This SAE's file says that it was trained on {name}; the loaded model seems to be another one."
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_look_wrong_are_doubted() {
        let metrics = |fvu, delta_ce| Metrics {
            fvu: Some(fvu),
            delta_ce: Some(delta_ce),
            ..Metrics::default()
        };
        assert_eq!(doubt(&metrics(0.1, 0.2)), None);
        assert_eq!(doubt(&metrics(0.1, -0.2)), None);
        assert_eq!(doubt(&Metrics::default()), None);
        let found = doubt(&metrics(0.93, 0.2)).unwrap_or_default();
        assert!(found.contains("93.0%"), "{found}");
        let found = doubt(&metrics(0.3, 4.0)).unwrap_or_default();
        assert!(found.contains("4.00 nats"), "{found}");
    }
}
