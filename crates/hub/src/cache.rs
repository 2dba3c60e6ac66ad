//! The cache folder.
//!
//! ```text
//! blobs/KEY        a whole file, verified; renamed when complete, so never half-written
//! blobs/KEY.part   the beginning of one, from which a download goes on
//! names/HASH.json  contents of an address at the last request: a [`Record`]. HASH is the address's SHA-256
//! locks/KEY        empty; locked by the process that downloads the blob or deletes it
//! ```
//!
//! KEY is `sha256-` and the contents' hash where the host states it, so that the same file from two addresses is here
//! once; else `etag-` and the hash of address, size and ETag. A file is stored whole, not in blocks as in the browser's cache: a file system renames it in one step, and tensors are read from it at any offset.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::error::Error;

/// Contents of an address at the last request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The address as people write it.
    pub name: String,
    /// The blob.
    pub key: String,
    /// Its size, where the host says it.
    pub bytes: Option<u64>,
}

/// A file in the cache, whole or in part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// The addresses that it came from, as people write them.
    pub names: Vec<String>,
    /// Its size, where the host said it.
    pub bytes: Option<u64>,
    /// Bytes of it in the cache.
    pub stored_bytes: u64,
    /// True if all of it is in the cache.
    pub complete: bool,
    #[serde(skip)]
    key: String,
}

/// The cache folder.
#[derive(Debug, Clone)]
pub struct Cache {
    root: PathBuf,
}

/// A blob's lock, released when this is dropped, and by the system when the process dies.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

