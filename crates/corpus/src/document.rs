//! Documents, and what is to be known of a file to read them.

use crate::error::Error;

/// A document of a corpus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Its number in the corpus, from 0: through all files, in their order.
    pub number: u64,
    /// Its name for people: a record's title or id, else its file's stem with its number in the file.
    pub name: String,
    /// Its source: a record's, else its file's stem.
    pub source: String,
    /// Its text; not only white space.
    pub text: String,
}

/// A document before it has its number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// As [`Document::name`].
    pub name: String,
    /// As [`Document::source`].
    pub source: String,
    /// As [`Document::text`].
    pub text: String,
}

/// Options of reading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The field of a record, or the column of a table, that holds the text.
    pub text_field: String,
    /// Bytes of the longest document, and of the longest line of JSON lines. A longer one is an error, because a document is
    /// in memory as a whole.
    pub longest: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            text_field: "text".to_owned(),
            longest: 64 << 20,
        }
    }
}

/// Entries with their numbers, beginning with `first`.
pub fn numbered(
    entries: impl Iterator<Item = Result<Entry, Error>>,
    first: u64,
) -> impl Iterator<Item = Result<Document, Error>> {
    (first..).zip(entries).map(|(number, entry)| {
        let Entry { name, source, text } = entry?;
        Ok(Document {
            number,
            name,
            source,
            text,
        })
    })
}
