//! Errors of reading edits, which point at the character.

use std::fmt::{self, Display, Formatter};

use crate::value::ValueError;

/// The reason why a text is no list of edits, and where in it.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub struct ParseError {
    /// Byte at which it was found.
    pub at: usize,
    /// Line, from 1.
    pub line: usize,
    /// Character of the line, from 1.
    pub column: usize,
    /// What is wrong there.
    pub fault: Fault,
    /// The part of the line around it.
    pub(crate) shown: String,
    /// Characters of `shown` before it.
    pub(crate) before: usize,
}

/// What is wrong at a character.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Fault {
    /// Another character than the grammar has there.
    #[error("found {}, expected {expected}", described(.found))]
    Unexpected {
        /// The character; `None` at the end of the text.
        found: Option<char>,
        /// What could stand there.
        expected: &'static str,
    },
    /// A number that an edit may not hold.
    #[error(transparent)]
    Value(#[from] ValueError),
    /// A number of a latent or of a position that is too large.
    #[error("{text} is too large for {what}; at most {most} is possible", most = u32::MAX)]
    TooLarge {
        /// The digits.
        text: String,
        /// Its meaning.
        what: &'static str,
    },
    /// A range of positions that holds none.
    #[error(
        "the range {first}..{end} holds no position: it ends before {end}, which has to be larger than {first}"
    )]
    EmptyRange {
        /// Its first position.
        first: u32,
        /// The position behind its last.
        end: u32,
    },
}

fn described(found: &Option<char>) -> String {
    found.map_or_else(|| "the end".to_owned(), |found| format!("{found:?}"))
}

impl Display for ParseError {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let Self {
            line,
            column,
            fault,
            shown,
            before,
            ..
        } = self;
        let place = match line {
            1 => format!("character {column}"),
            _ => format!("line {line}, character {column}"),
        };
        let indent = " ".repeat(*before);
        write!(
            out,
            "the edit cannot be read at {place}: {fault}\n  {shown}\n  {indent}^"
        )
    }
}
