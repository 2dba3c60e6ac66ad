//! Documents of a text file.

use std::io::BufRead;

use crate::document::{Entry, Options};
use crate::error::{Error, Place};
use crate::lines::{Input, Lines, without_end};

/// The line between two documents.
pub const SEPARATOR: &str = "<|endoftext|>";

/// Bytes by which a document may be too long before its last line is known not to be a separator.
const SLACK: usize = SEPARATOR.len() + 4;

/// The documents of a text: separated by lines that hold exactly [`SEPARATOR`], without which the whole is one. The line break
/// before a separator belongs to it. Documents of nothing but white space are left out. Ends after an error.
///
/// # Errors
/// [`Error::TooLong`], [`Error::NotText`], [`Error::Truncated`], [`Error::Compressed`], [`Error::Read`]; [`Error::Empty`] where
/// there is no document at all.
pub fn read_text<R: BufRead>(
    input: Input<R>,
    options: &Options,
) -> impl Iterator<Item = Result<Entry, Error>> + use<R> {
    let mut documents = Documents {
        lines: Lines::new(input),
        longest: options.longest,
        found: 0,
        ended: false,
    };
    ending(move || documents.next())
}

/// An iterator that ends after an error.
pub(crate) fn ending(
    mut next: impl FnMut() -> Result<Option<Entry>, Error>,
) -> impl Iterator<Item = Result<Entry, Error>> {
    let mut ended = false;
    std::iter::from_fn(move || {
        if ended {
            return None;
        }
        let found = next();
        ended = !matches!(found, Ok(Some(_)));
        found.transpose()
    })
}

struct Documents<R> {
    lines: Lines<R>,
    longest: usize,
    found: u64,
    /// True after the last document.
    ended: bool,
}

impl<R: BufRead> Documents<R> {
    fn next(&mut self) -> Result<Option<Entry>, Error> {
        while !self.ended {
            let (line, offset) = (self.lines.next, self.lines.offset);
            let (bytes, separated) = self.read()?;
            self.ended = !separated;
            let text = String::from_utf8(bytes).map_err(|error| {
                let at = error.utf8_error().valid_up_to();
                let before = error.as_bytes().iter().take(at);
                let breaks = before.filter(|byte| **byte == b'\n').count();
                Error::NotText {
                    file: self.lines.input.file.clone(),
                    place: Place::Line(line + breaks as u64),
                    offset: offset + at as u64,
                }
            })?;
            if text.len() > self.longest {
                return Err(Error::TooLong {
                    file: self.lines.input.file.clone(),
                    place: Place::Line(line),
                    longest: self.longest,
                });
            }
            if text.trim().is_empty() {
                continue;
            }
            self.found += 1;
            let stem = self.lines.input.stem.clone();
            return Ok(Some(Entry {
                name: match (self.found, separated) {
                    (1, false) => stem.clone(),
                    (number, _) => format!("{stem} #{number}"),
                },
                source: stem,
                text,
            }));
        }
        if self.found == 0 {
            return Err(Error::Empty {
                file: self.lines.input.file.clone(),
            });
        }
        Ok(None)
    }

    /// An error with the limit that people know.
    fn without_slack(&self, error: Error) -> Error {
        match error {
            Error::TooLong { file, place, .. } => Error::TooLong {
                file,
                place,
                longest: self.longest,
            },
            other => other,
        }
    }

    /// The bytes of the next document, and whether a separator follows.
    fn read(&mut self) -> Result<(Vec<u8>, bool), Error> {
        let first = self.lines.next;
        let mut bytes = Vec::new();
        loop {
            let start = bytes.len();
            let most = self.longest.saturating_add(SLACK);
            let read = self.lines.read(&mut bytes, most, first);
            if !read.map_err(|error| self.without_slack(error))? {
                return Ok((bytes, false));
            }
            let line = bytes.get(start..).unwrap_or_default();
            if without_end(line) == SEPARATOR.as_bytes() {
                bytes.truncate(start);
                let length = without_end(&bytes).len();
                bytes.truncate(length);
                return Ok((bytes, true));
            }
        }
    }
}
