//! An edit, its parts, and its text form.

use std::fmt::{self, Display, Formatter, Write as _};

use crate::value::{ValueError, check_value};

/// One feature's edit; the autoencoder's error term is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Edit {
    /// The feature set: its id, or the name of its hook point where one loaded set is attached there.
    pub sae: String,
    /// The latent.
    pub latent: u32,
    /// Its new activation.
    pub operation: Operation,
    /// The positions at which it is changed; `None` for all that count for the feature set.
    pub positions: Option<Positions>,
    /// The edit applies at a position only where this holds there.
    pub when: Option<Condition>,
    /// False for an edit that is kept in the list and not applied.
    pub on: bool,
}

impl Edit {
    /// An edit at all positions that count.
    pub fn new(sae: &str, latent: u32, operation: Operation) -> Self {
        Self {
            sae: sae.to_owned(),
            latent,
            operation,
            positions: None,
            when: None,
            on: true,
        }
    }

    /// A latent set to a value at all positions that count; to 0 it is ablated.
    pub fn set(sae: &str, latent: u32, value: f32) -> Self {
        Self::new(sae, latent, Operation::Set(value))
    }

    /// Refuses numbers with which nothing sensible can be computed, in the operation and in the condition.
    ///
    /// # Errors
    /// [`ValueError`].
    pub fn check_values(&self) -> Result<(), ValueError> {
        check_value(self.operation.value())?;
        self.when
            .as_ref()
            .map_or(Ok(()), |when| check_value(when.above))
    }
}

/// The new activation of a latent. One unit of activation is one decoder direction (row of W_dec) in the space that the
/// feature set was trained in: with layer normalisation it is multiplied by the row's deviation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Operation {
    /// This value: `=1.5`.
    Set(f32),
    /// The old one plus this: `=+2x`, two decoder directions more.
    Add(f32),
    /// The old one times this: `=*2`.
    Scale(f32),
}

impl Operation {
    /// The number in it.
    pub fn value(self) -> f32 {
        match self {
            Self::Set(value) | Self::Add(value) | Self::Scale(value) => value,
        }
    }
}

/// Token positions, from 0; a BOS counts as one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Positions(pub Vec<Span>);

/// Neighbouring positions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The first.
    pub first: u32,
    /// The one behind the last; `None`: all from the first on, generated tokens included.
    pub end: Option<u32>,
}

impl Span {
    /// One position.
    pub fn one(position: u32) -> Self {
        Self {
            first: position,
            end: Some(position.saturating_add(1)),
        }
    }

    /// All positions from one on.
    pub fn starting_at(first: u32) -> Self {
        Self { first, end: None }
    }

    /// True if it holds the position.
    pub fn contains(self, position: u32) -> bool {
        position >= self.first && self.end.is_none_or(|end| position < end)
    }
}

impl Positions {
    /// All positions from one on.
    pub fn starting_at(first: u32) -> Self {
        Self(vec![Span::starting_at(first)])
    }

    /// True if one of the spans holds the position.
    pub fn contains(&self, position: u32) -> bool {
        self.0.iter().any(|span| span.contains(position))
    }

    /// True if there is a position in both.
    pub fn overlaps(&self, other: &Self) -> bool {
        let met = |one: &Span, two: &Span| {
            let first = one.first.max(two.first);
            one.contains(first) && two.contains(first)
        };
        self.0
            .iter()
            .any(|one| other.0.iter().any(|two| met(one, two)))
    }

    /// The largest position of those that are named, which leaves out spans without an end.
    pub fn last(&self) -> Option<u32> {
        let ends = self.0.iter().filter_map(|span| span.end);
        ends.filter_map(|end| end.checked_sub(1)).max()
    }

