//! A folder that is there as a whole or not at all.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

/// Makes `folder` with these files by `write`, which gets a folder beside it that takes its name at the end. A folder
/// that already has the files stays as it is. Gives whether anything was written.
pub(crate) fn make(
    folder: &Path,
    files: &[&str],
    write: impl FnOnce(&Path) -> Result<()>,
) -> Result<bool> {
    let missing = files.iter().find(|file| !folder.join(file).is_file());
    let Some(missing) = missing else {
        return Ok(false);
    };
    if folder.exists() {
        bail!(
            "{} is there without {missing}: name a folder that is not there yet, or remove it",
            folder.display()
        );
    }
    let name = folder.file_name().context("the folder has no name")?;
    let partial = folder.with_file_name(format!(
        "{}.partial-{}",
        name.to_string_lossy(),
        std::process::id()
    ));
    let failed = || format!("could not write {}", partial.display());
    if partial.exists() {
        fs::remove_dir_all(&partial).with_context(failed)?;
    }
    fs::create_dir_all(&partial).with_context(failed)?;
    let written = write(&partial).and_then(|()| {
        match fs::rename(&partial, folder) {
            // Another process was faster; what it made is the same.
            Err(_) if files.iter().all(|file| folder.join(file).is_file()) => {
                fs::remove_dir_all(&partial).with_context(failed)
            }
            renamed => renamed.with_context(|| format!("could not make {}", folder.display())),
        }
    });
    if written.is_err() {
        // The reason for the failure says more than what becomes of the remains.
        let _ = fs::remove_dir_all(&partial);
    }
    written.map(|()| true)
}
