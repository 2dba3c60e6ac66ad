//! The report on a file or a folder.

use std::fmt;

use formats::tensors::Entry;
use serde::Serialize;
use serde::ser::{SerializeMap as _, Serializer};
use serde_json::Value;

use crate::error::Error;
use crate::notices::printable;

/// The kind of a file or a folder.
#[derive(Debug, Serialize)]
pub struct Report {
    path: String,
    kind: &'static str,
    #[serde(serialize_with = "as_object")]
    facts: Vec<(&'static str, Value)>,
    tensors: Vec<Tensor>,
    /// Assumptions, and what looks wrong without being certain.
    notices: Vec<String>,
    /// Its faults.
    pub problems: Vec<Problem>,
}

#[derive(Debug, Serialize)]
struct Tensor {
    name: String,
    dtype: String,
    shape: Vec<usize>,
}

/// Something that keeps it from being used.
#[derive(Debug, Serialize)]
pub struct Problem {
    code: &'static str,
    message: String,
}

impl Report {
    /// A report of which nothing is known yet but the kind.
    pub fn new(name: String, kind: &'static str) -> Self {
        Self {
            path: name,
            kind,
            facts: Vec::new(),
            tensors: Vec::new(),
            notices: Vec::new(),
            problems: Vec::new(),
        }
    }

    /// Adds a fact; null is shown as `not stated`.
    pub fn fact(&mut self, name: &'static str, value: impl Into<Value>) {
        self.facts.push((name, value.into()));
    }

    /// Adds tensors, and how many elements they have together.
    pub fn tensors(&mut self, entries: Vec<Entry>) {
        // A damaged file may state any shape.
        let size = |shape: &[usize]| {
            let sizes = shape.iter().map(|&n| n as u64);
            sizes.fold(1, u64::saturating_mul)
        };
        let sizes = entries.iter().map(|entry| size(&entry.shape));
        self.fact("elements", sizes.fold(0, u64::saturating_add));
        self.tensors = entries
            .into_iter()
            .map(|Entry { name, dtype, shape }| Tensor { name, dtype, shape })
            .collect();
    }

    /// Adds sentences for whoever uses it.
    pub fn notice(&mut self, sentences: impl IntoIterator<Item = String>) {
        self.notices.extend(sentences);
    }

    /// A result's value; an error becomes a problem.
    pub fn keep<T>(&mut self, result: Result<T, Error>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                self.problems.push(Problem {
                    code: error.code(),
                    message: error.to_string(),
                });
                None
            }
        }
    }
}

fn as_object<S: Serializer>(
    facts: &[(&'static str, Value)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(facts.len()))?;
    for (name, value) in facts {
        map.serialize_entry(&name.replace(' ', "_"), value)?;
    }
    map.end()
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {}", printable(&self.path), self.kind)?;
        let width = self.facts.iter().map(|(name, _)| name.len()).max();
        let width = width.unwrap_or(0);
        for (name, value) in &self.facts {
            let value = match value {
                Value::Null => "not stated".to_owned(),
                Value::Bool(true) => "yes".to_owned(),
                Value::Bool(false) => "no".to_owned(),
                Value::String(text) => printable(text),
                other => other.to_string(),
            };
            writeln!(f, "  {name:<width$}  {value}")?;
        }
        if !self.tensors.is_empty() {
            writeln!(f, "tensors")?;
        }
        let names: Vec<String> = self.tensors.iter().map(|t| printable(&t.name)).collect();
        let width = names.iter().map(|name| name.chars().count()).max();
        let width = width.unwrap_or(0);
        for (name, tensor) in names.iter().zip(&self.tensors) {
            writeln!(
                f,
                "  {name:<width$}  {:<4}  {:?}",
                tensor.dtype, tensor.shape
            )?;
        }
        if !self.notices.is_empty() {
            writeln!(f, "notices")?;
        }
        for notice in &self.notices {
            writeln!(f, "  {}", printable(notice))?;
        }
        if self.problems.is_empty() {
            return writeln!(f, "no problems");
        }
        writeln!(f, "problems")?;
        for Problem { code, message } in &self.problems {
            writeln!(f, "  {code}: {}", printable(message))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_may_be_anything() {
        let mut report = Report::new("x.pt".to_owned(), "a file");
        report.tensors(vec![Entry {
            name: "w".to_owned(),
            dtype: "F32".to_owned(),
            shape: vec![usize::MAX, usize::MAX],
        }]);
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!(json["facts"]["elements"], u64::MAX);
    }

    #[test]
    fn terminals_are_safe_from_what_files_say() {
        let mut report = Report::new("a\u{1b}[2J".to_owned(), "a file");
        report.fact("hook", "x\r\n");
        report.fact("k", Value::Null);
        let text = report.to_string();
        assert_eq!(
            text,
            "a\\u{1b}[2J: a file\n  hook  x\\r\\n\n  k     not stated\nno problems\n"
        );
    }
}
