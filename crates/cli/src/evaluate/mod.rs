//! `evaluate`: what is measured of autoencoders, on a text or over a corpus.

mod ablation;
pub mod args;
mod corpus;
mod measure;
mod output;
mod probes;
mod progress;
mod recovery;
mod report;
mod sample;
mod text;
mod variants;

use args::Evaluate;

use crate::error::Error;

/// Evaluates; false where it was stopped before its end.
pub async fn evaluate(arguments: &Evaluate) -> Result<bool, Error> {
    if arguments.corpus.is_empty() {
        text::on_text(arguments).await?;
        return Ok(true);
    }
    measure::over_corpus(arguments).await
}
