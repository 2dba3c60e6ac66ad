//! Opening of a corpus's files by their names.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;
use std::rc::Rc;

use flate2::read::MultiGzDecoder;

use crate::document::{Entry, Options};
use crate::error::Error;
use crate::lines::Input;
use crate::parquet::read_table;
use crate::records::read_records;
use crate::text::read_text;

/// Bytes that are decompressed at a time.
const BUFFER: usize = 1 << 16;

/// The entries of a file.
pub(crate) type Entries = Box<dyn Iterator<Item = Result<Entry, Error>>>;

enum Kind {
    Text,
    Records,
    Table,
}

enum Compression {
    Gzip,
    Zstd,
}

/// A file's kind and compression by its name, and its stem.
fn kind(name: &str) -> Option<(&str, Kind, Option<Compression>)> {
    let (rest, compression) = match name.rsplit_once('.') {
        Some((rest, ending)) => match ending.to_ascii_lowercase().as_str() {
            "gz" => (rest, Some(Compression::Gzip)),
            "zst" | "zstd" => (rest, Some(Compression::Zstd)),
            _ => (name, None),
        },
        None => (name, None),
    };
    let (stem, ending) = rest.rsplit_once('.')?;
    let kind = match ending.to_ascii_lowercase().as_str() {
        "txt" => Kind::Text,
        "jsonl" | "ndjson" => Kind::Records,
        "parquet" => Kind::Table,
        _ => return None,
    };
    let stem = if stem.is_empty() { rest } else { stem };
    Some((stem, kind, compression))
}

/// The length of a file that can be a part of a corpus.
///
/// # Errors
/// [`Error::UnknownKind`], [`Error::CompressedTable`], [`Error::Folder`], [`Error::Read`], [`Error::Empty`].
pub(crate) fn check(path: &Path) -> Result<u64, Error> {
    let file = path.display().to_string();
    let metadata = std::fs::metadata(path).map_err(|source| Error::Read {
        file: file.clone(),
        source,
    })?;
    if metadata.is_dir() {
        return Err(Error::Folder { file });
    }
    match kind(&name(path)) {
        None => return Err(Error::UnknownKind { file }),
        Some((_, Kind::Table, Some(_))) => return Err(Error::CompressedTable { file }),
        Some(_) => {}
    }
    if metadata.len() == 0 {
        return Err(Error::Empty { file });
    }
    Ok(metadata.len())
}

fn name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// The entries of a file. `read` receives the number of the file's own bytes that were read.
///
/// # Errors
/// As [`check`]; [`Error::Table`], [`Error::NoColumn`].
pub(crate) fn open(path: &Path, options: &Options, read: &Rc<Cell<u64>>) -> Result<Entries, Error> {
    check(path)?;
    let file = path.display().to_string();
    let opened = File::open(path).map_err(|source| Error::Read {
        file: file.clone(),
        source,
    })?;
    let name = name(path);
    let Some((stem, kind, compression)) = kind(&name) else {
        return Err(Error::UnknownKind { file });
    };
    let stem = stem.to_owned();
    if let Kind::Table = kind {
        let entries = read_table(opened, (file, stem), options, read.clone())?;
        return Ok(Box::new(entries));
    }
    let counted = Counted {
        reader: opened,
        read: read.clone(),
    };
    let compressed = compression.is_some();
    let content: Box<dyn Read> = match compression {
        None => Box::new(counted),
        Some(Compression::Gzip) => Box::new(MultiGzDecoder::new(BufReader::new(counted))),
        Some(Compression::Zstd) => {
            let decoder = zstd::stream::read::Decoder::new(counted);
            Box::new(decoder.map_err(|source| Error::Read {
                file: file.clone(),
                source,
            })?)
        }
    };
    let input = Input {
        reader: BufReader::with_capacity(BUFFER, content),
        file,
        stem,
        compressed,
    };
    Ok(match kind {
        Kind::Records => Box::new(read_records(input, options)),
        Kind::Text | Kind::Table => Box::new(read_text(input, options)),
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
