//! Documents of JSON lines.

use std::fmt;
use std::io::BufRead;

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};

use crate::document::{Entry, Options};
use crate::error::{Error, Place};
use crate::lines::{Input, Lines, without_end};
use crate::text::ending;

/// The documents of JSON lines: one object per line, with the text in [`Options::text_field`]. `source` is its source where
/// it is a text, `title` or else `id` its name. Lines without anything, and records whose text is nothing but white space, are
/// left out. Ends after an error.
///
/// # Errors
/// [`Error::Record`] for a line that is not such an object; [`Error::TooLong`], [`Error::NotText`], [`Error::Truncated`],
/// [`Error::Compressed`], [`Error::Read`]; [`Error::Empty`] where there is no document at all.
pub fn read_records<R: BufRead>(
    input: Input<R>,
    options: &Options,
) -> impl Iterator<Item = Result<Entry, Error>> + use<R> {
    let mut records = Records {
        lines: Lines::new(input),
        line: Vec::new(),
        options: options.clone(),
        any: false,
    };
    ending(move || records.next())
}

struct Records<R> {
    lines: Lines<R>,
    line: Vec<u8>,
    options: Options,
    any: bool,
}

impl<R: BufRead> Records<R> {
    fn next(&mut self) -> Result<Option<Entry>, Error> {
        loop {
            let (number, offset) = (self.lines.next, self.lines.offset);
            self.line.clear();
            let longest = self.options.longest;
            if !self.lines.read(&mut self.line, longest, number)? {
                return match self.any {
                    true => Ok(None),
                    false => Err(Error::Empty {
                        file: self.lines.input.file.clone(),
                    }),
                };
            }
            let file = &self.lines.input.file;
            let text = str::from_utf8(without_end(&self.line)).map_err(|error| Error::NotText {
                file: file.clone(),
                place: Place::Line(number),
                offset: offset + error.valid_up_to() as u64,
            })?;
            if text.trim().is_empty() {
                continue;
            }
            let refused = |why: String| Error::Record {
                file: file.clone(),
                place: Place::Line(number),
                why,
            };
            let mut json = serde_json::Deserializer::from_str(text);
            let fields = Fields {
                text_field: &self.options.text_field,
            };
            let record = fields
                .deserialize(&mut json)
                .and_then(|record| json.end().map(|()| record))
                .map_err(|error| refused(said(&error)))?;
            let text = record.text.ok_or_else(|| {
                let field = &self.options.text_field;
                let there = record.others.join(", ");
                refused(format!(
                    "the record has no field {field:?}; its fields are {there}: name the one with the text with --text-field"
                ))
            })?;
            if text.trim().is_empty() {
                continue;
            }
            self.any = true;
            let stem = &self.lines.input.stem;
            let name = record.title.or(record.id);
            return Ok(Some(Entry {
                name: name.unwrap_or_else(|| format!("{stem} #{number}")),
                source: record.source.unwrap_or_else(|| stem.clone()),
                text,
            }));
        }
    }
}

/// What is wrong with a line, where it is known already which one it is.
fn said(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let end = text.rfind(" at line ").unwrap_or(text.len());
    let what = text.get(..end).unwrap_or_default();
    match error.is_data() {
        true => what.to_owned(),
        false => format!(
            "this is not a JSON object on one line ({what} at column {})",
            error.column()
        ),
    }
}

/// What is needed of a record.
#[derive(Default)]
struct Record {
    text: Option<String>,
    source: Option<String>,
    title: Option<String>,
    id: Option<String>,
    /// Names of the fields, where the text is missing.
    others: Vec<String>,
}

/// Names that a message lists.
const LISTED: usize = 12;

/// Reads a record without keeping what is not needed.
struct Fields<'a> {
    text_field: &'a str,
}

impl<'de> DeserializeSeed<'de> for Fields<'_> {
    type Value = Record;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Record, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Fields<'_> {
    type Value = Record;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Record, M::Error> {
        let mut record = Record::default();
        while let Some(key) = map.next_key::<String>()? {
            if key == self.text_field {
                let Scalar::Text(text) = map.next_value()? else {
                    let what = format!("the field {key:?} of the record is not a text");
                    return Err(M::Error::custom(what));
                };
                record.text = Some(text);
                continue;
            }
            match key.as_str() {
                "source" => record.source = map.next_value::<Scalar>()?.name(),
                "title" => record.title = map.next_value::<Scalar>()?.name(),
                "id" => record.id = map.next_value::<Scalar>()?.name(),
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
            if record.others.len() < LISTED {
                record.others.push(key);
            }
        }
        Ok(record)
    }
}

/// A value, as far as it can be a text or a name.
enum Scalar {
    Text(String),
    Number(String),
    Other,
}

impl Scalar {
    fn name(self) -> Option<String> {
        match self {
            Self::Text(name) | Self::Number(name) => Some(name).filter(|n| !n.trim().is_empty()),
            Self::Other => None,
        }
    }
}

impl<'de> serde::Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarVisitor)
    }
}

struct ScalarVisitor;

impl<'de> Visitor<'de> for ScalarVisitor {
    type Value = Scalar;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_str<E>(self, value: &str) -> Result<Scalar, E> {
        Ok(Scalar::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Scalar, E> {
        Ok(Scalar::Text(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Scalar, E> {
        Ok(Scalar::Number(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Scalar, E> {
        Ok(Scalar::Number(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Scalar, E> {
        Ok(Scalar::Number(value.to_string()))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Scalar, E> {
        Ok(Scalar::Other)
    }

    fn visit_unit<E>(self) -> Result<Scalar, E> {
        Ok(Scalar::Other)
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<Scalar, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Scalar::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Scalar, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Scalar::Other)
    }
}
