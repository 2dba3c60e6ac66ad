//! Lines of bounded length out of a reader, with their numbers and offsets.

use std::io::{self, BufRead};

use crate::error::{Error, Place};

/// A reader with what messages and documents need of its file.
pub struct Input<R> {
    /// The content, decompressed.
    pub reader: R,
    /// The file's name in messages.
    pub file: String,
    /// The file's name without folder and endings, for documents.
    pub stem: String,
    /// True if the reader decompresses.
    pub compressed: bool,
}

/// The lines of an input.
pub(crate) struct Lines<R> {
    pub(crate) input: Input<R>,
    /// Number of the next line, from 1.
    pub(crate) next: u64,
    /// Offset of the next line.
    pub(crate) offset: u64,
}

/// The mark with which some editors begin UTF-8.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

impl<R: BufRead> Lines<R> {
    pub(crate) fn new(input: Input<R>) -> Self {
        Self {
            input,
            next: 1,
            offset: 0,
        }
    }

    /// Appends the next line with its end, which the last may lack; false where there is none. `first` is the line that an
    /// error names.
    ///
    /// # Errors
    /// [`Error::TooLong`] where `into` is longer than `longest` then; [`Error::Truncated`], [`Error::Compressed`],
    /// [`Error::Read`].
    pub(crate) fn read(
        &mut self,
        into: &mut Vec<u8>,
        longest: usize,
        first: u64,
    ) -> Result<bool, Error> {
        let start = into.len();
        loop {
            let available = match self.input.reader.fill_buf() {
                Ok(available) => available,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(self.refused(error)),
            };
            let end = memchr::memchr(b'\n', available).map(|at| at + 1);
            let taken = end.unwrap_or(available.len());
            into.extend_from_slice(available.get(..taken).unwrap_or_default());
            self.input.reader.consume(taken);
            self.offset += taken as u64;
            if into.len() > longest {
                return Err(Error::TooLong {
                    file: self.input.file.clone(),
                    place: Place::Line(first),
                    longest,
                });
            }
            if end.is_some() || taken == 0 {
                break;
            }
        }
        let found = into.len() > start;
        if found && self.next == 1 && into[start..].starts_with(BYTE_ORDER_MARK) {
            into.drain(start..start + BYTE_ORDER_MARK.len());
        }
        self.next += u64::from(found);
        Ok(found)
    }

    fn refused(&self, source: io::Error) -> Error {
        let file = self.input.file.clone();
        let offset = self.offset;
        let of_system = source.raw_os_error().is_some();
        match source.kind() {
            io::ErrorKind::UnexpectedEof => Error::Truncated { file, offset },
            _ if self.input.compressed && !of_system => Error::Compressed {
                file,
                offset,
                why: source.to_string(),
            },
            _ => Error::Read { file, source },
        }
    }
}

/// A line without its end.
pub(crate) fn without_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}
