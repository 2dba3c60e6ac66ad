//! Positions of a prompt on which an autoencoder was trained, and which its metrics therefore count.

use serde_json::Value;

use crate::error::{Error, Result};
use crate::settings::{Settings, whole};

const SPECIAL: &str = "exclude_special_tokens";
const SLICE: &str = "seqpos_slice";
const SKIPPED: &str = "skipped_positions";
/// SAELens's name before `seqpos_slice`: one position, or none.
const ONE: &str = "seqpos";

/// Tokens that training left out wherever they stood: SAELens's `exclude_special_tokens`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum SpecialTokens {
    /// No token is left out (`false`, or not stated).
    #[default]
    None,
    /// Every special token of the tokenizer (`true`).
    All,
    /// These ids.
    Ids(Vec<u32>),
}

/// A slice of a context as Python has it: a negative bound is counted from the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SeqposSlice {
    /// The first position that counts; None is the beginning.
    pub start: Option<i64>,
    /// The first position that no longer counts; None is the end.
    pub stop: Option<i64>,
    /// Every how many positions one counts, at least 1; None is 1.
    pub step: Option<i64>,
}

impl SeqposSlice {
    /// True if `range(length)[start:stop:step]` holds `position`. A slice with a step below 1 holds nothing.
    pub fn contains(self, position: usize, length: usize) -> bool {
        let (Ok(position), Ok(length)) = (i64::try_from(position), i64::try_from(length)) else {
            return false;
        };
        let bound = |at: i64| {
            let from_start = if at < 0 {
                at.saturating_add(length)
            } else {
                at
            };
            from_start.clamp(0, length)
        };
        let start = self.start.map_or(0, bound);
        let stop = self.stop.map_or(length, bound);
        let step = self.step.unwrap_or(1);
        (start..stop).contains(&position) && step > 0 && (position - start) % step == 0
    }
}

/// Positions and tokens that training left out. All three settings apply at once: a position counts if none of them
/// leaves it out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CountedPositions {
    /// Tokens that were left out wherever they stood.
    pub exclude_special_tokens: SpecialTokens,
    /// The part of each context that was used, if not all of it.
    pub seqpos_slice: Option<SeqposSlice>,
    /// Positions of a context that were left out one by one: our own setting, which SAELens does not have.
    pub skipped_positions: Vec<usize>,
}

impl CountedPositions {
    /// True if the token `id` at `position` of a sequence of `length` tokens counts. Positions and the length include a
    /// BOS that was prepended. `special` says if an id is one of the tokenizer's special tokens.
    pub fn counts(
        &self,
        position: usize,
        length: usize,
        id: u32,
        special: impl Fn(u32) -> bool,
    ) -> bool {
        let excluded = match &self.exclude_special_tokens {
            SpecialTokens::None => false,
            SpecialTokens::All => special(id),
            SpecialTokens::Ids(ids) => ids.contains(&id),
        };
        let inside = self
            .seqpos_slice
            .is_none_or(|slice| slice.contains(position, length));
        inside && !excluded && !self.skipped_positions.contains(&position)
    }

    /// True if every position counts.
    pub fn is_everything(&self) -> bool {
        *self == Self::default()
    }

    /// Reads the three settings of a SAELens configuration.
    pub(super) fn read(file: &str, settings: &Settings<'_>) -> Result<Self> {
        Ok(Self {
            exclude_special_tokens: special_tokens(file, settings)?,
            seqpos_slice: slice(file, settings)?,
            skipped_positions: list(file, settings, SKIPPED, "a list of positions")?,
        })
    }
}

impl SpecialTokens {
    /// The setting's value in JSON; None where it need not be stated.
    pub(super) fn to_json(&self) -> Option<Value> {
        match self {
            Self::None => None,
            Self::All => Some(Value::Bool(true)),
            Self::Ids(ids) => Some(ids.as_slice().into()),
        }
    }
}

