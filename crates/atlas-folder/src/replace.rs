//! Names beside an atlas, and the exchange of an old folder for a new one.

use std::ffi::OsString;
use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use atlas::files::INDEX;

use crate::error::Error;

/// Paths beside an atlas.
#[derive(Debug)]
pub struct Beside {
    /// The atlas.
    pub target: PathBuf,
    /// The folder that it is in.
    parent: PathBuf,
    name: OsString,
}

impl Beside {
    /// The paths beside `target`, whose parent is made where it is missing.
    pub fn new(target: &Path) -> Result<Self, Error> {
        let no_name = || Error::NoName {
            path: target.to_owned(),
        };
        let name = target.file_name().ok_or_else(no_name)?.to_owned();
        let parent = match target.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        fs::create_dir_all(&parent).map_err(write_error(&parent))?;
        Ok(Self {
            target: target.to_owned(),
            parent,
            name,
        })
    }

    /// The new atlas while it is written.
    pub fn fresh(&self) -> PathBuf {
        self.hidden("new")
    }

    /// The old atlas, between the moment when it is moved away and its removal.
    pub fn old(&self) -> PathBuf {
        self.hidden("old")
    }

    /// Held by the one process that writes the atlas.
    fn lock_path(&self) -> PathBuf {
        self.hidden("lock")
    }

    fn hidden(&self, ending: &str) -> PathBuf {
        let mut name = OsString::from(".");
        name.push(&self.name);
        name.push(".");
        name.push(ending);
        self.parent.join(name)
    }

    /// Takes the lock and brings the place into order after a run that was killed. The lock is free when it is dropped.
    pub fn lock(&self) -> Result<Lock, Error> {
        let path = self.lock_path();
        let file = File::create(&path).map_err(write_error(&path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Error::Busy {
                    path: self.target.clone(),
                });
            }
            // A file system without locks: nothing can be said about other processes.
            Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => {}
            Err(TryLockError::Error(source)) => return Err(Error::Write { path, source }),
        }
        let lock = Lock { path, _file: file };
        if !self.target.exists() && self.old().join(INDEX).is_file() {
            fs::rename(self.old(), &self.target).map_err(write_error(&self.target))?;
        }
        remove(&self.old())?;
        remove(&self.fresh())?;
        Ok(lock)
    }

    /// Refuses to replace what is not an atlas. An empty folder is replaced, too.
    pub fn check_replaceable(&self) -> Result<(), Error> {
        let target = &self.target;
        let is_free = match fs::symlink_metadata(target) {
            Err(error) if error.kind() == ErrorKind::NotFound => true,
            Err(source) => {
                return Err(Error::Read {
                    path: target.clone(),
                    source,
                });
            }
            Ok(data) => {
                data.is_dir()
                    && (target.join(INDEX).is_file()
                        || fs::read_dir(target).is_ok_and(|mut entries| entries.next().is_none()))
            }
        };
        let path = target.clone();
        is_free.then_some(()).ok_or(Error::NotReplaced { path })
    }

    /// Puts the new folder in the place of the old one.
    pub fn exchange(&self) -> Result<(), Error> {
        let failed = write_error(&self.target);
        if !self.target.exists() {
            fs::rename(self.fresh(), &self.target).map_err(&failed)?;
        } else if swap(&self.fresh(), &self.target).is_ok() {
            // What has the new name now is the old atlas.
            fs::rename(self.fresh(), self.old()).map_err(&failed)?;
        } else {
            // Between these two steps there is no atlas under its name; `lock` mends that after a kill.
            fs::rename(&self.target, self.old()).map_err(&failed)?;
            if let Err(source) = fs::rename(self.fresh(), &self.target) {
                let _ = fs::rename(self.old(), &self.target);
                return Err(failed(source));
            }
        }
        sync_folder(&self.parent).map_err(&failed)?;
        remove(&self.old())
    }
}

/// The lock of an atlas.
#[derive(Debug)]
pub struct Lock {
    path: PathBuf,
    _file: File,
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Nothing depends on it: a lock file that stays is taken by the next writer.
        let _ = fs::remove_file(&self.path);
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
pub fn sync_folder(path: &Path) -> io::Result<()> {
    // Elsewhere folders cannot be opened as files.
    if cfg!(unix) {
        File::open(path)?.sync_all()?;
    }
    Ok(())
}

pub fn remove(folder: &Path) -> Result<(), Error> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(write_error(folder)(error)),
        _ => Ok(()),
    }
}

/// The error of writing a path.
pub fn write_error(path: &Path) -> impl Fn(io::Error) -> Error + use<'_> {
    move |source| Error::Write {
        path: path.to_owned(),
        source,
    }
}
