//! Reading of edits from text, with errors that point at the character.

use std::str::FromStr;

use crate::edit::{Condition, Edit, Edits, Operation, Positions, Span, Target, is_bare};
use crate::parse_error::{Fault, ParseError};
use crate::value::{ValueError, check_value};

/// Characters of a line that an error shows before and behind its place.
const SHOWN: usize = 60;

impl FromStr for Edits {
    type Err = ParseError;

    /// One edit per line, or with `;` between them. Empty ones are passed over.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let mut cursor = Cursor { text, at: 0 };
        let mut edits = Vec::new();
        loop {
            cursor.skip_separators();
            if cursor.peek().is_none() {
                return Ok(Self(edits));
            }
            edits.push(cursor.edit()?);
        }
    }
}

impl FromStr for Edit {
    type Err = ParseError;

    /// Exactly one edit.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let mut cursor = Cursor { text, at: 0 };
        cursor.skip_separators();
        let edit = cursor.edit()?;
        cursor.skip_separators();
        cursor.end(edit, "the end: only one edit can stand here")
    }
}

impl FromStr for Positions {
    type Err = ParseError;

    /// As behind an edit's `@`: `5`, `5,7`, `5..`, `5..9`, `none`.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let mut cursor = Cursor { text, at: 0 };
        cursor.skip_blanks();
        let positions = cursor.positions()?;
        cursor.end(positions, "',' and more positions, or the end")
    }
}

impl FromStr for Target {
    type Err = ParseError;

    /// `SET:LATENT`.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let mut cursor = Cursor { text, at: 0 };
        cursor.skip_blanks();
        let (sae, latent) = cursor.target()?;
        cursor.end(Self { sae, latent }, "the end")
    }
}

struct Cursor<'a> {
    text: &'a str,
    /// Bytes that were read.
    at: usize,
}

