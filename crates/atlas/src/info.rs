//! Descriptions of an atlas: its model, its corpus, its feature sets, and the settings of its scan.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// An atlas, but for the records of its features: the content of `atlas.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AtlasInfo {
    /// Version of the format, [`crate::files::VERSION`].
    pub version: u32,
    /// The model whose features these are.
    pub model: ModelKey,
    /// The corpus that was read.
    pub corpus: CorpusInfo,
    /// The settings of the scan.
    pub settings: Settings,
    /// The feature sets, in the order in which they were scanned.
    pub sets: Vec<SetInfo>,
    /// The documents that examples are from, by increasing number.
    pub documents: Vec<DocumentInfo>,
    /// The bytes of each token of the vocabulary, so that the atlas can be read without its model. A token of which they
    /// are not known has none.
    pub vocabulary: Option<FileInfo>,
    /// Tables of all features in Parquet, for analysis.
    pub tables: Vec<FileInfo>,
    /// What an atlas that was read from another format's files leaves open; None where a scan made it.
    pub imported: Option<Imported>,
}

impl AtlasInfo {
    /// True if a quantity is stated by the records and tables. Where it is not, they have a 0 that means nothing.
    pub fn knows(&self, quantity: Quantity) -> bool {
        let imported = self.imported.as_ref();
        imported.is_none_or(|imported| !imported.unknown.contains(&quantity))
    }

    /// True if there is a record of a latent. Shards hold an empty one in the place of a missing one.
    pub fn has(&self, set: &str, latent: u32) -> bool {
        let missing = self
            .imported
            .as_ref()
            .and_then(|imported| imported.missing.get(set));
        let mut ranges = missing.into_iter().flatten();
        !ranges.any(|[first, end]| (*first..*end).contains(&latent))
    }
}

/// What is special about an atlas that was read from another format's files.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Imported {
    /// The format, such as `sae-dashboard`.
    pub format: String,
    /// What these files do not say.
    pub unknown: Vec<Quantity>,
    /// By the id of a set: latents of which they say nothing, as ranges without their ends, increasing.
    pub missing: BTreeMap<String, Vec<[u32; 2]>>,
}

/// A number that other formats may lack, where the types of this one have no way to leave it out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Quantity {
    /// [`ModelKey::sha256`] and [`SetInfo::sha256`], which are empty.
    Hashes,
    /// [`AtlasInfo::settings`].
    Settings,
    /// [`CorpusInfo::tokens`], [`CorpusInfo::source_tokens`] and [`SetInfo::tokens`].
    CorpusTokens,
    /// [`CorpusInfo::windows`].
    CorpusWindows,
    /// [`CorpusInfo::documents`].
    CorpusDocuments,
    /// [`crate::record::Moments::fired`].
    Fired,
    /// [`crate::record::Moments::windows`].
    Windows,
    /// [`crate::record::Moments::density`].
    Density,
    /// [`crate::record::Moments::max`].
    Max,
    /// [`crate::record::Moments::mean`].
    Mean,
    /// [`crate::record::Moments::mean_square`].
    MeanSquare,
    /// [`FeatureRecord::tokens`](crate::FeatureRecord::tokens) and `distinct_tokens`.
    Tokens,
    /// [`FeatureRecord::sources`](crate::FeatureRecord::sources) and `main_source`.
    Sources,
    /// [`crate::record::Interval::windows`].
    IntervalWindows,
    /// [`crate::record::Example::document`].
    ExampleDocument,
    /// [`crate::record::Example::start`].
    ExampleStart,
}

/// Identity of a model and its tokenizer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelKey {
    /// Name for people.
    pub name: String,
    /// SHA-256 of the model's tensors as the engine holds them, lower-case hexadecimal: equal for equal weights, whatever
    /// file they are from.
    pub sha256: String,
    /// SHA-256 of the tokenizer: of `token\n` for each id in order, each token as its bytes in hexadecimal.
    pub tokenizer_sha256: String,
    /// Number of tokens of the vocabulary.
    pub vocabulary: u32,
}

