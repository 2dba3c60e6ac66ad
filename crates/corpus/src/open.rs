//! Entries of one file, by its name.

use std::cell::Cell;
use std::io::{self, BufReader, Read};
use std::rc::Rc;

use flate2::read::MultiGzDecoder;

use crate::document::{Entry, Options};
use crate::error::Error;
use crate::kind::{Compression, Content, kind};
use crate::lines::Input;
use crate::records::read_records;
use crate::text::read_text;

/// Bytes that are decompressed at a time.
const BUFFER: usize = 1 << 16;

/// The entries of a file.
pub(crate) type Entries = Box<dyn Iterator<Item = Result<Entry, Error>>>;

/// Refuses a file that cannot be a part of a corpus, by its name and length.
///
/// # Errors
/// As [`kind`]; [`Error::Empty`].
pub(crate) fn check_named(file: &str, name: &str, bytes: u64) -> Result<(), Error> {
    kind(file, name)?;
    if bytes == 0 {
        let file = file.to_owned();
        return Err(Error::Empty { file });
    }
    Ok(())
}

/// The entries of a file that is read from its beginning to its end. `named` is its name in messages, and its name without folders.
///
/// # Errors
/// As [`kind`]; [`Error::NativeOnly`] for a table, [`Error::Read`].
pub(crate) fn open_stream(
    (file, name): (String, &str),
    content: impl Read + 'static,
    options: &Options,
    read: &Rc<Cell<u64>>,
) -> Result<Entries, Error> {
    let kind = kind(&file, name)?;
    let counted = Counted {
        reader: content,
        read: read.clone(),
    };
    let content: Box<dyn Read> = match kind.compression {
        None => Box::new(counted),
        Some(Compression::Gzip) => Box::new(MultiGzDecoder::new(BufReader::new(counted))),
        #[cfg(all(feature = "files", not(target_arch = "wasm32")))]
        Some(Compression::Zstd) => {
            let decoder = zstd::stream::read::Decoder::new(counted);
            Box::new(decoder.map_err(|source| Error::Read {
                file: file.clone(),
                source,
            })?)
        }
        #[cfg(any(not(feature = "files"), target_arch = "wasm32"))]
        Some(Compression::Zstd) => return Err(Error::NativeOnly { file }),
    };
    let input = Input {
        reader: BufReader::with_capacity(BUFFER, content),
        file,
        stem: kind.stem.to_owned(),
        compressed: kind.compression.is_some(),
    };
    Ok(match kind.content {
        Content::Records => Box::new(read_records(input, options)),
        Content::Text => Box::new(read_text(input, options)),
        Content::Table => return Err(Error::NativeOnly { file: input.file }),
    })
}

/// A reader that tells how far it is.
struct Counted<R> {
    reader: R,
    read: Rc<Cell<u64>>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(into)?;
        self.read.set(self.read.get() + count as u64);
        Ok(count)
    }
}
