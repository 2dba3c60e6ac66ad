//! Lookup of files in the cache that Hugging Face's own libraries keep. Nothing is ever written there.
//!
//! ```text
//! models--OWNER--NAME/refs/REVISION           the commit of a branch or a tag when it was last downloaded
//! models--OWNER--NAME/snapshots/COMMIT/PATH   a file at a commit: a link to a blob, or the file itself
//! models--OWNER--NAME/blobs/HASH              contents
//! ```

use std::env;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use crate::address::{Address, is_commit, is_path};
use crate::error::{Error, printable};

/// Bytes that are read of a file in `refs`: more than a commit and a line's end.
const REF_BYTES: u64 = 128;

/// The cache folder of Hugging Face's libraries.
#[derive(Debug, Clone)]
pub(crate) struct HfCache {
    root: PathBuf,
}

/// The commit of a repository's revision in the cache, and the requested file at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Snapshot {
    /// The commit, 40 hexadecimal digits.
    pub commit: String,
    /// Contents of the snapshot at the address's path.
    pub found: Found,
}

/// Contents of a snapshot at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Found {
    /// A file that is not empty, at this path.
    File(PathBuf),
    /// A folder, so that the repository has no file of this name.
    Folder,
    /// Neither; the repository may have it.
    Nothing,
}

/// The folder in which Hugging Face's libraries keep downloads: `$HF_HUB_CACHE`, else `$HF_HOME/hub`, else
/// `$XDG_CACHE_HOME/huggingface/hub`, else `~/.cache/huggingface/hub`. None where the user has no home folder. The folder
/// need not exist.
pub fn hf_cache_folder() -> Option<PathBuf> {
    let set = |name: &str| {
        let value = env::var_os(name).filter(|value| !value.is_empty())?;
        Some(PathBuf::from(value))
    };
    let hf_home = || {
        let home = || env::home_dir().filter(|home| !home.as_os_str().is_empty());
        let caches = set("XDG_CACHE_HOME").or_else(|| home().map(|home| home.join(".cache")));
        set("HF_HOME").or_else(|| caches.map(|caches| caches.join("huggingface")))
    };
    set("HF_HUB_CACHE").or_else(|| hf_home().map(|home| home.join("hub")))
}

impl HfCache {
    /// The cache in this folder.
    pub fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The snapshot of an address's revision. None where the address is not in a repository, or the cache does not know
    /// the revision.
    ///
    /// # Errors
    /// [`Error::HfCache`] where the revision's file in `refs` cannot be read or does not hold a commit.
    pub fn snapshot(&self, address: &Address) -> Result<Option<Snapshot>, Error> {
        let Address::Repo {
            repo,
            revision,
            path,
        } = address
        else {
            return Ok(None);
        };
        let folder = self
            .root
            .join(format!("models--{}", repo.replace('/', "--")));
        let Some(commit) = commit_of(&folder, revision)? else {
            return Ok(None);
        };
        // All that is not a name below its folder could lead out of the cache.
        let is_below = !path.is_empty() && is_path(path);
        let file = folder.join("snapshots").join(&commit).join(path);
        // The metadata are those of the blob: a link without one is not a file.
        let found = match fs::metadata(&file).ok().filter(|_| is_below) {
            Some(found) if found.is_file() && found.len() > 0 => Found::File(file),
            Some(found) if found.is_dir() => Found::Folder,
            _ => Found::Nothing,
        };
        Ok(Some(Snapshot { commit, found }))
    }
}

/// The commit of a revision in a repository's folder.
fn commit_of(folder: &Path, revision: &str) -> Result<Option<String>, Error> {
    if is_commit(revision) {
        let known = folder.join("snapshots").join(revision).is_dir();
        return Ok(known.then(|| revision.to_owned()));
    }
    if revision.is_empty() || !is_path(revision) {
        return Ok(None);
    }
    let path = folder.join("refs").join(revision);
    let unusable = |reason: String| Error::HfCache {
        path: path.clone(),
        reason,
    };
    let mut text = Vec::new();
    let read = File::open(&path).and_then(|file| file.take(REF_BYTES).read_to_end(&mut text));
    match read {
        Ok(_) => {}
        // `refs/a` may be a folder of revisions, such as `a/b`, and no revision.
        Err(_) if path.is_dir() => return Ok(None),
        Err(error) if is_absent(&error) => return Ok(None),
        Err(error) => return Err(unusable(format!("cannot be read ({error})"))),
    }
    let text = String::from_utf8_lossy(&text);
    let commit = text.trim();
    if is_commit(commit) {
        Ok(Some(commit.to_owned()))
    } else {
        Err(unusable(format!(
            "holds `{}`, which is not a commit",
            printable(commit)
        )))
    }
}

/// True where a path leads to nothing, also because a part of it is a file.
fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}
