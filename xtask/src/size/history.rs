//! Sizes of the commit that was measured before, kept in the build folder, so that a change shows.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::Spent;
use crate::paths::Paths;
use crate::process;

/// Sizes at a commit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sizes {
    /// Its hash, shortened.
    pub commit: String,
    /// Part of the site → bytes after `gzip -9`.
    pub bytes: BTreeMap<String, usize>,
}

/// What was measured last, and before that at another commit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct History {
    last: Sizes,
    before: Option<Sizes>,
}

/// Notes sizes, and gives those of the commit that was measured before this one; `None` where none was, or outside of a repository.
pub fn note(paths: &Paths, spent: &[Spent]) -> Result<Option<Sizes>> {
    let mut git = Command::new("git");
    git.args(["rev-parse", "--short", "HEAD"])
        .current_dir(&paths.root);
    let Some(commit) = process::output(&mut git) else {
        return Ok(None);
    };
    let now = Sizes {
        commit: commit.trim().to_owned(),
        bytes: spent
            .iter()
            .map(|part| (part.name.to_owned(), part.bytes))
            .collect(),
    };
    noted(&paths.target.join("site-sizes.json"), now)
}

fn noted(file: &Path, now: Sizes) -> Result<Option<Sizes>> {
    // One that cannot be read is as good as none: it is written anew.
    let known = fs::read(file)
        .ok()
        .and_then(|json| serde_json::from_slice::<History>(&json).ok());
    let before = match known {
        Some(history) if history.last.commit == now.commit => history.before,
        Some(history) => Some(history.last),
        None => None,
    };
    let history = History {
        last: now,
        before: before.clone(),
    };
    fs::write(file, serde_json::to_vec(&history)?)
        .with_context(|| format!("could not write {}", file.display()))?;
    Ok(before)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(commit: &str, app: usize) -> Sizes {
        Sizes {
            commit: commit.to_owned(),
            bytes: BTreeMap::from([("app".to_owned(), app)]),
        }
    }

    #[test]
    fn sizes_are_compared_with_those_of_another_commit() {
        let file = std::env::temp_dir().join(format!("xtask-sizes-{}", std::process::id()));
        let _ = fs::remove_file(&file);
        assert_eq!(noted(&file, sizes("a", 1)).unwrap(), None);
        assert_eq!(noted(&file, sizes("a", 2)).unwrap(), None);
        assert_eq!(noted(&file, sizes("b", 3)).unwrap(), Some(sizes("a", 2)));
        // Measured again at one commit, it is still the one before that counts.
        assert_eq!(noted(&file, sizes("b", 4)).unwrap(), Some(sizes("a", 2)));
        assert_eq!(noted(&file, sizes("c", 5)).unwrap(), Some(sizes("b", 4)));
        fs::write(&file, "not JSON").unwrap();
        assert_eq!(noted(&file, sizes("d", 6)).unwrap(), None);
        fs::remove_file(&file).unwrap();
    }
}
