//! A checkpoint as a folder on a disk.

use std::fs;
use std::io;
use std::path::Path;

use super::{Folder, LOG, STATE, Source, State, log_until};
use crate::config::Config;
use crate::error::Error;
use crate::export::Origin;
use crate::trainer::Trainer;

/// Writes a checkpoint in the place of the last one.
///
/// # Errors
/// [`Error::Write`], and then the last one is as it was; [`Error::Format`] where the weights are not finite.
pub fn save(
    folder: &Folder,
    trainer: &Trainer,
    origin: &Origin,
    source: &Source,
) -> Result<(), Error> {
    folder.replace(|fresh| {
        super::write(trainer, origin, source, |name, bytes| {
            fresh.write(name, bytes)
        })?;
        let path = folder.path().join(LOG);
        let log = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            other => other.map_err(|source| Error::Read { path, source })?,
        };
        fresh.write(LOG, &log)
    })
}

/// Goes on from a folder's checkpoint, with a trainer that is at its start and has the wanted settings. Lines of the log behind the
/// checkpoint are removed. Returns the state as it was.
///
/// # Errors
/// [`Error::NoState`], [`Error::Other`] for other settings or another source, [`Error::Damaged`], [`Error::Read`], [`Error::Write`].
pub fn resume(
    folder: &Folder,
    config: &Config,
    source: &Source,
) -> Result<(Trainer, State), Error> {
    let path = folder.path();
    if !path.join(STATE).is_file() {
        let why = match path.exists() {
            true => "it has no state.json",
            false => "it is not there",
        };
        return Err(Error::NoState {
            path: path.to_owned(),
            why: why.to_owned(),
        });
    }
    let read = |name: &str| {
        let path = path.join(name);
        fs::read(&path).map_err(|source| Error::Read { path, source })
    };
    let (trainer, state) = super::read(path, config, source, read)?;
    shorten_log(&path.join(LOG), state.step)?;
    Ok((trainer, state))
}

/// Keeps the lines of a log up to a step; one that is not there stays so.
///
/// # Errors
/// [`Error::Write`].
pub fn shorten_log(path: &Path, step: u64) -> Result<(), Error> {
    let Ok(text) = fs::read_to_string(path) else {
        return Ok(());
    };
    let kept = log_until(&text, step);
    if kept.len() == text.len() {
        return Ok(());
    }
    fs::write(path, kept).map_err(|source| Error::Write {
        path: path.to_owned(),
        source,
        kept: true,
    })
}
