//! Names and addresses of an atlas's parts.

use ::atlas::info::FileInfo;
use ::atlas::{AtlasInfo, SetInfo};

/// A part of an atlas, fetched by itself. Sets and shards are named by their indices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartId {
    /// The index, which names the others.
    Index,
    /// Texts of the vocabulary's tokens.
    Vocabulary,
    /// The table of all features of a set.
    Table(usize),
    /// Coordinates of the features of a set.
    Map(usize),
    /// The features of a set that fire on each token of the vocabulary.
    TokenIndex(usize),
    /// The records of some features of a set.
    Shard(usize, usize),
}

impl PartId {
    /// The set that it is about.
    pub fn set(self) -> Option<usize> {
        match self {
            Self::Index | Self::Vocabulary => None,
            Self::Table(set) | Self::Map(set) | Self::TokenIndex(set) | Self::Shard(set, _) => {
                Some(set)
            }
        }
    }

    /// Its file; nothing where the atlas has no such part. The index, which no file names, has none either.
    pub fn file(self, info: &AtlasInfo) -> Option<&FileInfo> {
        let set = || -> Option<&SetInfo> { info.sets.get(self.set()?) };
        match self {
            Self::Index => None,
            Self::Vocabulary => info.vocabulary.as_ref(),
            Self::Table(_) => set()?.table.as_ref(),
            Self::Map(_) => set()?.map.as_ref(),
            Self::TokenIndex(_) => set()?.token_index.as_ref(),
            Self::Shard(_, shard) => set()?.shards.get(shard),
        }
    }
}

/// A file to be fetched.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// The part that it is.
    pub part: PartId,
    /// Address of the atlas's index, relative to the page.
    pub index: String,
    /// Address of the file, relative to the page.
    pub address: String,
    /// Length and hash that it must have; nothing for the index.
    pub file: Option<FileInfo>,
}

/// The address of a file that an index names, from the index's own address.
pub fn address(index: &str, path: &str) -> String {
    match index.rsplit_once('/') {
        Some((folder, _)) => format!("{folder}/{path}"),
        None => path.to_owned(),
    }
}