impl ModelKey {
    /// [`ModelKey::tokenizer_sha256`] of a vocabulary.
    pub fn tokenizer_hash(vocabulary: &[Vec<u8>]) -> String {
        let mut hash = Sha256::new();
        for token in vocabulary {
            hash.update(hexadecimal(token));
            hash.update(b"\n");
        }
        hexadecimal(&hash.finalize())
    }
}

/// Bytes as lower-case hexadecimal digits.
pub fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A corpus.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CorpusInfo {
    /// Name for people.
    pub name: String,
    /// Names of its sources, such as `kjv`; records name a source by its index here. At least one.
    pub sources: Vec<String>,
    /// Tokens of each source that count for the first feature set.
    pub source_tokens: Vec<u64>,
    /// Documents that were read.
    pub documents: u64,
    /// Windows that were read.
    pub windows: u64,
    /// Tokens that count for the first feature set, of all sources.
    pub tokens: u64,
}

/// Settings of a scan. Tallies merge only where they are equal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Tokens per window, a BOS included.
    pub context: u32,
    /// True if a BOS stands before each window. It is not among the tokens of an example.
    pub bos: bool,
    /// Strongest windows kept per latent.
    pub top: u32,
    /// Windows kept per latent from each interval of activations.
    pub per_interval: u32,
    /// Windows kept per latent from all in which it fires.
    pub random: u32,
    /// Tokens kept after the strongest token of a window. All tokens before it are kept, so that an example can be run again.
    pub after: u32,
    /// Seed of the choice of windows.
    pub seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            context: 64,
            bos: true,
            top: 10,
            per_interval: 2,
            random: 3,
            after: 8,
            seed: 0,
        }
    }
}

/// The kind of a feature set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SetKind {
    /// The latents of a sparse autoencoder. One fires where its activation is above 0.
    Sae,
    /// The neurons of an MLP, or another activation's dimensions. One fires where its activation is above 0; moments and
    /// histogram are over all values, negative ones included.
    Neurons,
}

/// A feature set of an atlas.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetInfo {
    /// Id, as in the page's address, such as `layer-3`. It is a folder's name: letters, digits, `-`, `_` and `.`.
    pub id: String,
    /// Its kind.
    pub kind: SetKind,
    /// Hook point, such as `blocks.3.hook_resid_post`.
    pub hook: String,
    /// Number of latents.
    pub n_latents: u32,
    /// SHA-256 of its tensors as the engine holds them; of the model's for neurons.
    pub sha256: String,
    /// Tokens over which its statistics are: positions that do not count for it are left out.
    pub tokens: u64,
    /// Of these, the tokens of each source, in the order of [`CorpusInfo::sources`].
    pub source_tokens: Vec<u64>,
    /// Features per shard. Shard i holds latents from i · this on.
    pub shard_size: u32,
    /// Its shards, in order.
    pub shards: Vec<FileInfo>,
    /// The table of all its features.
    pub table: Option<FileInfo>,
    /// Coordinates of its features on a plane.
    pub map: Option<FileInfo>,
    /// For each token of the vocabulary, the features that fire on it.
    pub token_index: Option<FileInfo>,
    /// Bound of the error of a co-activation count, in tokens; 0 where counts are exact.
    pub coactivation_error: u64,
}

/// A file of an atlas.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileInfo {
    /// Address relative to `atlas.json`, with `/` between folders.
    pub path: String,
    /// Length in bytes, as stored.
    pub bytes: u64,
    /// SHA-256 of these bytes, lower-case hexadecimal.
    pub sha256: String,
}

/// A document of the corpus.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DocumentInfo {
    /// Its number in the corpus, from 0.
    pub number: u64,
    /// Its name, such as a file's or a chapter's.
    pub name: String,
    /// Index of its source in [`CorpusInfo::sources`].
    pub source: u16,
}
