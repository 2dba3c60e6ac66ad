//! Checks that scans are all the shards of one.

use std::path::PathBuf;

use serde::Serialize;
use serde_json::Value;

use crate::error::Error;
use crate::info::ScanInfo;

/// A scan with its folder.
pub type Part = (PathBuf, ScanInfo);

/// Refuses scans that do not belong together, that overlap, or that are not the whole corpus.
///
/// # Errors
/// [`Error::Shards`], [`Error::Overlap`], [`Error::MissingShards`].
pub fn check_shards(parts: &[Part]) -> Result<(), Error> {
    let Some((first, info)) = parts.first() else {
        return Ok(());
    };
    for (second, other) in parts.get(1..).unwrap_or_default() {
        let differences = [
            (
                "tokenizers",
                different(&info.model.tokenizer_sha256, &other.model.tokenizer_sha256),
            ),
            ("models", different(&info.model, &other.model)),
            ("feature sets", different(&info.sets, &other.sets)),
            ("settings", different(&info.settings, &other.settings)),
            ("corpora", different(&info.corpus, &other.corpus)),
            (
                "numbers of shards",
                different(&info.shard.of, &other.shard.of),
            ),
            (
                "limits of tokens",
                different(&info.limit_tokens, &other.limit_tokens),
            ),
        ];
        for (what, difference) in differences {
            if let Some((one, other)) = difference {
                return Err(Error::Shards {
                    first: first.clone(),
                    second: second.clone(),
                    what,
                    one,
                    other,
                });
            }
        }
    }
    whole(parts, info.shard.of)
}

fn whole(parts: &[Part], of: u32) -> Result<(), Error> {
    let mut order: Vec<&Part> = parts.iter().collect();
    order.sort_by_key(|(_, info)| info.shard.index);
    for pair in order.windows(2) {
        if let [(first, one), (second, other)] = pair
            && one.shard.index == other.shard.index
        {
            return Err(Error::Overlap {
                first: first.clone(),
                second: second.clone(),
                shard: one.shard.to_string(),
            });
        }
    }
    const LISTED: usize = 20;
    let has = |index: u32| {
        order
            .binary_search_by_key(&index, |(_, info)| info.shard.index)
            .is_ok()
    };
    let mut missing: Vec<String> = (0..of)
        .filter(|index| !has(*index))
        .take(LISTED + 1)
        .map(|index| format!("{index}/{of}"))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    if missing.len() > LISTED {
        missing.truncate(LISTED);
        missing.push("…".to_owned());
    }
    Err(Error::MissingShards {
        missing: missing.join(", "),
        of,
    })
}

/// What differs between two values, by the names of their fields; None where they are equal.
fn different<T: Serialize + PartialEq>(one: &T, other: &T) -> Option<(String, String)> {
    if one == other {
        return None;
    }
    let value = |of: &T| serde_json::to_value(of).unwrap_or(Value::Null);
    let mut parts = (Vec::new(), Vec::new());
    compare("", &value(one), &value(other), &mut parts);
    Some((parts.0.join(", "), parts.1.join(", ")))
}

fn compare(name: &str, one: &Value, other: &Value, parts: &mut (Vec<String>, Vec<String>)) {
    match (one, other) {
        (Value::Object(ones), Value::Object(others)) => {
            for (field, one) in ones {
                let name = if name.is_empty() {
                    field.clone()
                } else {
                    format!("{name}.{field}")
                };
                compare(&name, one, others.get(field).unwrap_or(&Value::Null), parts);
            }
        }
        (Value::Array(ones), Value::Array(others)) if ones.len() == others.len() => {
            for (index, (one, other)) in ones.iter().zip(others).enumerate() {
                compare(&format!("{name}[{index}]"), one, other, parts);
            }
        }
        _ if one == other => {}
        _ => {
            let said = |value: &Value| match value {
                Value::Array(values) => format!("{} entries", values.len()),
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            let space = if name.is_empty() { "" } else { " " };
            parts.0.push(format!("{name}{space}{}", said(one)));
            parts.1.push(format!("{name}{space}{}", said(other)));
        }
    }
}
