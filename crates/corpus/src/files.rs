//! A corpus of several files.

use std::cell::Cell;
use std::io::Read;
use std::rc::Rc;

use crate::document::{Document, Entry, Options};
use crate::error::Error;
use crate::open::{Entries, check_named, open_stream};

/// Opens a file by its index; see [`crate::open`].
pub(crate) type Open = Box<dyn Fn(usize, &Options, &Rc<Cell<u64>>) -> Result<Entries, Error>>;

/// The documents of some files, one file after the other.
pub struct Corpus {
    /// Names without folders, and lengths in bytes.
    files: Vec<(String, u64)>,
    options: Options,
    open: Open,
    /// The next file to open.
    next: usize,
    entries: Option<Entries>,
    documents: u64,
    read: Rc<Cell<u64>>,
    failed: bool,
}

impl Corpus {
    /// Looks at all names before any file is read, so that a wrong one is noticed at once. `reader` opens the files by their index; `files` are their names without folders, and their lengths in bytes.
    ///
    /// # Errors
    /// [`Error::UnknownKind`], [`Error::CompressedTable`], [`Error::NativeOnly`], [`Error::Empty`].
    pub fn of_readers<R: Read + 'static>(
        files: Vec<(String, u64)>,
        options: Options,
        reader: impl Fn(usize) -> R + 'static,
    ) -> Result<Self, Error> {
        for (name, bytes) in &files {
            check_named(name, name, *bytes)?;
        }
        let names: Vec<String> = files.iter().map(|(name, _)| name.clone()).collect();
        let opened = move |index: usize, options: &Options, read: &Rc<Cell<u64>>| {
            let name = names.get(index).cloned().unwrap_or_default();
            open_stream((name.clone(), &name), reader(index), options, read)
        };
        Ok(Self::new(files, options, Box::new(opened)))
    }

    pub(crate) fn new(files: Vec<(String, u64)>, options: Options, open: Open) -> Self {
        Self {
            files,
            options,
            open,
            next: 0,
            entries: None,
            documents: 0,
            read: Rc::default(),
            failed: false,
        }
    }

    /// The files' names without folders, and their lengths in bytes.
    pub fn files(&self) -> &[(String, u64)] {
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
            if self.next == self.files.len() {
                return Ok(None);
            }
            self.read.set(0);
            self.entries = Some((self.open)(self.next, &self.options, &self.read)?);
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
