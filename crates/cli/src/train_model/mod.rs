//! `train-model`: a small GPT-2 for a text.

pub mod args;
mod run;
mod text;

use std::io::{self, Write as _};

use serde::Serialize;
use train::Folder;
use train_model::{Config, TokenizerFiles, decode};

use crate::error::Error;
use crate::print_json;
use crate::train::read;
use crate::train::signal::Stop;
use args::TrainModel;
use run::{Ended, Run};
use text::Text;

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
pub fn train_model(arguments: &TrainModel) -> Result<bool, Error> {
    let stop = Stop::listen()?;
    // What can be wrong without data is said before it is read.
    let config = settings(arguments)?;
    config.check()?;
    TokenizerFiles::check(arguments.vocabulary)?;
    let text = Text::open(arguments)?;
    let folder = match arguments.dry_run {
        true => None,
        false => Some(Folder::open(&arguments.out)?),
    };
    let in_the_way = |folder: &&Folder| !arguments.resume && !folder.is_free();
    if let Some(folder) = folder.as_ref().filter(in_the_way) {
        let path = folder.path().to_owned();
        return Err(train::Error::Exists { path }.into());
    }
    let text = text.read(arguments, &config, folder.as_ref(), &stop)?;
    let ended = Run::new(arguments, config, text, &stop).run(folder.as_ref())?;
    let out = arguments.out.display().to_string();
    let (complete, dry) = (!ended.stopped, arguments.dry_run);
    let mut summary = io::stdout().lock();
    if arguments.json {
        let complete_and_kept = complete && !dry;
        let ended = Summary {
            out,
            complete: complete_and_kept,
            ended,
        };
        print_json(&mut summary, &ended)?;
    } else if complete && !dry {
        writeln!(summary, "{out}: {}", ended.words())?;
    } else if !dry {
        writeln!(
            summary,
            "{out}: stopped after {}; it is a whole model, and the same command with --resume goes on",
            ended.words()
        )?;
    }
    Ok(complete)
}

fn settings(arguments: &TrainModel) -> Result<Config, Error> {
    let file = match &arguments.config {
        None => None,
        Some(path) => Some((path.display().to_string(), read(path)?)),
    };
    let file = file.as_ref().map(|(name, bytes)| (&name[..], &bytes[..]));
    Ok(decode(file, &arguments.settings)?)
}