impl<'a> Cursor<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// What was read, if nothing comes after it.
    fn end<T>(&self, read: T, expected: &'static str) -> Result<T, ParseError> {
        match self.peek() {
            None => Ok(read),
            Some(_) => Err(self.unexpected(expected)),
        }
    }

    fn advance(&mut self) {
        self.at += self.peek().map_or(0, char::len_utf8);
    }

    /// Takes the characters as long as a test holds.
    fn take_while(&mut self, test: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let length = rest.find(|character| !test(character));
        let taken = rest.get(..length.unwrap_or(rest.len())).unwrap_or_default();
        self.at += taken.len();
        taken
    }

    fn skip_blanks(&mut self) {
        self.take_while(is_blank);
    }

    fn skip_separators(&mut self) {
        self.take_while(|character| is_blank(character) || is_separator(character));
    }

    /// Takes one character if it comes next, and the blanks behind it.
    fn take(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        if found {
            self.advance();
            self.skip_blanks();
        }
        found
    }

    fn demand(&mut self, wanted: char, expected: &'static str) -> Result<(), ParseError> {
        match self.take(wanted) {
            true => Ok(()),
            false => Err(self.unexpected(expected)),
        }
    }

    fn unexpected(&self, expected: &'static str) -> ParseError {
        let found = self.peek();
        self.error(self.at, Fault::Unexpected { found, expected })
    }

    fn error(&self, at: usize, fault: Fault) -> ParseError {
        let before = self.text.get(..at).unwrap_or(self.text);
        let first = before.rfind('\n').map_or(0, |newline| newline + 1);
        let column = before[first..].chars().count();
        let skipped = column.saturating_sub(SHOWN);
        let line = self.text[first..].lines().next().unwrap_or_default();
        let line = line.chars().skip(skipped);
        // A tab would move the caret.
        let shown = line.take(2 * SHOWN).map(|character| match character {
            character if character.is_control() => ' ',
            character => character,
        });
        ParseError {
            at,
            line: before.matches('\n').count() + 1,
            column: column + 1,
            fault,
            shown: shown.collect(),
            before: column - skipped,
        }
    }

    /// An edit, as far as the separator behind it or the end.
    fn edit(&mut self) -> Result<Edit, ParseError> {
        let on = !self.take('!');
        let (sae, latent) = self.target()?;
        self.demand(
            '=',
            "'=' and the new activation, as in =0, =1.5, =*2 or =+2x",
        )?;
        let operation = self.operation()?;
        let mut expected = "'@' and positions, '?' and a condition, ';' or the end";
        if let Operation::Set(_) = operation {
            expected =
                "'@', '?', ';' or the end (to scale write *2, to add decoder directions +2x)";
        }
        let mut positions = None;
        if self.take('@') {
            positions = Some(self.positions()?);
            expected = "',' and more positions, '?' and a condition, ';' or the end";
        }
        let mut when = None;
        if self.take('?') {
            when = Some(self.condition()?);
            expected = "';' or the end";
        }
        match self.peek() {
            None => {}
            Some(character) if is_separator(character) => {}
            Some(_) => return Err(self.unexpected(expected)),
        }
        Ok(Edit {
            sae,
            latent,
            operation,
            positions,
            when,
            on,
        })
    }

    fn target(&mut self) -> Result<(String, u32), ParseError> {
        let sae = match self.peek() {
            Some('"') => self.quoted()?,
            _ => {
                let name = self.take_while(is_bare);
                if name.is_empty() {
                    return Err(self.unexpected(
                        "a feature set: its id, or its hook as blocks.3.hook_resid_post, in quotation marks where it has other characters",
                    ));
                }
                name.to_owned()
            }
        };
        self.skip_blanks();
        self.demand(':', "':' and the number of a latent")?;
        let latent = self.count("the number of a latent", "a latent")?;
        self.skip_blanks();
        Ok((sae, latent))
    }

    fn quoted(&mut self) -> Result<String, ParseError> {
        let mut name = String::new();
        self.advance();
        loop {
            let next = self.peek();
            match next {
                None | Some('\n') => {
                    return Err(self.unexpected("'\"' at the end of the feature set's name"));
                }
                Some('"') => {
                    self.advance();
                    return Ok(name);
                }
                Some('\\') => {
                    self.advance();
                    match self.peek() {
                        Some(escaped @ ('"' | '\\')) => name.push(escaped),
                        Some('n') => name.push('\n'),
                        _ => return Err(self.unexpected("'\"', '\\' or 'n' behind a '\\'")),
                    }
                    self.advance();
                }
                Some(character) => {
                    name.push(character);
                    self.advance();
                }
            }
        }
    }

    fn operation(&mut self) -> Result<Operation, ParseError> {
        match self.peek() {
            Some('*' | 'x') => {
                self.advance();
                Ok(Operation::Scale(self.value()?))
            }
            Some('+') => {
                self.advance();
                let value = self.value()?;
                self.take('x');
                Ok(Operation::Add(value))
            }
            _ => Ok(Operation::Set(self.value()?)),
        }
    }

    fn positions(&mut self) -> Result<Positions, ParseError> {
        let rest = self.rest();
        if let Some(behind) = rest.strip_prefix("none") {
            self.at += rest.len() - behind.len();
            self.skip_blanks();
            return Ok(Positions::default());
        }
        let mut spans = Vec::new();
        loop {
            let at = self.at;
            let first = self.count("a position, or none", "a position")?;
            self.skip_blanks();
            if self.rest().starts_with("..") {
                self.at += "..".len();
                self.skip_blanks();
                let end = match self.peek() {
                    Some('0'..='9') => Some(self.count("a position", "a position")?),
                    _ => None,
                };
                if let Some(end) = end.filter(|end| *end <= first) {
                    return Err(self.error(at, Fault::EmptyRange { first, end }));
                }
                spans.push(Span { first, end });
                self.skip_blanks();
            } else if first == u32::MAX {
                let what = "a position";
                let text = first.to_string();
                return Err(self.error(at, Fault::TooLarge { text, what }));
            } else {
                spans.push(Span::one(first));
            }
            if !self.take(',') {
                return Ok(Positions(spans));
            }
        }
    }

    fn condition(&mut self) -> Result<Condition, ParseError> {
        let (sae, latent) = self.target()?;
        self.demand('>', "'>' and a bound")?;
        let above = self.value()?;
        Ok(Condition { sae, latent, above })
    }

    fn count(&mut self, expected: &'static str, what: &'static str) -> Result<u32, ParseError> {
        let at = self.at;
        let digits = self.take_while(|character| character.is_ascii_digit());
        if digits.is_empty() {
            return Err(self.unexpected(expected));
        }
        let text = digits.to_owned();
        digits
            .parse()
            .map_err(|_| self.error(at, Fault::TooLarge { text, what }))
    }

    /// A number, and the blanks behind it.
    fn value(&mut self) -> Result<f32, ParseError> {
        const NUMBER: &str = "a number";
        self.skip_blanks();
        let at = self.at;
        self.take_one_of(&['-']);
        let word = self.rest().chars().take(3).collect::<String>();
        match word.to_ascii_lowercase().as_str() {
            "nan" => return Err(self.error(at, ValueError::NotFinite(f32::NAN).into())),
            "inf" => return Err(self.error(at, ValueError::NotFinite(f32::INFINITY).into())),
            _ => {}
        }
        let digits = |cursor: &mut Self| cursor.take_while(|c| c.is_ascii_digit()).len();
        let whole = digits(self);
        let mut fraction = 0;
        // Two points are a range.
        if self.peek() == Some('.') {
            self.advance();
            fraction = digits(self);
        }
        if whole + fraction == 0 {
            return Err(self.unexpected(NUMBER));
        }
        if self.take_one_of(&['e', 'E']) {
            self.take_one_of(&['-', '+']);
            if digits(self) == 0 {
                return Err(self.unexpected("the digits of an exponent"));
            }
        }
        let text = self.text.get(at..self.at).unwrap_or_default();
        let value = text.parse::<f32>();
        let Ok(value) = value else {
            return Err(self.unexpected(NUMBER));
        };
        check_value(value).map_err(|fault| self.error(at, fault.into()))?;
        self.skip_blanks();
        Ok(value)
    }

    fn take_one_of(&mut self, wanted: &[char]) -> bool {
        let found = self.peek().is_some_and(|next| wanted.contains(&next));
        if found {
            self.advance();
        }
        found
    }
}

fn is_blank(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\r')
}

fn is_separator(character: char) -> bool {
    matches!(character, ';' | '\n')
}