    /// The positions of the same tokens with so many more (or fewer) in front of them. What was at tokens that are gone goes.
    #[must_use]
    pub fn shifted(&self, by: i32) -> Self {
        let spans = self.0.iter().filter_map(|span| {
            let end = match span.end {
                Some(end) => Some(end.checked_add_signed(by)?),
                None => None,
            };
            let first = match by < 0 {
                true => span.first.saturating_sub(by.unsigned_abs()),
                false => span.first.checked_add(by.unsigned_abs())?,
            };
            (end != Some(first)).then_some(Span { first, end })
        });
        Self(spans.collect())
    }
}

impl FromIterator<u32> for Positions {
    /// Neighbours that follow each other become one span.
    fn from_iter<T: IntoIterator<Item = u32>>(positions: T) -> Self {
        let mut spans: Vec<Span> = Vec::new();
        for position in positions {
            match spans.last_mut() {
                Some(last) if last.end == Some(position) => last.end = Span::one(position).end,
                _ => spans.push(Span::one(position)),
            }
        }
        Self(spans)
    }
}

impl<const N: usize> From<[u32; N]> for Positions {
    fn from(positions: [u32; N]) -> Self {
        positions.into_iter().collect()
    }
}

/// A latent's activation above a bound, at the position that the edit would change.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    /// The feature set, as in [`Edit::sae`].
    pub sae: String,
    /// The latent.
    pub latent: u32,
    /// Its activation has to be larger than this.
    pub above: f32,
}

/// A feature by its set and its number: `layer_3:903`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The feature set, as in [`Edit::sae`].
    pub sae: String,
    /// The latent.
    pub latent: u32,
}

/// A list of edits: one per line, or with `;` between them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Edits(pub Vec<Edit>);

impl Display for Edits {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        for (number, edit) in self.0.iter().enumerate() {
            if number > 0 {
                out.write_str("; ")?;
            }
            edit.fmt(out)?;
        }
        Ok(())
    }
}

impl Display for Edit {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        if !self.on {
            out.write_char('!')?;
        }
        write_target(out, &self.sae, self.latent)?;
        write!(out, "={}", self.operation)?;
        if let Some(positions) = &self.positions {
            write!(out, "@{positions}")?;
        }
        if let Some(when) = &self.when {
            out.write_char('?')?;
            write_target(out, &when.sae, when.latent)?;
            out.write_char('>')?;
            write_number(out, when.above)?;
        }
        Ok(())
    }
}

impl Display for Operation {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Set(value) => write_number(out, value),
            Self::Add(value) => {
                out.write_char('+')?;
                write_number(out, value)?;
                out.write_char('x')
            }
            Self::Scale(value) => {
                out.write_char('*')?;
                write_number(out, value)
            }
        }
    }
}

impl Display for Positions {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return out.write_str("none");
        }
        for (number, span) in self.0.iter().enumerate() {
            if number > 0 {
                out.write_char(',')?;
            }
            match span.end {
                None => write!(out, "{}..", span.first)?,
                Some(end) if Some(end) == span.first.checked_add(1) => {
                    write!(out, "{}", span.first)?;
                }
                Some(end) => write!(out, "{}..{end}", span.first)?,
            }
        }
        Ok(())
    }
}

/// True for the characters of a name that needs no quotation marks.
pub(crate) fn is_bare(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '.' | '_' | '-' | '/')
}

fn write_target(out: &mut Formatter<'_>, sae: &str, latent: u32) -> fmt::Result {
    if !sae.is_empty() && sae.chars().all(is_bare) {
        return write!(out, "{sae}:{latent}");
    }
    out.write_char('"')?;
    for character in sae.chars() {
        match character {
            '"' | '\\' => {
                out.write_char('\\')?;
                out.write_char(character)?;
            }
            '\n' => out.write_str("\\n")?,
            _ => out.write_char(character)?,
        }
    }
    write!(out, "\":{latent}")
}

/// The shortest decimal number that is read as the same f32.
fn write_number(out: &mut Formatter<'_>, value: f32) -> fmt::Result {
    if value != 0.0 && value.abs() < 1e-4 {
        write!(out, "{value:e}")
    } else {
        write!(out, "{value}")
    }
}