/// SHA-256 in hexadecimal.
pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Bytes in hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Cache {
    /// The cache in this folder, which is made when it is first written to.
    pub fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// The folder where none is named: `XDG_CACHE_HOME/sae-explorer/models`, or in the system's
    /// folder for caches. None where the user has no home folder.
    pub fn default_folder() -> Option<PathBuf> {
        let set = |name: &str| {
            let path = PathBuf::from(std::env::var_os(name)?);
            path.is_absolute().then_some(path)
        };
        let home = std::env::home_dir().filter(|home| !home.as_os_str().is_empty());
        let caches = set("XDG_CACHE_HOME").or_else(|| {
            if cfg!(windows) {
                set("LOCALAPPDATA")
            } else if cfg!(target_os = "macos") {
                home.map(|home| home.join("Library/Caches"))
            } else {
                home.map(|home| home.join(".cache"))
            }
        })?;
        Some(caches.join("sae-explorer").join("models"))
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Path of a whole file.
    pub(crate) fn blob(&self, key: &str) -> PathBuf {
        self.root.join("blobs").join(key)
    }

    /// Path of the beginning of a file.
    pub(crate) fn part(&self, key: &str) -> PathBuf {
        self.root.join("blobs").join(format!("{key}.part"))
    }

    fn name(&self, url: &str) -> PathBuf {
        let file = format!("{}.json", sha256_hex(url.as_bytes()));
        self.root.join("names").join(file)
    }

    /// The record of an address. None where there is none, or none that can be read.
    pub(crate) fn record(&self, url: &str) -> Option<Record> {
        let record: Record = serde_json::from_slice(&fs::read(self.name(url)).ok()?).ok()?;
        is_key(&record.key).then_some(record)
    }

    /// Writes the record of an address.
    pub(crate) fn write_record(&self, url: &str, record: &Record) -> Result<(), Error> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        if self.record(url).as_ref() == Some(record) {
            return Ok(());
        }
        let path = self.name(url);
        let unwritable = || Error::cache(&path, "written");
        self.create_folder("names")?;
        // Renamed in one step: another process sees the old or the new one.
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let temporary = path.with_extension(format!("{}-{number}.tmp", std::process::id()));
        let json = serde_json::to_vec(record).map_err(|error| unwritable()(error.into()))?;
        fs::write(&temporary, json).map_err(unwritable())?;
        fs::rename(&temporary, &path).map_err(unwritable())
    }

    /// Path of a record's whole file, if it has the size that the host stated.
    pub(crate) fn complete(&self, record: &Record) -> Option<PathBuf> {
        let path = self.blob(&record.key);
        let found = fs::metadata(&path).ok()?;
        let sound = found.is_file() && record.bytes.is_none_or(|bytes| bytes == found.len());
        sound.then_some(path)
    }

    /// Takes a blob's lock; `waiting` is called once where another process has it.
    pub(crate) fn lock(&self, key: &str, waiting: impl FnOnce()) -> Result<Lock, Error> {
        self.create_folder("blobs")?;
        let path = self.create_folder("locks")?.join(key);
        let file = open_lock(&path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                waiting();
                file.lock().map_err(Error::cache(&path, "locked"))?;
            }
            Err(TryLockError::Error(source)) => {
                return Err(Error::cache(&path, "locked")(source));
            }
        }
        Ok(Lock { _file: file })
    }

    fn create_folder(&self, folder: &str) -> Result<PathBuf, Error> {
        let path = self.root.join(folder);
        fs::create_dir_all(&path).map_err(Error::cache(&path, "made"))?;
        Ok(path)
    }

    /// The entries of the cache, the largest first.
    ///
    /// # Errors
    /// [`Error::Cache`] where the folder is there and cannot be read.
    pub fn entries(&self) -> Result<Vec<Entry>, Error> {
        let mut entries: Vec<Entry> = Vec::new();
        for (file_name, path) in files(&self.root.join("blobs"))? {
            let (key, complete) = match file_name.strip_suffix(".part") {
                Some(key) => (key, false),
                None => (file_name.as_str(), true),
            };
            let Ok(found) = fs::metadata(&path) else {
                continue;
            };
            if is_key(key) {
                entries.push(Entry {
                    names: Vec::new(),
                    bytes: complete.then_some(found.len()),
                    stored_bytes: found.len(),
                    complete,
                    key: key.to_owned(),
                });
            }
        }
        for (_, path) in files(&self.root.join("names"))? {
            let record = fs::read(&path).ok();
            let record = record.and_then(|json| serde_json::from_slice::<Record>(&json).ok());
            let Some(record) = record else {
                continue;
            };
            for entry in entries.iter_mut().filter(|entry| entry.key == record.key) {
                entry.bytes = entry.bytes.or(record.bytes);
                entry.names.push(record.name.clone());
            }
        }
        for entry in &mut entries {
            entry.names.sort();
            entry.names.dedup();
        }
        entries.sort_by(|a, b| {
            let sizes = b.stored_bytes.cmp(&a.stored_bytes);
            sizes.then_with(|| a.names.cmp(&b.names))
        });
        Ok(entries)
    }

    /// Deletes an entry. False where another process is downloading it.
    ///
    /// # Errors
    /// [`Error::Cache`] where it cannot be deleted.
    pub fn delete(&self, entry: &Entry) -> Result<bool, Error> {
        let lock = open_lock(&self.create_folder("locks")?.join(&entry.key))?;
        if lock.try_lock().is_err() {
            return Ok(false);
        }
        for path in [self.blob(&entry.key), self.part(&entry.key)] {
            remove(&path)?;
        }
        for (_, path) in files(&self.root.join("names"))? {
            let record = fs::read(&path).ok();
            let record = record.and_then(|json| serde_json::from_slice::<Record>(&json).ok());
            if record.is_some_and(|record| record.key == entry.key) {
                remove(&path)?;
            }
        }
        // The lock's file stays: another process may wait for it, and a new one would be another lock.
        Ok(true)
    }
}

fn open_lock(path: &Path) -> Result<File, Error> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    options.open(path).map_err(Error::cache(path, "opened"))
}

/// A folder's files by name; none where there is no such folder.
fn files(folder: &Path) -> Result<Vec<(String, PathBuf)>, Error> {
    let unreadable = || Error::cache(folder, "read");
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unreadable()(error)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(unreadable())?;
        if let Ok(name) = entry.file_name().into_string() {
            found.push((name, entry.path()));
        }
    }
    found.sort();
    Ok(found)
}

fn remove(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Error::cache(path, "deleted")(error))
        }
        _ => Ok(()),
    }
}

/// True for a possible key of a blob: it comes from a file, and becomes a file's name.
fn is_key(key: &str) -> bool {
    let hash = key
        .strip_prefix("sha256-")
        .or_else(|| key.strip_prefix("etag-"));
    hash.is_some_and(is_sha256)
}

/// True for a SHA-256 in lower-case hexadecimal.
pub(crate) fn is_sha256(text: &str) -> bool {
    text.len() == 64
        && text
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}
