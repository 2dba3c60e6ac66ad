//! The folder of a training: a new one is written beside the old one, made durable, and exchanged for it in one step.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use super::LOG;
use crate::error::Error;

/// The folder of a training, which this process alone writes.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    parent: PathBuf,
    name: OsString,
    lock: PathBuf,
    _file: File,
}

impl Folder {
    /// Takes a folder, which need not be there yet, and brings it into order after a run that was killed.
    ///
    /// # Errors
    /// [`Error::InUse`], [`Error::Write`].
    pub fn open(path: &Path) -> Result<Self, Error> {
        // A link, or `..`, has no name of its own.
        let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let parent = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        let Some(name) = path.file_name().map(ToOwned::to_owned) else {
            let source = io::Error::new(ErrorKind::InvalidInput, "it has no name");
            return Err(Error::Write {
                path,
                source,
                kept: false,
            });
        };
        fs::create_dir_all(&parent).map_err(refused(&parent, false))?;
        let lock = hidden(&parent, &name, "lock");
        let file = File::create(&lock).map_err(refused(&lock, false))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(Error::InUse { path }),
            // A file system without locks: nothing can be said about other processes.
            Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => {}
            Err(TryLockError::Error(source)) => {
                return Err(refused(&lock, false)(source));
            }
        }
        let folder = Self {
            path,
            parent,
            name,
            lock,
            _file: file,
        };
        if !folder.path.exists() && folder.old().exists() {
            let renamed = fs::rename(folder.old(), &folder.path);
            renamed.map_err(refused(&folder.path, false))?;
        }
        folder.remove(&folder.old())?;
        folder.remove(&folder.fresh())?;
        Ok(folder)
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// True if there is nothing, or an empty folder.
    pub fn is_free(&self) -> bool {
        match fs::read_dir(&self.path) {
            Ok(mut entries) => entries.next().is_none(),
            Err(error) => error.kind() == ErrorKind::NotFound,
        }
    }

    fn fresh(&self) -> PathBuf {
        hidden(&self.parent, &self.name, "new")
    }

    fn old(&self) -> PathBuf {
        hidden(&self.parent, &self.name, "old")
    }

    fn remove(&self, folder: &Path) -> Result<(), Error> {
        match fs::remove_dir_all(folder) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(refused(folder, self.path.exists())(error))
            }
            _ => Ok(()),
        }
    }

    /// Replaces the folder by one whose files `write` makes. Where that fails the folder is as it was.
    ///
    /// # Errors
    /// [`Error::Write`], among them a full disk; whatever `write` returns.
    pub fn replace(&self, write: impl FnOnce(&Fresh) -> Result<(), Error>) -> Result<(), Error> {
        let fresh = Fresh {
            path: self.fresh(),
            kept: !self.is_free(),
        };
        self.remove(&fresh.path)?;
        let done = fs::create_dir_all(&fresh.path)
            .map_err(refused(&fresh.path, fresh.kept))
            .and_then(|()| write(&fresh))
            .and_then(|()| sync_folder(&fresh.path).map_err(refused(&fresh.path, fresh.kept)))
            .and_then(|()| self.exchange());
        if done.is_err() {
            // What is left over is removed by the next run as well.
            let _ = fs::remove_dir_all(&fresh.path);
        }
        done
    }

    fn exchange(&self) -> Result<(), Error> {
        let failed = refused(&self.path, true);
        if !self.path.exists() {
            fs::rename(self.fresh(), &self.path).map_err(&failed)?;
        } else if swap(&self.fresh(), &self.path).is_ok() {
            // What has the new name now is the old folder.
            fs::rename(self.fresh(), self.old()).map_err(&failed)?;
        } else {
            // Between these two steps there is no folder under its name; `open` mends that after a kill.
            fs::rename(&self.path, self.old()).map_err(&failed)?;
            if let Err(source) = fs::rename(self.fresh(), &self.path) {
                let _ = fs::rename(self.old(), &self.path);
                return Err(failed(source));
            }
        }
        sync_folder(&self.parent).map_err(&failed)?;
        self.remove(&self.old())
    }

    /// Adds a line to the log.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn append_log(&self, line: &str) -> Result<(), Error> {
        let path = self.path.join(LOG);
        let opened = OpenOptions::new().append(true).create(true).open(&path);
        opened
            .and_then(|mut file| file.write_all(format!("{line}\n").as_bytes()))
            .map_err(refused(&path, true))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Nothing depends on it: a lock file that stays is taken by the next writer.
        let _ = fs::remove_file(&self.lock);
    }
}

/// A folder that is being written.
pub struct Fresh {
    path: PathBuf,
    kept: bool,
}

impl Fresh {
    /// A file's path in it.
    pub fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Writes a file and makes it durable.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        let path = self.join(name);
        let written = File::create(&path).and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()
        });
        written.map_err(refused(&path, self.kept))
    }
}

fn hidden(parent: &Path, name: &OsString, ending: &str) -> PathBuf {
    let mut hidden = OsString::from(".");
    hidden.push(name);
    hidden.push(".");
    hidden.push(ending);
    parent.join(hidden)
}

fn refused(path: &Path, kept: bool) -> impl Fn(io::Error) -> Error + use<'_> {
    move |source| Error::Write {
        path: path.to_owned(),
        source,
        kept,
    }
}

/// Exchanges two folders in one step, where the system can.
#[cfg(target_os = "linux")]
fn swap(one: &Path, other: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    Ok(renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE)?)
}

#[cfg(not(target_os = "linux"))]
fn swap(_one: &Path, _other: &Path) -> io::Result<()> {
    Err(ErrorKind::Unsupported.into())
}

/// Makes what a folder lists durable.
fn sync_folder(path: &Path) -> io::Result<()> {
    // Elsewhere folders cannot be opened as files.
    if cfg!(unix) {
        File::open(path)?.sync_all()?;
    }
    Ok(())
}
