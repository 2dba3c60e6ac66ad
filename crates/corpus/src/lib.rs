//! Documents out of files: text, JSON lines and Parquet, plain or compressed with gzip or zstd.
//!
//! Files are read as a stream: memory depends on the longest document, which [`Options::longest`] bounds, and not on a file's
//! length. [`read_text`] and [`read_records`] take any reader, and so does [`Corpus::of_readers`]. [`Corpus::open`] opens files by their
//! names, in native programs, which alone read Parquet and zstd.

mod document;
mod error;
mod files;
mod kind;
mod lines;
mod open;
#[cfg(all(feature = "files", not(target_arch = "wasm32")))]
mod parquet;
#[cfg(all(feature = "files", not(target_arch = "wasm32")))]
mod paths;
mod records;
mod text;

pub use document::{Document, Entry, Options, numbered};
pub use error::{Error, Place};
pub use files::Corpus;
pub use lines::Input;
pub use records::read_records;
pub use text::{SEPARATOR, read_text};
