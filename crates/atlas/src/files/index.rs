//! The index of an atlas.

use super::{INDEX, VERSION};
use crate::error::Error;
use crate::info::AtlasInfo;

/// An index as a file.
///
/// # Errors
/// [`Error::Unwritable`].
pub fn encode_info(info: &AtlasInfo) -> Result<Vec<u8>, Error> {
    let mut bytes = serde_json::to_vec_pretty(info).map_err(|error| Error::Unwritable {
        what: INDEX.to_owned(),
        why: error.to_string(),
    })?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// The index in a file. `path` is its name for errors.
///
/// # Errors
/// [`Error::Damaged`], [`Error::Version`].
pub fn decode_info(path: &str, bytes: &[u8]) -> Result<AtlasInfo, Error> {
    let damaged = |why: String| Error::Damaged {
        path: path.to_owned(),
        why,
    };
    // The version first: an index of another version need not have these fields.
    let value: serde_json::Value = serde_json::from_slice(bytes)
        .map_err(|error| damaged(format!("it is not JSON ({error})")))?;
    let version = value.get("version").and_then(serde_json::Value::as_u64);
    match version {
        Some(version) if version == u64::from(VERSION) => {}
        Some(version) => {
            return Err(Error::Version {
                path: path.to_owned(),
                version: version.try_into().unwrap_or(u32::MAX),
                known: VERSION,
            });
        }
        None => return Err(damaged("it has no `version`".to_owned())),
    }
    let info: AtlasInfo =
        serde_json::from_value(value).map_err(|error| damaged(error.to_string()))?;
    let sources = info.corpus.sources.len();
    if sources == 0 || info.corpus.source_tokens.len() != sources {
        return Err(damaged(format!(
            "it has {sources} sources and {} numbers of their tokens",
            info.corpus.source_tokens.len()
        )));
    }
    let mut files: Vec<_> = info.vocabulary.iter().collect();
    for set in &info.sets {
        let shards = set.n_latents.div_ceil(set.shard_size.max(1)) as usize;
        if set.shard_size == 0 || set.shards.len() != shards {
            return Err(damaged(format!(
                "{} has {} latents in shards of {}, and {} shards",
                set.id,
                set.n_latents,
                set.shard_size,
                set.shards.len()
            )));
        }
        let tables = [&set.table, &set.map, &set.token_index];
        files.extend(set.shards.iter().chain(tables.into_iter().flatten()));
    }
    if let Some(file) = files.iter().find(|file| !is_below(&file.path)) {
        return Err(damaged(format!(
            "{:?} is not the name of a file below it",
            file.path
        )));
    }
    Ok(info)
}

/// True if a path leads to a file below the index: no scheme, no root, no `..`.
fn is_below(path: &str) -> bool {
    let allowed = |character: char| character.is_ascii_alphanumeric() || "-_.".contains(character);
    !path.is_empty()
        && path.split('/').all(|part| {
            !part.is_empty() && part.chars().all(allowed) && !part.chars().all(|c| c == '.')
        })
}
