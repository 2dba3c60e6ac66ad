//! The file of a result.

use std::fs;
use std::path::Path;

use wire::CorpusEvaluations;

use super::report;
use crate::error::Error;

/// A file that can be written.
pub struct Output<'a> {
    path: &'a Path,
    is_json: bool,
}

/// Looks at a file's name before anything is computed.
///
/// # Errors
/// [`Error::OutputKind`], [`Error::Exists`].
pub fn check(path: &Path) -> Result<Output<'_>, Error> {
    let ending = path.extension().and_then(|ending| ending.to_str());
    let is_json = match ending {
        Some("json") => true,
        Some("md") => false,
        _ => {
            let path = path.to_owned();
            return Err(Error::OutputKind { path });
        }
    };
    if path.exists() {
        let path = path.to_owned();
        return Err(Error::Exists { path });
    }
    Ok(Output { path, is_json })
}

impl Output<'_> {
    /// Writes the file.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn write(&self, found: &CorpusEvaluations) -> Result<(), Error> {
        let text = if self.is_json {
            evaluate_run::json(found).map_err(std::io::Error::from)?
        } else {
            report::markdown(found)
        };
        fs::write(self.path, text).map_err(|source| Error::Write {
            path: self.path.to_owned(),
            source,
        })
    }
}
