//! Errors of reading a corpus: each names the file, and the place in it where it was noticed.

use std::fmt;
use std::io;

use thiserror::Error as ThisError;

/// A place in a file after decompression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// A line, from 1.
    Line(u64),
    /// A row of a table, from 1.
    Row(u64),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => write!(f, "line {line}"),
            Self::Row(row) => write!(f, "row {row}"),
        }
    }
}

/// Errors of reading a corpus.
#[derive(Debug, ThisError)]
#[non_exhaustive]
pub enum Error {
    /// A file that cannot be opened or read.
    #[error("{file} cannot be read: {source}")]
    Read {
        /// The file.
        file: String,
        /// Why.
        source: io::Error,
    },
    /// A folder in the place of a file.
    #[error("{file} is a folder; name the files in it, as in {file}/*.jsonl.zst")]
    Folder {
        /// The folder.
        file: String,
    },
    /// A file of which the name does not say what it is.
    #[error(
        "{file} is not known by its name: a corpus is read from .txt, .jsonl and .parquet, and from .txt and .jsonl compressed as .gz or .zst"
    )]
    UnknownKind {
        /// The file.
        file: String,
    },
    /// A file that only native programs read.
    #[error(
        "{file} cannot be read in a browser, which reads .txt and .jsonl, plain or as .gz: convert it, or scan it with the command line program"
    )]
    NativeOnly {
        /// The file.
        file: String,
    },
    /// A compressed Parquet file.
    #[error(
        "{file} is compressed as a whole, and Parquet is read from its end: decompress it first; its columns are compressed already"
    )]
    CompressedTable {
        /// The file.
        file: String,
    },
    /// A file without a document.
    #[error("{file} holds no document: it is empty, or has nothing but white space; leave it out")]
    Empty {
        /// The file.
        file: String,
    },
    /// A document that is too long.
    #[error(
        "{file}, {place}: the document is longer than {longest} bytes; divide it, or separate documents in a text by lines of <|endoftext|>"
    )]
    TooLong {
        /// The file.
        file: String,
        /// Where it begins.
        place: Place,
        /// Bytes that it may have.
        longest: usize,
    },
    /// A text that is not UTF-8.
    #[error("{file}, {place}: byte {offset} is not UTF-8 text; convert the file first")]
    NotText {
        /// The file.
        file: String,
        /// Where the byte is.
        place: Place,
        /// Offset in the file after decompression, or in the value of a table's row, from 0.
        offset: u64,
    },
    /// A compressed file that ends too early.
    #[error(
        "{file} ends in the middle, after {offset} bytes of decompressed content: the file is not whole; copy or download it again"
    )]
    Truncated {
        /// The file.
        file: String,
        /// Bytes that could be decompressed.
        offset: u64,
    },
    /// A compressed file that is damaged or is not what its name says.
    #[error("{file} cannot be decompressed after {offset} bytes of content: {why}")]
    Compressed {
        /// The file.
        file: String,
        /// Bytes that could be decompressed.
        offset: u64,
        /// Why.
        why: String,
    },
    /// A record that is not as it should be.
    #[error("{file}, {place}: {why}")]
    Record {
        /// The file.
        file: String,
        /// Where it is.
        place: Place,
        /// What is wrong with it.
        why: String,
    },
    /// A table without the column of the text.
    #[error(
        "{file} has no column of text called {column:?}; its columns are {columns}: name one with --text-field"
    )]
    NoColumn {
        /// The file.
        file: String,
        /// The column that was looked for.
        column: String,
        /// Those that are there.
        columns: String,
    },
    /// A Parquet file that is damaged.
    #[error("{file} cannot be read as Parquet: {why}")]
    Table {
        /// The file.
        file: String,
        /// Why.
        why: String,
    },
}
