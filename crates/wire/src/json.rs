//! Edits as JSON, in the shape of the JavaScript package's objects:
//! `{"sae": "layer_3", "latent": 9, "operation": "add", "value": 2, "positions": [5, {"from": 7}], "when": {"sae": "layer_1",
//! "latent": 4, "above": 0.5}, "on": false}`. `operation` is `set` where it is missing, `positions` all that count.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::edit::{Condition, Edit, Edits, Operation, Positions, Span};
use crate::parse_error::Fault;
use crate::value::{ValueError, check_value};

/// A change of one latent. The SAE's error term is kept.
#[derive(Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
#[ts(rename = "Edit")]
pub(crate) struct JsonEdit {
    /// Id of the SAE, or the name of the hook where only one is loaded.
    sae: String,
    /// The latent.
    latent: u32,
    /// `"set"` by default. Edits change what a latent is in the clean run; two edits of one latent at one position are refused.
    #[serde(default)]
    #[ts(optional, as = "Option<JsonOperation>", inline)]
    operation: JsonOperation,
    /// The activation to set (0 ablates), the number to add to it, or the factor to scale it by.
    value: f32,
    /// Token positions; default: all that count for the SAE.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    positions: Option<Vec<JsonSpan>>,
    /// The edit applies at a position only where this holds there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    when: Option<JsonCondition>,
    /// False for an edit that is not applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    on: Option<bool>,
}

#[derive(Default, Serialize, Deserialize, TS)]
#[serde(rename_all = "lowercase")]
enum JsonOperation {
    #[default]
    Set,
    Add,
    Scale,
}

/// A position, or a range that ends before `to`, or nowhere: generated tokens are in it.
#[derive(Serialize, Deserialize, TS)]
#[ts(rename = "EditPositions")]
#[serde(
    untagged,
    expecting = "a position is a whole number from 0, or a range {\"from\": 5, \"to\": 9} that ends before `to`, or nowhere without it"
)]
pub(crate) enum JsonSpan {
    One(u32),
    Range {
        from: u32,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        to: Option<u32>,
    },
}

/// A latent's activation above a bound, at the position that the edit would change; its hook is not behind the edit's.
#[derive(Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
#[ts(rename = "EditCondition")]
pub(crate) struct JsonCondition {
    /// As of the edit.
    sae: String,
    /// The latent.
    latent: u32,
    /// The bound.
    above: f32,
}

impl TryFrom<JsonSpan> for Span {
    type Error = Fault;

    fn try_from(span: JsonSpan) -> Result<Self, Fault> {
        match span {
            JsonSpan::One(u32::MAX) => Err(Fault::TooLarge {
                text: u32::MAX.to_string(),
                what: "a position",
            }),
            JsonSpan::One(position) => Ok(Self::one(position)),
            JsonSpan::Range {
                from: first,
                to: Some(end),
            } if end <= first => Err(Fault::EmptyRange { first, end }),
            JsonSpan::Range { from, to } => Ok(Self {
                first: from,
                end: to,
            }),
        }
    }
}

impl TryFrom<JsonEdit> for Edit {
    type Error = Fault;

    fn try_from(json: JsonEdit) -> Result<Self, Fault> {
        let operation = match json.operation {
            JsonOperation::Set => Operation::Set,
            JsonOperation::Add => Operation::Add,
            JsonOperation::Scale => Operation::Scale,
        };
        check_value(json.value)?;
        let positions = json.positions.map(|spans| {
            let spans = spans.into_iter().map(Span::try_from);
            spans.collect::<Result<_, _>>().map(Positions)
        });
        let when = json.when.map(|when| -> Result<_, ValueError> {
            check_value(when.above)?;
            Ok(Condition {
                sae: when.sae,
                latent: when.latent,
                above: when.above,
            })
        });
        Ok(Self {
            sae: json.sae,
            latent: json.latent,
            operation: operation(json.value),
            positions: positions.transpose()?,
            when: when.transpose()?,
            on: json.on.unwrap_or(true),
        })
    }
}

impl From<&Edit> for JsonEdit {
    fn from(edit: &Edit) -> Self {
        let spans = |positions: &Positions| {
            let spans = positions.0.iter().map(|span| match span.end {
                Some(end) if Some(end) == span.first.checked_add(1) => JsonSpan::One(span.first),
                to => JsonSpan::Range {
                    from: span.first,
                    to,
                },
            });
            spans.collect()
        };
        Self {
            sae: edit.sae.clone(),
            latent: edit.latent,
            operation: match edit.operation {
                Operation::Set(_) => JsonOperation::Set,
                Operation::Add(_) => JsonOperation::Add,
                Operation::Scale(_) => JsonOperation::Scale,
            },
            value: edit.operation.value(),
            positions: edit.positions.as_ref().map(spans),
            when: edit.when.as_ref().map(|when| JsonCondition {
                sae: when.sae.clone(),
                latent: when.latent,
                above: when.above,
            }),
            on: (!edit.on).then_some(false),
        }
    }
}

impl Serialize for Edit {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        JsonEdit::from(self).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Edit {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = JsonEdit::deserialize(deserializer)?;
        Self::try_from(json).map_err(serde::de::Error::custom)
    }
}

impl Serialize for Edits {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Edits {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::deserialize(deserializer).map(Self)
    }
}
