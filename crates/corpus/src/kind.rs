//! What a file of a corpus is, by its name.

use crate::error::Error;

/// What a file holds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    Text,
    Records,
    Table,
}

/// What a file is compressed with.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compression {
    Gzip,
    Zstd,
}

/// What a file is.
pub(crate) struct Kind<'a> {
    /// Its name without the endings.
    pub stem: &'a str,
    pub content: Content,
    pub compression: Option<Compression>,
}

/// A file's kind by its name, which is without folders.
fn by_name(name: &str) -> Option<Kind<'_>> {
    let (rest, compression) = match name.rsplit_once('.') {
        Some((rest, ending)) => match ending.to_ascii_lowercase().as_str() {
            "gz" => (rest, Some(Compression::Gzip)),
            "zst" | "zstd" => (rest, Some(Compression::Zstd)),
            _ => (name, None),
        },
        None => (name, None),
    };
    let (stem, ending) = rest.rsplit_once('.')?;
    let content = match ending.to_ascii_lowercase().as_str() {
        "txt" => Content::Text,
        "jsonl" | "ndjson" => Content::Records,
        "parquet" => Content::Table,
        _ => return None,
    };
    Some(Kind {
        stem: if stem.is_empty() { rest } else { stem },
        content,
        compression,
    })
}

/// The kind of a file that can be read here. `file` is its name in messages.
///
/// # Errors
/// [`Error::UnknownKind`], [`Error::CompressedTable`], [`Error::NativeOnly`].
pub(crate) fn kind<'a>(file: &str, name: &'a str) -> Result<Kind<'a>, Error> {
    let file = || file.to_owned();
    let Some(kind) = by_name(name) else {
        return Err(Error::UnknownKind { file: file() });
    };
    let is_table = kind.content == Content::Table;
    if is_table && kind.compression.is_some() {
        return Err(Error::CompressedTable { file: file() });
    }
    let only_native = is_table || kind.compression == Some(Compression::Zstd);
    if only_native && cfg!(any(not(feature = "files"), target_arch = "wasm32")) {
        return Err(Error::NativeOnly { file: file() });
    }
    Ok(kind)
}
