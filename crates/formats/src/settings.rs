//! Settings in a JSON file, checked by kind.

use serde_json::{Map, Value};

use crate::error::{Error, Result};

/// The largest size of anything: products of two stay far below 64 bits.
const LARGEST: usize = 1 << 30;

const SIZE: &str = "it must be a positive whole number";

/// The object in a JSON file. A setting that is null is none.
pub(crate) struct Settings<'a> {
    file: &'a str,
    root: Map<String, Value>,
}

impl<'a> Settings<'a> {
    pub(crate) fn parse(file: &'a str, json: &[u8]) -> Result<Self> {
        let root = serde_json::from_slice(json)
            .map_err(|e| Error::bad(file, format!("not a JSON object: {e}")))?;
        Ok(Self { file, root })
    }

    /// A setting that is there and not null.
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.root.get(name).filter(|value| !value.is_null())
    }

    /// The names of all settings at the top level.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.root.keys().map(String::as_str)
    }

    /// Refuses a setting that two names, or two objects, state differently.
    pub(crate) fn agree(&self, (name, value): (&str, &Value), other: (&str, &Value)) -> Result<()> {
        let (other_name, other) = other;
        let same = value == other || whole(value).is_some_and(|n| whole(other) == Some(n));
        if same {
            return Ok(());
        }
        let expected = format!(
            "`{other_name}` is {other}, and both mean the same setting: keep the right one"
        );
        Err(self.refused(name, value, &expected))
    }

    /// Takes what an inner object says where the outer one says nothing.
    pub(crate) fn lift(&mut self, inner: &str) {
        if let Some(Value::Object(inner)) = self.root.get(inner) {
            for (name, value) in inner.clone() {
                if self.get(&name).is_none() {
                    self.root.insert(name, value);
                }
            }
        }
    }

    pub(crate) fn flag(&self, name: &str) -> Result<Option<bool>> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Bool(value)) => Ok(Some(*value)),
            Some(other) => Err(self.refused(name, other, "it must be true or false")),
        }
    }

    pub(crate) fn text(&self, name: &str) -> Result<Option<String>> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(value)) => Ok(Some(value.clone())),
            Some(other) => Err(self.refused(name, other, "it must be a text")),
        }
    }

    /// A size that has to be there.
    pub(crate) fn size(&self, name: &str) -> Result<usize> {
        self.optional_size(name)?
            .ok_or_else(|| self.refused(name, self.missing(name), SIZE))
    }

    pub(crate) fn optional_size(&self, name: &str) -> Result<Option<usize>> {
        let Some(value) = self.get(name) else {
            return Ok(None);
        };
        whole(value)
            .and_then(|n| usize::try_from(n).ok())
            .filter(|n| (1..=LARGEST).contains(n))
            .map(Some)
            .ok_or_else(|| self.refused(name, value, SIZE))
    }

    /// Kind of absence of a setting: `missing`, or `null`.
    pub(crate) fn missing(&self, name: &str) -> String {
        let found = self.root.get(name);
        found.map_or_else(|| "missing".to_owned(), Value::to_string)
    }

    fn refused(&self, name: &str, found: impl ToString, expected: &str) -> Error {
        Error::field(self.file, name, found, expected)
    }
}

/// A whole number, however it was written: `16`, `16.0` or `"16"`. Scripts that build a configuration from command-line
/// arguments or tables write all three.
pub(crate) fn whole(value: &Value) -> Option<i64> {
    // Up to here an f64 holds every whole number.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match value {
        Value::Number(number) => number.as_i64().or_else(|| {
            let number = number.as_f64()?;
            (number.fract() == 0.0 && number.abs() <= EXACT).then_some(number as i64)
        }),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// A number, also where it was written as a text: `"0.5"`.
pub(crate) fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}
