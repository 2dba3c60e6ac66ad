//! What is wrong with a value, and where.

use std::fmt::{self, Display};

use serde::{de, ser};

/// What is wrong with a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// The field in which it lies, the innermost one; None for the value itself.
    pub field: Option<&'static str>,
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
    pub(crate) fn within(mut self, field: &'static str) -> Self {
        self.field.get_or_insert(field);
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

    fn missing_field(name: &'static str) -> Self {
        Self::new("it is missing").within(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::de::Error as _;

    #[test]
    fn errors_name_the_innermost_field() {
        let error = Error::missing_field("fvu").within("metrics");
        assert_eq!(error.to_string(), "fvu: it is missing");
        let error = Error::custom("it must be a list").within("saes");
        assert_eq!(error.to_string(), "saes: it must be a list");
    }
}
