//! The file that a figure is written to.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use super::args::Figure;
use super::error::FigureError;
use crate::error::Error;

/// The place that a figure is written to.
pub enum Destination {
    /// The standard output.
    Stdout,
    /// A file.
    File {
        /// Its path.
        path: PathBuf,
        /// True if one that is there is replaced.
        overwrite: bool,
    },
}

impl Destination {
    /// The place that the options name; refused before anything is computed where a file is in the way.
    pub fn new(arguments: &Figure) -> Result<Self, Error> {
        let path = &arguments.out;
        if path.as_os_str() == "-" {
            return match arguments.common.json {
                true => Err(FigureError::TwoOutputs.into()),
                false => Ok(Self::Stdout),
            };
        }
        if !arguments.overwrite && path.symlink_metadata().is_ok() {
            return Err(exists(path).into());
        }
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        if let Some(folder) = folder {
            fs::metadata(folder).map_err(unwritten(path))?;
        }
        Ok(Self::File {
            path: path.clone(),
            overwrite: arguments.overwrite,
        })
    }

    /// The file's path, if it is one.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Stdout => None,
            Self::File { path, .. } => Some(path),
        }
    }

    /// Writes the whole file, or leaves what was there.
    pub fn write(&self, bytes: &[u8]) -> Result<(), Error> {
        match self {
            Self::Stdout => Ok(io::stdout().lock().write_all(bytes)?),
            Self::File {
                path,
                overwrite: true,
            } => replace(path, bytes).map_err(unwritten(path)),
            Self::File {
                path,
                overwrite: false,
            } => {
                let mut file = File::create_new(path).map_err(|source| match source.kind() {
                    // It came while the figure was made.
                    ErrorKind::AlreadyExists => exists(path).into(),
                    _ => unwritten(path)(source),
                })?;
                file.write_all(bytes).map_err(|source| {
                    // Half of a figure is worse than none; if it cannot be removed either, the error tells of the file.
                    let _ = fs::remove_file(path);
                    unwritten(path)(source)
                })
            }
        }
    }
}

/// Writes beside the file and puts that in its place.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let name = path.file_name().ok_or(ErrorKind::InvalidInput)?;
    let mut part = name.to_owned();
    part.push(".part");
    let part = path.with_file_name(part);
    let written = fs::write(&part, bytes).and_then(|()| fs::rename(&part, path));
    if written.is_err() {
        // The first error is the one to tell of.
        let _ = fs::remove_file(&part);
    }
    written
}

fn exists(path: &Path) -> FigureError {
    FigureError::Exists {
        path: path.display().to_string(),
    }
}

fn unwritten(path: &Path) -> impl Fn(io::Error) -> Error {
    move |source| Error::Write {
        path: path.to_owned(),
        source,
    }
}
