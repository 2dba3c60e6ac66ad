//! A corpus of several files.

use std::cell::Cell;
use std::path::PathBuf;
use std::rc::Rc;

use crate::document::{Document, Entry, Options};
use crate::error::Error;
use crate::open::{Entries, check, open};

/// The documents of some files, one file after the other.
pub struct Corpus {
    files: Vec<(PathBuf, u64)>,
    options: Options,
    /// The next file to open.
    next: usize,
    entries: Option<Entries>,
    documents: u64,
    read: Rc<Cell<u64>>,
    failed: bool,
}

impl Corpus {
    /// Looks at all files before any is read, so that a wrong name is noticed at once.
    ///
    /// # Errors
    /// [`Error::UnknownKind`], [`Error::CompressedTable`], [`Error::Folder`], [`Error::Read`], [`Error::Empty`].
    pub fn open(files: &[PathBuf], options: Options) -> Result<Self, Error> {
        let checked = files.iter().map(|path| Ok((path.clone(), check(path)?)));
        Ok(Self {
            files: checked.collect::<Result<_, Error>>()?,
            options,
            next: 0,
            entries: None,
            documents: 0,
            read: Rc::default(),
            failed: false,
        })
    }

    /// The files and their lengths in bytes.
    pub fn files(&self) -> &[(PathBuf, u64)] {
        &self.files
    }

    /// Bytes of all files.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|(_, bytes)| bytes).sum()
    }

    /// Bytes of the files that were read so far, as they lie on the disk.
    pub fn bytes_read(&self) -> u64 {
        let begun = self
            .next
            .saturating_sub(usize::from(self.entries.is_some()));
        let before: u64 = self.files.iter().take(begun).map(|(_, bytes)| bytes).sum();
        match self.entries {
            Some(_) => before + self.read.get(),
            None => before,
        }
    }

    fn next_entry(&mut self) -> Result<Option<Entry>, Error> {
        loop {
            if let Some(entries) = &mut self.entries {
                if let Some(entry) = entries.next() {
                    return entry.map(Some);
                }
                self.entries = None;
            }
            let Some((path, _)) = self.files.get(self.next) else {
                return Ok(None);
            };
            self.read.set(0);
            self.entries = Some(open(path, &self.options, &self.read)?);
            self.next += 1;
        }
    }
}

impl Iterator for Corpus {
    type Item = Result<Document, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        match self.next_entry() {
            Ok(None) => None,
            Ok(Some(Entry { name, source, text })) => {
                let number = self.documents;
                self.documents += 1;
                Some(Ok(Document {
                    number,
                    name,
                    source,
                    text,
                }))
            }
            Err(error) => {
                self.failed = true;
                Some(Err(error))
            }
        }
    }
}
