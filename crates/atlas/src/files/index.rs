//! The index of an atlas.

use super::json::{decode_index, encode_index, is_name};
use super::{INDEX, VERSION};
use crate::error::Error;
use crate::info::{AtlasInfo, FileInfo};

/// An index as a file.
///
/// # Errors
/// [`Error::Unwritable`].
pub fn encode_info(info: &AtlasInfo) -> Result<Vec<u8>, Error> {
    encode_index(INDEX, info)
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
    let info: AtlasInfo = decode_index(path, bytes, VERSION)?;
    let sources = info.corpus.sources.len();
    if sources == 0 || info.corpus.source_tokens.len() != sources {
        return Err(damaged(format!(
            "it has {sources} sources and {} numbers of their tokens",
            info.corpus.source_tokens.len()
        )));
    }
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
    }
    for file in all_files(&info) {
        if !is_below(&file.path) {
            return Err(damaged(format!(
                "{:?} is not the name of a file below it",
                file.path
            )));
        }
    }
    Ok(info)
}

/// All files that an index names.
pub fn all_files(info: &AtlasInfo) -> impl Iterator<Item = &FileInfo> {
    let sets = info.sets.iter().flat_map(|set| {
        let tables = [&set.table, &set.map, &set.token_index];
        set.shards.iter().chain(tables.into_iter().flatten())
    });
    sets.chain(&info.vocabulary).chain(&info.tables)
}

/// True if a path leads to a file below the index: no scheme, no root, no `..`.
fn is_below(path: &str) -> bool {
    path.split('/').all(is_name)
}
