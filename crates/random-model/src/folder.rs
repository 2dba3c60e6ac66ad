//! A folder that is there as a whole or not at all.

use std::fs;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, bail};

/// Threads of one process make one folder after the other; processes are distinguished by their numbers.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Makes `folder` with these files by `write`, which gets a folder beside it that takes its name at the end. A folder
/// that already has the files stays as it is. Gives whether anything was written.
pub(crate) fn make(
    folder: &Path,
    files: &[&str],
    write: impl FnOnce(&Path) -> Result<()>,
) -> Result<bool> {
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_made_once_and_never_by_half() {
        let parent = std::env::temp_dir().join(format!("random-model-{}", std::process::id()));
        let folder = parent.join("made");
        let failing = make(&folder, &["a", "b"], |folder| {
            fs::write(folder.join("a"), "1")?;
            bail!("the disk is full")
        });
        assert!(failing.unwrap_err().to_string().contains("disk"));
        assert!(!folder.exists());
        let whole = |folder: &Path| {
            fs::write(folder.join("a"), "1")?;
            Ok(fs::write(folder.join("b"), "2")?)
        };
        assert!(make(&folder, &["a", "b"], whole).unwrap());
        assert!(!make(&folder, &["a", "b"], whole).unwrap());
        let other = make(&folder, &["a", "c"], whole).unwrap_err();
        assert!(other.to_string().contains("without c"), "{other}");
        assert_eq!(fs::read_dir(&parent).unwrap().count(), 1);
        fs::remove_dir_all(&parent).unwrap();
    }
}
