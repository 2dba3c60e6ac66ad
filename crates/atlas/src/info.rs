//! Descriptions of an atlas: its model, its corpus, its feature sets, and the settings of its scan.

use serde::{Deserialize, Serialize};

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
    /// The texts of the vocabulary's tokens, so that an atlas can be read without its model.
    pub vocabulary: Option<FileInfo>,
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
