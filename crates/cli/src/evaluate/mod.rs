//! `evaluate`: what is measured of autoencoders, on a text or over a corpus.

pub mod args;
mod measure;
mod output;
mod progress;
mod report;
mod text;

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
