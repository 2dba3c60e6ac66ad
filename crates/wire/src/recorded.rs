//! The recorded trace of the demo: `recorded.json` in the bundle.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::feature::Feature;
use crate::loaded::{ModelInfo, SaeInfo};
use crate::trace::Trace;

/// A prompt worth a look.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Example {
    /// Name on its button.
    pub name: String,
    /// The prompt.
    pub text: String,
}

/// The trace of the demo's first example, as the engine answered when the demo was put together.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Recorded {
    /// The example.
    pub prompt: Example,
    /// The model.
    pub model: ModelInfo,
    /// The SAE of the trace.
    pub sae: SaeInfo,
    /// The trace.
    pub trace: Trace,
    /// Descriptions of the features that the page selects first.
    pub features: Vec<Feature>,
}
