//! Evaluations of sparse autoencoders over texts, as the program and the page run them: windows of texts, everything that is measured
//! of an autoencoder on them, and the results as tables and as JSON.
//!
//! Mathematics are those of `evaluation`; what the model computes is that of `explorer`.

mod ablation;
mod context;
mod error;
mod host;
mod measure;
mod probes;
mod recovery;
mod sample;
mod settings;
mod tables;
mod texts;
mod variants;

pub use context::{Context, Subject};
pub use error::Error;
pub use host::Host;
pub use measure::{evaluate, evaluations};
pub use settings::{ABLATIONS, Settings, TOKENS};
pub use tables::{head, tables};
pub use texts::{Reading, Window, Windows};

/// A result as the program writes it to a file: a line of JSON.
///
/// # Errors
/// Those of writing a value as JSON; none are expected.
pub fn json(found: &wire::CorpusEvaluations) -> serde_json::Result<String> {
    let value = former::with_former_names(found)?;
    Ok(serde_json::to_string(&value)? + "\n")
}
