//! What is wrong with a value, and where.

use std::fmt::{self, Display};

use serde::{de, ser};

/// What is wrong with a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// The field in which it lies, the innermost one; None for the value itself.
    pub field: Option<String>,
    /// What is wrong with it.
    pub message: String,
}

impl Error {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            field: None,
            message: message.into(),
        }
    }

    /// The same in a field, unless it lies in one of that.
    pub(crate) fn within(mut self, field: &str) -> Self {
        self.field.get_or_insert_with(|| field.to_owned());
        self
    }
}

impl Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.field {
            Some(field) => write!(f, "{field}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl std::error::Error for Error {}

impl ser::Error for Error {
    fn custom<T: Display>(message: T) -> Self {
        Self::new(message.to_string())
    }
}

impl de::Error for Error {
    fn custom<T: Display>(message: T) -> Self {
        Self::new(message.to_string())
    }

    fn unknown_variant(word: &str, accepted: &'static [&'static str]) -> Self {
        Self::new(format!(
            "it is \"{word}\"; it can be {}",
            listed(accepted, "or")
        ))
    }

    fn unknown_field(name: &str, accepted: &'static [&'static str]) -> Self {
        let there = match accepted {
            [] => "there are none".to_owned(),
            accepted => format!("there are {}", listed(accepted, "and")),
        };
        Self::new(format!("there is no such option; {there}")).within(name)
    }

    fn missing_field(name: &'static str) -> Self {
        Self::new("it is missing").within(name)
    }
}

/// `a, b or c`.
fn listed(words: &[&str], last: &str) -> String {
    match words {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [first @ .., end] => format!("{} {last} {end}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::de::Error as _;

    #[test]
    fn errors_name_the_innermost_field() {
        let error = Error::unknown_variant("maybe", &["auto", "yes", "no"]);
        let error = error.within("bos").within("options");
        assert_eq!(
            error.to_string(),
            "bos: it is \"maybe\"; it can be auto, yes or no"
        );
        let error = Error::unknown_field("boss", &["bos", "saes"]);
        assert_eq!(error.field.as_deref(), Some("boss"));
        assert_eq!(
            error.message,
            "there is no such option; there are bos and saes"
        );
    }
}
