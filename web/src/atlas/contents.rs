//! Contents of an atlas's parts.

use ::atlas::error::Error;
use ::atlas::files::{Binary, decode, decode_info};
use ::atlas::record::{FeatureRow, TokenIndex};
use ::atlas::{AtlasInfo, FeatureRecord};

use super::{PartId, Request};

/// The content of a part.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// Of the index.
    Index(Box<AtlasInfo>),
    /// For each token its bytes.
    Vocabulary(Vec<Vec<u8>>),
    /// One row per feature.
    Table(Vec<FeatureRow>),
    /// x and y per feature.
    Map(Vec<[f32; 2]>),
    /// For each token latents and numbers of times.
    TokenIndex(TokenIndex),
    /// Records of the features of a shard.
    Shard(Vec<FeatureRecord>),
}

/// The content of a part, from the bytes that arrived for it. They must be those that the index names, and as many values as
/// the index says.
///
/// # Errors
/// [`Error::Damaged`], [`Error::Version`].
pub fn read(request: &Request, info: Option<&AtlasInfo>, bytes: &[u8]) -> Result<Content, Error> {
    let path = &request.address;
    if let Some(file) = &request.file {
        file.check(bytes)?;
    }
    let set = |set: usize| info.and_then(|info| info.sets.get(set));
    let latents = |index: usize| set(index).map(|set| set.n_latents as usize);
    let tokens = info.map(|info| info.model.vocabulary as usize);
    match request.part {
        PartId::Index => decode_info(path, bytes).map(|info| Content::Index(Box::new(info))),
        PartId::Vocabulary => list(path, bytes, tokens).map(Content::Vocabulary),
        PartId::Table(set) => list(path, bytes, latents(set)).map(Content::Table),
        PartId::Map(set) => list(path, bytes, latents(set)).map(Content::Map),
        PartId::TokenIndex(_) => list(path, bytes, tokens).map(Content::TokenIndex),
        PartId::Shard(index, shard) => {
            let set = set(index);
            let size = set.map_or(0, |set| set.shard_size);
            let first = size.saturating_mul(u32::try_from(shard).unwrap_or(u32::MAX));
            let expected = set.map(|set| set.n_latents.saturating_sub(first).min(size) as usize);
            let records: Vec<FeatureRecord> = list(path, bytes, expected)?;
            let mut latents = first..;
            if let Some(record) = records
                .iter()
                .find(|record| latents.next() != Some(record.latent))
            {
                return Err(Error::Damaged {
                    path: path.clone(),
                    why: format!(
                        "feature {} stands in a shard that begins with feature {first}, in another one's place",
                        record.latent
                    ),
                });
            }
            Ok(Content::Shard(records))
        }
    }
}

/// A list of as many values as there should be.
fn list<T>(path: &str, bytes: &[u8], expected: Option<usize>) -> Result<Vec<T>, Error>
where
    Vec<T>: Binary,
{
    let values: Vec<T> = decode(path, bytes)?;
    match expected {
        Some(expected) if expected != values.len() => Err(Error::Damaged {
            path: path.to_owned(),
            why: format!(
                "it has {} entries, and {expected} belong there",
                values.len()
            ),
        }),
        _ => Ok(values),
    }
}
