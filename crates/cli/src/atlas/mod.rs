//! `sae-explorer atlas`: atlases on disk.

pub mod args;
pub mod error;
mod exchange;
mod list;
mod merge;
mod save;
mod show;
mod weights;
mod words;

use std::io::{self, Write as _};

use atlas_folder::Folder;

use self::args::{Atlas, AtlasCommand, Check};
use self::error::AtlasError;
use crate::error::Error;

/// Runs a command; whether it found everything in order.
pub async fn atlas(arguments: &Atlas) -> Result<bool, Error> {
    match &arguments.command {
        AtlasCommand::Merge(arguments) => merge::merge(arguments).await.map(|()| true),
        AtlasCommand::Show(arguments) => show::show(arguments).map(|()| true),
        AtlasCommand::List(arguments) => list::list(arguments).map(|()| true),
        AtlasCommand::Export(arguments) => exchange::export(arguments).map(|()| true),
        AtlasCommand::Import(arguments) => exchange::import(arguments).map(|()| true),
        AtlasCommand::Check(arguments) => check(arguments),
    }
}

/// Compares every file with its hash and reads it.
fn check(arguments: &Check) -> Result<bool, Error> {
    let folder = Folder::open(&arguments.dir).map_err(AtlasError::from)?;
    let mut damaged = Vec::new();
    folder.check(|_, error| damaged.extend(error));
    let mut out = io::stdout().lock();
    for error in &damaged {
        writeln!(out, "{error}")?;
    }
    let (files, bytes) = folder.size();
    let mib = bytes as f64 / f64::from(1 << 20);
    if damaged.is_empty() {
        writeln!(
            out,
            "{files} files, {mib:.1} MiB: all are as they were written"
        )?;
    } else {
        writeln!(
            out,
            "{} of {files} files are damaged; the rest can be read",
            damaged.len()
        )?;
    }
    Ok(damaged.is_empty())
}
