//! Indices: JSON with a version, read by their version first.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Error;

/// A value as an index. `name` is the file's, for errors.
///
/// # Errors
/// [`Error::Unwritable`].
pub fn encode_index<T: Serialize>(name: &str, value: &T) -> Result<Vec<u8>, Error> {
    let mut bytes = serde_json::to_vec_pretty(value).map_err(|error| Error::Unwritable {
        what: name.to_owned(),
        why: error.to_string(),
    })?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// The value in an index whose field `version` is `known`. `path` is its name for errors.
///
/// # Errors
/// [`Error::Damaged`], [`Error::Version`].
pub fn decode_index<T: DeserializeOwned>(path: &str, bytes: &[u8], known: u32) -> Result<T, Error> {
    let damaged = |why: String| Error::Damaged {
        path: path.to_owned(),
        why,
    };
    // The version first: an index of another version need not have these fields.
    let value: serde_json::Value = serde_json::from_slice(bytes)
        .map_err(|error| damaged(format!("it is not JSON ({error})")))?;
    let version = value.get("version").and_then(serde_json::Value::as_u64);
    match version {
        Some(version) if version == u64::from(known) => {}
        Some(version) => {
            return Err(Error::Version {
                path: path.to_owned(),
                version: version.try_into().unwrap_or(u32::MAX),
                known,
            });
        }
        None => return Err(damaged("it has no `version`".to_owned())),
    }
    serde_json::from_value(value).map_err(|error| damaged(error.to_string()))
}

/// True if a name can be that of a file or folder anywhere: letters, digits, `-`, `_` and `.`, and not dots alone.
pub fn is_name(name: &str) -> bool {
    let allowed = |character: char| character.is_ascii_alphanumeric() || "-_.".contains(character);
    !name.is_empty() && name.chars().all(allowed) && !name.chars().all(|character| character == '.')
}