impl SeqposSlice {
    /// The setting's value in JSON: the arguments of Python's `slice`.
    pub(super) fn to_json(self) -> Value {
        let mut arguments = vec![Value::from(self.start), Value::from(self.stop)];
        arguments.extend(self.step.map(Value::from));
        Value::Array(arguments)
    }
}

fn special_tokens(file: &str, settings: &Settings<'_>) -> Result<SpecialTokens> {
    match settings.get(SPECIAL) {
        None | Some(Value::Bool(false)) => Ok(SpecialTokens::None),
        Some(Value::Bool(true)) => Ok(SpecialTokens::All),
        Some(_) => {
            let expected = "true, false or a list of token ids";
            list(file, settings, SPECIAL, expected).map(SpecialTokens::Ids)
        }
    }
}

/// A list of whole numbers; empty where the setting is not there.
fn list<T: TryFrom<u64>>(
    file: &str,
    settings: &Settings<'_>,
    name: &str,
    expected: &str,
) -> Result<Vec<T>> {
    let Some(value) = settings.get(name) else {
        return Ok(Vec::new());
    };
    let numbers = value.as_array().and_then(|list| {
        let number = |value| T::try_from(u64::try_from(whole(value)?).ok()?).ok();
        list.iter().map(number).collect::<Option<Vec<T>>>()
    });
    numbers.ok_or_else(|| Error::field(file, name, value, format!("it must be {expected}")))
}

