//! What is wrong with a value.

use std::fmt::{self, Display};

use serde::{de, ser};

/// What is wrong with a value, and in which of its fields, the innermost one. In fixed words: the page says only that it could not read
/// an answer, and what would print numbers and names into a sentence is a part of what everyone downloads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Error {
    field: Option<&'static str>,
    message: &'static str,
}

impl Error {
    pub(crate) const fn new(message: &'static str) -> Self {
        Self {
            field: None,
            message,
        }
    }

    /// The same in a field, unless it lies in one of that.
    #[inline(never)]
    pub(crate) fn within(mut self, field: &'static str) -> Self {
        self.field.get_or_insert(field);
        self
    }
}

impl Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.field {
            Some(field) => write!(f, "{field}: {}", self.message),
            None => f.write_str(self.message),
        }
    }
}

impl std::error::Error for Error {}

impl ser::Error for Error {
    fn custom<T: Display>(_: T) -> Self {
        Self::new("it has no place in a result")
    }
}

const KIND: Error = Error::new("it is of another kind");
const VALUE: Error = Error::new("it has a value that it cannot have");

impl de::Error for Error {
    fn custom<T: Display>(_: T) -> Self {
        VALUE
    }

    fn invalid_type(_: de::Unexpected<'_>, _: &dyn de::Expected) -> Self {
        KIND
    }

    fn invalid_value(_: de::Unexpected<'_>, _: &dyn de::Expected) -> Self {
        VALUE
    }

    fn invalid_length(_: usize, _: &dyn de::Expected) -> Self {
        Self::new("it has another length")
    }

    fn unknown_variant(_: &str, _: &'static [&'static str]) -> Self {
        VALUE
    }

    fn unknown_field(_: &str, _: &'static [&'static str]) -> Self {
        KIND
    }

    fn missing_field(name: &'static str) -> Self {
        Self::new("it is missing").within(name)
    }

    fn duplicate_field(name: &'static str) -> Self {
        VALUE.within(name)
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
        let error = KIND.within("saes");
        assert_eq!(error.to_string(), "saes: it is of another kind");
    }
}
