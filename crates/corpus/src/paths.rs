//! Files of a corpus by their paths, in native programs.

use std::cell::Cell;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use crate::document::Options;
use crate::error::Error;
use crate::files::Corpus;
use crate::kind::{Content, kind};
use crate::open::{Entries, check_named, open_stream};
use crate::parquet::read_table;

impl Corpus {
    /// Looks at all files before any is read, so that a wrong name is noticed at once.
    ///
    /// # Errors
    /// [`Error::UnknownKind`], [`Error::CompressedTable`], [`Error::Folder`], [`Error::Read`], [`Error::Empty`].
    pub fn open(files: &[PathBuf], options: Options) -> Result<Self, Error> {
        let checked = files.iter().map(|path| Ok((name(path), check(path)?)));
        let checked = checked.collect::<Result<_, Error>>()?;
        let paths = files.to_vec();
        let opened =
            move |index: usize, options: &Options, read: &Rc<Cell<u64>>| match paths.get(index) {
                Some(path) => open(path, options, read),
                None => Ok(Box::new(std::iter::empty()) as Entries),
            };
        Ok(Self::new(checked, options, Box::new(opened)))
    }
}

/// The length of a file that can be a part of a corpus.
///
/// # Errors
/// [`Error::UnknownKind`], [`Error::CompressedTable`], [`Error::Folder`], [`Error::Read`], [`Error::Empty`].
fn check(path: &Path) -> Result<u64, Error> {
    let file = path.display().to_string();
    let metadata = std::fs::metadata(path).map_err(|source| Error::Read {
        file: file.clone(),
        source,
    })?;
    if metadata.is_dir() {
        return Err(Error::Folder { file });
    }
    check_named(&file, &name(path), metadata.len())?;
    Ok(metadata.len())
}

fn name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// The entries of a file on disk. `read` receives the number of the file's own bytes that were read.
///
/// # Errors
/// As [`check`]; [`Error::Table`], [`Error::NoColumn`].
fn open(path: &Path, options: &Options, read: &Rc<Cell<u64>>) -> Result<Entries, Error> {
    check(path)?;
    let file = path.display().to_string();
    let opened = File::open(path).map_err(|source| Error::Read {
        file: file.clone(),
        source,
    })?;
    let name = name(path);
    let kind = kind(&file, &name)?;
    if kind.content == Content::Table {
        let named = (file, kind.stem.to_owned());
        let entries = read_table(opened, named, options, read.clone())?;
        return Ok(Box::new(entries));
    }
    open_stream((file, &name), opened, options, read)
}
