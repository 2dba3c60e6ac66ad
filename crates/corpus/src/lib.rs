//! Documents out of files: text, JSON lines and Parquet, plain or compressed with gzip or zstd.
//!
//! Files are read as a stream: memory depends on the longest document, which [`Options::longest`] bounds, and not on a file's
//! length. [`read_text`] and [`read_records`] take any reader; [`Corpus`] opens files by their names, in native programs.

mod document;
mod error;
#[cfg(all(feature = "files", not(target_arch = "wasm32")))]
mod files;
mod lines;
#[cfg(all(feature = "files", not(target_arch = "wasm32")))]
mod open;
#[cfg(all(feature = "files", not(target_arch = "wasm32")))]
mod parquet;
mod records;
mod text;

pub use document::{Document, Entry, Options, numbered};
pub use error::{Error, Place};
#[cfg(all(feature = "files", not(target_arch = "wasm32")))]
pub use files::Corpus;
pub use lines::Input;
pub use records::read_records;
pub use text::{SEPARATOR, read_text};
