//! Errors of the commands about atlases.

use std::path::PathBuf;

/// An error, as one paragraph for a person.
#[derive(Debug, thiserror::Error)]
pub enum AtlasError {
    /// An atlas on disk.
    #[error(transparent)]
    Folder(#[from] atlas_folder::Error),
    /// A scan's folder, or shards that are not those of one scan.
    #[error(transparent)]
    Scan(#[from] scan_folder::Error),
    /// The description of scanned features.
    #[error(transparent)]
    Describe(#[from] scan::Error),
    /// Tallies that refuse to merge.
    #[error(transparent)]
    Tally(#[from] atlas::Error),
    /// Files of another format.
    #[error(transparent)]
    Exchange(#[from] atlas_exchange::Error),
    /// Tables.
    #[error(transparent)]
    Tables(#[from] atlas_parquet::Error),
    /// A tokenizer that is not the atlas's.
    #[error("{given} is another tokenizer than the atlas's: {why}")]
    Tokenizer {
        /// As it was given.
        given: String,
        /// What differs.
        why: String,
    },
    /// An atlas without texts of tokens.
    #[error("the atlas in {} does not have the texts of its tokens{hint}", .dir.display())]
    NoVocabulary {
        /// The atlas.
        dir: PathBuf,
        /// What to do, as the end of a sentence.
        hint: &'static str,
    },
    /// A text that is no token.
    #[error("{text:?} is not one token of the vocabulary{near}")]
    NoToken {
        /// The text.
        text: String,
        /// Similar tokens, as the end of a sentence.
        near: String,
    },
    /// An atlas of several sets, none of which was named.
    #[error("the atlas has several feature sets: name one with --sae ({known})")]
    WhichSet {
        /// Their ids.
        known: String,
    },
    /// An atlas or a set without an index that is needed.
    #[error("{set} has no {what}")]
    Without {
        /// The set.
        set: String,
        /// What it lacks.
        what: &'static str,
    },
    /// A number by which the features cannot be sorted.
    #[error(
        "{what} is not known of these features: the {format} files that the atlas was imported from do not have it"
    )]
    Unknown {
        /// The number.
        what: &'static str,
        /// The format.
        format: String,
    },
}

impl AtlasError {
    /// The error's kind in kebab-case.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Folder(atlas_folder::Error::NoAtlas { .. }) => "missing-file",
            Self::Folder(
                atlas_folder::Error::Write { .. }
                | atlas_folder::Error::NotReplaced { .. }
                | atlas_folder::Error::NoName { .. }
                | atlas_folder::Error::Busy { .. },
            )
            | Self::Tables(_) => "output",
            Self::Folder(
                atlas_folder::Error::NoSet { .. }
                | atlas_folder::Error::NoLatent { .. }
                | atlas_folder::Error::NoRecord { .. },
            )
            | Self::WhichSet { .. }
            | Self::NoToken { .. }
            | Self::Unknown { .. }
            | Self::Without { .. } => "bad-argument",
            Self::Scan(
                scan_folder::Error::Shards { .. }
                | scan_folder::Error::Overlap { .. }
                | scan_folder::Error::MissingShards { .. },
            )
            | Self::Tally(_)
            | Self::Tokenizer { .. } => "mismatch",
            Self::Folder(_)
            | Self::Scan(_)
            | Self::Describe(_)
            | Self::Exchange(_)
            | Self::NoVocabulary { .. } => "bad-file",
        }
    }
}
