//! `train`: a sparse autoencoder for a hook of a model, or for activations out of files.

pub mod args;
pub mod error;
pub mod harvest;
mod input;
pub mod keeping;
mod processor;
mod progress;
mod run;
pub mod signal;
pub mod tensorboard;
mod vectors;

use std::io::{self, Write as _};
use std::path::Path;

use serde::Serialize;
use train::{Config, decode_config};
use train_run::Activations as _;

use crate::error::Error;
use crate::print_json;
use args::Train;
use harvest::{TextOptions, Texts};
use input::Input;
pub use progress::note;
use run::{Ended, Run};
use signal::Stop;
use vectors::Vectors;

/// A training that has ended, as `--json` prints it.
#[derive(Serialize)]
struct Summary {
    /// Its folder.
    out: String,
    /// True if all steps are done.
    complete: bool,
    #[serde(flatten)]
    ended: Ended,
}

/// Trains; false where it was stopped.
pub async fn train(arguments: &Train) -> Result<bool, Error> {
    let stop = Stop::listen()?;
    let (mut config, has_tokens) = settings(arguments)?;
    // What can be wrong without data is said before it is read.
    config.check_before_data(has_tokens)?;
    let input = match (&arguments.activations, &arguments.hook) {
        (Some(path), _) => Input::Vectors(Vectors::open(arguments, path).await?, stop.clone()),
        (None, Some(hook)) => {
            let given = TextOptions {
                common: &arguments.common,
                hook,
                corpus: &arguments.corpus,
                text_field: &arguments.text_field,
                context: arguments.context,
                keep_first: arguments.keep_first,
                corpus_tokens: arguments.corpus_tokens,
            };
            let texts = Texts::open(&given, &stop).await?;
            Input::Texts(Box::new(texts), stop.clone())
        }
        // The parser asks for one of the two.
        (None, None) => return Ok(false),
    };
    if !has_tokens {
        config = config.over(input.rows());
    }
    let out = arguments.out.display().to_string();
    let ended = Run::new(arguments, config, &input, &stop)?.run().await?;
    let complete = !ended.stopped;
    let dry = arguments.dry_run;
    let mut summary = io::stdout().lock();
    if arguments.common.json {
        let ended = Summary {
            out,
            complete: complete && !dry,
            ended,
        };
        print_json(&mut summary, &ended)?;
        return Ok(complete);
    }
    if dry {
        return Ok(complete);
    }
    match complete {
        true => writeln!(summary, "{out}: {}", ended.words())?,
        false => writeln!(
            summary,
            "{out}: stopped after {}; it is a whole autoencoder, and the same command with --resume goes on",
            ended.words()
        )?,
    }
    Ok(complete)
}

/// The settings, and whether they say how many tokens to train on.
fn settings(arguments: &Train) -> Result<(Config, bool), Error> {
    let changes = arguments.changes();
    let file = match &arguments.config {
        None => None,
        Some(path) => Some((path.display().to_string(), read(path)?)),
    };
    let file = file.as_ref().map(|(name, bytes)| (&name[..], &bytes[..]));
    let config = decode_config(file, &changes)?;
    let in_file = file
        .and_then(|(_, bytes)| serde_json::from_slice::<serde_json::Value>(bytes).ok())
        .is_some_and(|value| value.get("tokens").is_some());
    let has_tokens = in_file || changes.iter().any(|(key, _)| key == "tokens");
    Ok((config, has_tokens))
}

/// A file's bytes.
pub fn read(path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(|source| Error::Read {
        name: path.display().to_string(),
        source,
    })
}
