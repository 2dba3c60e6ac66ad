//! Reading of JSON with errors that name the field, and checks of numbers.

use std::fmt;

use serde::Deserializer;
use serde::de::{DeserializeOwned, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::error::Category;

use crate::error::Error;

/// Bytes that a file may have. SAEDashboard's batches of 128 features have some 20 MB.
pub const MOST_BYTES: usize = 256 << 20;

/// Parses a file.
pub fn parse<T: DeserializeOwned>(file: &str, bytes: &[u8]) -> Result<T, Error> {
    if bytes.len() > MOST_BYTES {
        return Err(Error::TooLarge {
            file: file.to_owned(),
            bytes: bytes.len(),
            most: MOST_BYTES,
        });
    }
    let mut parser = serde_json::Deserializer::from_slice(bytes);
    let parsed = serde_path_to_error::deserialize(&mut parser).map_err(|error| {
        let (field, inner) = (error.path().to_string(), error.into_inner());
        match inner.classify() {
            Category::Data => Error::Field {
                file: file.to_owned(),
                field,
                why: format!("cannot be read: {inner}"),
            },
            _ => not_json(file, &inner),
        }
    })?;
    parser.end().map_err(|error| not_json(file, &error))?;
    Ok(parsed)
}

fn not_json(file: &str, error: &serde_json::Error) -> Error {
    Error::NotJson {
        file: file.to_owned(),
        why: error.to_string(),
    }
}

/// A place in a file, for errors.
#[derive(Debug, Clone)]
pub struct At<'a> {
    file: &'a str,
    field: String,
}

impl<'a> At<'a> {
    /// The beginning of a file.
    pub fn new(file: &'a str) -> Self {
        Self {
            file,
            field: String::new(),
        }
    }

    /// A field of this place.
    pub fn field(&self, name: &str) -> Self {
        let dot = if self.field.is_empty() { "" } else { "." };
        Self {
            file: self.file,
            field: format!("{}{dot}{name}", self.field),
        }
    }

    /// An entry of this place.
    pub fn entry(&self, index: usize) -> Self {
        Self {
            file: self.file,
            field: format!("{}[{index}]", self.field),
        }
    }

    /// The error that the value here is not what it must be.
    pub fn error(&self, why: impl Into<String>) -> Error {
        Error::Field {
            file: self.file.to_owned(),
            field: self.field.clone(),
            why: why.into(),
        }
    }

    /// A number in the range of f32.
    pub fn number(&self, value: f64) -> Result<f32, Error> {
        let number = value as f32;
        if number.is_finite() {
            Ok(number)
        } else {
            Err(self.error(format!(
                "is {value}, which is too large for an activation or an effect"
            )))
        }
    }

    /// A share, from 0 to 1.
    pub fn share(&self, value: f64) -> Result<f64, Error> {
        if (0.0..=1.0).contains(&value) {
            Ok(value)
        } else {
            Err(self.error(format!("is {value}; a share lies between 0 and 1")))
        }
    }

    /// A count that was written as a number of any kind.
    pub fn count(&self, value: f64) -> Result<u64, Error> {
        const MOST: f64 = (1u64 << 53) as f64;
        if value.fract() == 0.0 && (0.0..=MOST).contains(&value) {
            Ok(value as u64)
        } else {
            Err(self.error(format!("is {value}, which is no count")))
        }
    }

    /// Checks that two lists belong together.
    pub fn same_length(&self, length: usize, other: &str, expected: usize) -> Result<(), Error> {
        if length == expected {
            Ok(())
        } else {
            Err(self.error(format!("has {length} entries, and {other} has {expected}")))
        }
    }
}

/// Names of the fields of an object, or of the first object of a list; what they hold is skipped.
pub struct Fields(Vec<String>);

impl Fields {
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|field| field == name)
    }
}

impl<'de> serde::Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or a list of objects")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
        let mut names = Vec::new();
        while let Some((name, IgnoredAny)) = map.next_entry::<String, IgnoredAny>()? {
            names.push(name);
        }
        Ok(Fields(names))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Fields, A::Error> {
        let first = list.next_element::<Object>()?;
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Fields(first.map_or_else(Vec::new, |first| first.0)))
    }
}

/// As [`Fields`], without lists, so that nothing recurses.
struct Object(Vec<String>);

impl<'de> serde::Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fields = deserializer.deserialize_map(FieldsVisitor)?;
        Ok(Self(fields.0))
    }
}
