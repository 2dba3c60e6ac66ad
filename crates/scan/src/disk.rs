//! A scan's folder on disk.

use std::fs;
use std::io;
use std::path::Path;

use atlas::Tally;

use crate::error::Error;
use crate::info::{INDEX, ScanInfo, TallyFile, decode_info};

/// The index of a folder, of an ended scan or of one that runs.
///
/// # Errors
/// [`Error::NoScan`], [`Error::Read`], [`atlas::Error::Damaged`], [`atlas::Error::Version`].
pub fn read_info(folder: &Path) -> Result<ScanInfo, Error> {
    let path = folder.join(INDEX);
    let bytes = fs::read(&path).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Error::NoScan {
            path: folder.to_owned(),
        },
        _ => Error::Read {
            path: path.clone(),
            source,
        },
    })?;
    decode_info(&path.display().to_string(), &bytes)
}

/// The index of an ended scan.
///
/// # Errors
/// As [`read_info`]; [`Error::Unfinished`].
pub fn read_complete(folder: &Path) -> Result<ScanInfo, Error> {
    let info = read_info(folder)?;
    if !info.complete {
        return Err(Error::Unfinished {
            path: folder.to_owned(),
        });
    }
    Ok(info)
}

/// A tally of a folder, compared with the length and hash that its index names.
///
/// # Errors
/// [`Error::Read`], [`atlas::Error::Damaged`], [`atlas::Error::Version`].
pub fn read_tally(folder: &Path, tally: &TallyFile) -> Result<Tally, Error> {
    let path = folder.join(&tally.file.path);
    let bytes = fs::read(&path).map_err(|source| Error::Read {
        path: path.clone(),
        source,
    })?;
    let name = path.display().to_string();
    tally.file.check(&bytes).map_err(|error| match error {
        atlas::Error::Damaged { why, .. } => atlas::Error::Damaged {
            path: name.clone(),
            why,
        },
        other => other,
    })?;
    Ok(atlas::files::decode(&name, &bytes)?)
}