fn slice(file: &str, settings: &Settings<'_>) -> Result<Option<SeqposSlice>> {
    let read = if let Some(value) = settings.get(SLICE) {
        let refused = || {
            let expected = "it must be [start, stop] or [start, stop, step] of whole numbers or null, with a step of at least 1";
            Error::field(file, SLICE, value, expected)
        };
        let arguments = value.as_array().ok_or_else(refused)?;
        let arguments: Vec<Option<i64>> = arguments
            .iter()
            .map(|value| match value {
                Value::Null => Some(None),
                other => whole(other).map(Some),
            })
            .collect::<Option<_>>()
            .ok_or_else(refused)?;
        let (start, stop, step) = match *arguments.as_slice() {
            // As Python's `slice` takes its arguments: one alone is the end. SAELens's default is [null].
            [stop] => (None, stop, None),
            [start, stop] => (start, stop, None),
            // Torch takes no other steps.
            [start, stop, step] if step.is_none_or(|step| step > 0) => (start, stop, step),
            _ => return Err(refused()),
        };
        SeqposSlice { start, stop, step }
    } else if let Some(value) = settings.get(ONE) {
        let at = whole(value)
            .ok_or_else(|| Error::field(file, ONE, value, "it must be one position"))?;
        SeqposSlice {
            start: Some(at),
            stop: at.checked_add(1).filter(|&stop| stop != 0),
            step: None,
        }
    } else {
        return Ok(None);
    };
    Ok(Some(read).filter(|slice| *slice != SeqposSlice::default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Positions of `[0, length)` that a slice holds.
    fn held(start: Option<i64>, stop: Option<i64>, step: Option<i64>, length: usize) -> Vec<usize> {
        let slice = SeqposSlice { start, stop, step };
        (0..length).filter(|&p| slice.contains(p, length)).collect()
    }

    fn read(json: &str) -> Result<CountedPositions> {
        CountedPositions::read("cfg.json", &Settings::parse("cfg.json", json.as_bytes())?)
    }

    #[test]
    fn slices_are_pythons() {
        // Each is list(range(length))[start:stop:step] as CPython prints it.
        assert_eq!(held(Some(3), None, None, 6), [3, 4, 5]);
        assert_eq!(held(None, Some(-1), None, 6), [0, 1, 2, 3, 4]);
        assert_eq!(held(Some(-2), None, None, 6), [4, 5]);
        assert_eq!(held(Some(-9), Some(2), None, 6), [0, 1]);
        assert_eq!(held(Some(1), Some(99), Some(2), 6), [1, 3, 5]);
        assert_eq!(held(Some(-5), Some(-1), Some(3), 6), [1, 4]);
        assert_eq!(held(Some(4), Some(2), None, 6), [0usize; 0]);
        assert_eq!(held(Some(i64::MIN), Some(i64::MAX), Some(i64::MAX), 3), [0]);
        assert_eq!(held(None, None, None, 2), [0, 1]);
        assert_eq!(held(Some(3), None, None, 2), [0usize; 0]);
    }

    #[test]
    fn special_tokens_do_not_count_where_the_file_leaves_them_out() {
        let counted = read(r#"{"exclude_special_tokens": true}"#).unwrap();
        let ids = [256, 97, 98, 256, 99, 100];
        let counting = |counted: &CountedPositions| -> Vec<usize> {
            let counts = |&p: &usize| counted.counts(p, ids.len(), ids[p], |id| id == 256);
            (0..ids.len()).filter(counts).collect()
        };
        assert_eq!(counting(&counted), [1, 2, 4, 5]);
        let counted = read(r#"{"exclude_special_tokens": [97, "98", 99.0]}"#).unwrap();
        assert_eq!(counting(&counted), [0, 3, 5]);
        let counted = read(r#"{"exclude_special_tokens": false}"#).unwrap();
        assert_eq!(counting(&counted), [0, 1, 2, 3, 4, 5]);
        let all = r#"{"exclude_special_tokens": [100], "seqpos_slice": [1, null], "skipped_positions": [2]}"#;
        assert_eq!(counting(&read(all).unwrap()), [1, 3, 4]);
    }

    #[test]
    fn a_slice_is_read_as_pythons_arguments() {
        let slice = |json: &str| read(json).unwrap().seqpos_slice;
        let of = |start, stop, step| Some(SeqposSlice { start, stop, step });
        assert_eq!(slice(r#"{"seqpos_slice": [null]}"#), None);
        assert_eq!(slice(r#"{"seqpos_slice": [null, null]}"#), None);
        assert_eq!(slice(r#"{"seqpos_slice": [5]}"#), of(None, Some(5), None));
        assert_eq!(
            slice(r#"{"seqpos_slice": [3, null]}"#),
            of(Some(3), None, None)
        );
        assert_eq!(
            slice(r#"{"seqpos_slice": [1, -1, 2]}"#),
            of(Some(1), Some(-1), Some(2))
        );
        assert_eq!(slice(r#"{"seqpos": 7}"#), of(Some(7), Some(8), None));
        assert_eq!(slice(r#"{"seqpos": -1}"#), of(Some(-1), None, None));
        assert_eq!(slice(r#"{"seqpos": null}"#), None);
    }

    #[test]
    fn what_cannot_be_read_is_refused_by_name() {
        for (json, name) in [
            (
                r#"{"exclude_special_tokens": "yes"}"#,
                "`exclude_special_tokens` is \"yes\"",
            ),
            (
                r#"{"exclude_special_tokens": [-1]}"#,
                "`exclude_special_tokens` is [-1]",
            ),
            (
                r#"{"exclude_special_tokens": 50256}"#,
                "`exclude_special_tokens` is 50256",
            ),
            (r#"{"seqpos_slice": 3}"#, "`seqpos_slice` is 3"),
            (r#"{"seqpos_slice": []}"#, "`seqpos_slice` is []"),
            (r#"{"seqpos_slice": [1, 2, 3, 4]}"#, "`seqpos_slice`"),
            (r#"{"seqpos_slice": [0, null, -1]}"#, "`seqpos_slice`"),
            (r#"{"seqpos_slice": [0, null, 0]}"#, "`seqpos_slice`"),
            (r#"{"seqpos_slice": [0.5, null]}"#, "`seqpos_slice`"),
            (r#"{"seqpos": [1]}"#, "`seqpos` is [1]"),
            (
                r#"{"skipped_positions": [-1]}"#,
                "`skipped_positions` is [-1]",
            ),
            (r#"{"skipped_positions": 1}"#, "`skipped_positions` is 1"),
        ] {
            let error = read(json).unwrap_err().to_string();
            assert!(error.contains(name), "`{error}` should name {name}");
        }
    }
}
