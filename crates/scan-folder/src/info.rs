//! The layout of a scan's folder.
//!
//! ```text
//! DIR/scan.json                    ScanInfo; complete: false and no tallies until the scan has ended
//! DIR/SET.tally                    one per feature set, as atlas::files::encode writes it, when it has ended
//! DIR/checkpoint-0/, checkpoint-1/ the same two kinds of files as they were while it ran; gone when it has ended
//! ```
//!
//! In each folder `scan.json` is written last, and names the length and SHA-256 of every tally beside it.

use atlas::files::{decode_index, encode_index, is_name};
use atlas::info::FileInfo;
use atlas::tally::TallySet;
use atlas::{AtlasInfo, CorpusInfo, ModelKey, Settings};
use serde::{Deserialize, Serialize};

use crate::error::Error;

/// Version of the layout.
pub const VERSION: u32 = 1;

/// Name of the index.
pub const INDEX: &str = "scan.json";

/// Name of a set's tally. Ids of sets are names of files already: letters, digits, `-`, `_` and `.`.
pub fn tally_name(set: &str) -> String {
    format!("{set}.tally")
}

/// A scan, but for its tallies: the content of `scan.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScanInfo {
    /// Version of the layout, [`VERSION`].
    pub version: u32,
    /// True if all of the corpus was read, or as much of it as was wanted. Only then are the tallies a result.
    pub complete: bool,
    /// The model.
    pub model: ModelKey,
    /// The corpus.
    pub corpus: CorpusKey,
    /// The settings of the tallies.
    pub settings: Settings,
    /// The part of the corpus that this scan reads.
    pub shard: Shard,
    /// Tokens after which the scan ends; None for all. It ends with the window that reaches this number.
    pub limit_tokens: Option<u64>,
    /// What was read so far.
    pub progress: Progress,
    /// The feature sets, in the order in which they were named.
    pub sets: Vec<TallySet>,
    /// Their tallies, in the order of `sets`; none while a scan runs.
    pub tallies: Vec<TallyFile>,
}

/// The corpus of a scan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CorpusKey {
    /// Name for people, as tallies have it.
    pub name: String,
    /// The files, in the order in which they are read: documents are numbered through all of them.
    pub files: Vec<CorpusFile>,
    /// Field of a record that holds its text.
    pub text_field: String,
}

impl CorpusKey {
    /// A corpus of some files, by its name or else by theirs. Without a name of the field, a record's text is in `text`.
    pub fn new(name: Option<&str>, files: Vec<CorpusFile>, text_field: Option<&str>) -> Self {
        let of_files = || match files.as_slice() {
            [] => String::new(),
            [only] => only.name.clone(),
            [first, others @ ..] => format!("{} and {} more", first.name, others.len()),
        };
        Self {
            name: name.map_or_else(of_files, str::to_owned),
            files,
            text_field: text_field.unwrap_or("text").to_owned(),
        }
    }
}

/// A file of a corpus.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CorpusFile {
    /// Its name, without folders.
    pub name: String,
    /// Its length in bytes, as it lies on the disk.
    pub bytes: u64,
}

/// A part of a corpus: the documents whose number modulo `of` is `index`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shard {
    /// From 0.
    pub index: u32,
    /// Number of shards, at least 1.
    pub of: u32,
}

impl Default for Shard {
    fn default() -> Self {
        Self { index: 0, of: 1 }
    }
}

impl Shard {
    /// True if a document belongs to this part.
    pub fn has(&self, document: u64) -> bool {
        document % u64::from(self.of.max(1)) == u64::from(self.index)
    }
}

impl std::fmt::Display for Shard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.index, self.of)
    }
}

/// How far a scan is, and what it left out. Documents of other shards are in `documents` alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Progress {
    /// Documents of the corpus that were read to their end, those of other shards included.
    pub documents: u64,
    /// Windows of the next document that were read already.
    pub windows_of_next: u64,
    /// Windows that went through the model.
    pub windows: u64,
    /// Their tokens, without BOS.
    pub tokens: u64,
    /// Ends of documents that were left out because they are shorter than a window may be.
    pub short_windows: u64,
    /// Tokens in them.
    pub short_tokens: u64,
}

/// The tally of a set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TallyFile {
    /// Id of the set.
    pub set: String,
    /// The file, beside `scan.json`.
    pub file: FileInfo,
}

/// A name for a feature set that names of files may have everywhere, from its id.
pub fn set_name(id: &str) -> String {
    let allowed = |character: char| character.is_ascii_alphanumeric() || "-_.".contains(character);
    let name = id.chars().map(|c| if allowed(c) { c } else { '-' });
    let name: String = name.collect();
    // A name of nothing but dots is a folder's.
    match name.chars().all(|character| character == '.') {
        true => format!("sae{name}"),
        false => name,
    }
}

impl ScanInfo {
    /// The atlas of this scan, before anything is known of its features and of what was read.
    pub fn atlas(&self) -> AtlasInfo {
        AtlasInfo {
            version: atlas::files::VERSION,
            model: self.model.clone(),
            corpus: CorpusInfo {
                name: self.corpus.name.clone(),
                // Nothing was read: an atlas has a source all the same.
                sources: vec![self.corpus.name.clone()],
                source_tokens: vec![0],
                documents: 0,
                windows: 0,
                tokens: 0,
            },
            settings: self.settings.clone(),
            sets: Vec::new(),
            documents: Vec::new(),
            vocabulary: None,
            tables: Vec::new(),
            imported: None,
        }
    }

    /// The first thing in which two scans differ, but for how far they are: a plural, and both values. None for the same scan.
    pub fn difference(&self, other: &Self) -> Option<(&'static str, String, String)> {
        let files = |info: &Self| {
            let files = info.corpus.files.iter();
            let files: Vec<String> = files
                .map(|file| format!("{} of {} bytes", file.name, file.bytes))
                .collect();
            files.join(", ")
        };
        let sets = |info: &Self| {
            let sets = info.sets.iter();
            let sets: Vec<String> = sets
                .map(|set| format!("{} at {} ({})", set.id, set.hook, set.sha256))
                .collect();
            sets.join(", ")
        };
        let limit = |info: &Self| match info.limit_tokens {
            Some(tokens) => tokens.to_string(),
            None => "none".to_owned(),
        };
        type Named = (&'static str, fn(&ScanInfo) -> String);
        let parts: [Named; 9] = [
            ("models", |info| info.model.sha256.clone()),
            ("tokenizers", |info| info.model.tokenizer_sha256.clone()),
            ("names of the corpus", |info| info.corpus.name.clone()),
            ("fields of the text", |info| info.corpus.text_field.clone()),
            ("shards", |info| info.shard.to_string()),
            ("contexts", |info| info.settings.context.to_string()),
            ("choices of a BOS", |info| info.settings.bos.to_string()),
            ("seeds", |info| info.settings.seed.to_string()),
            ("settings", |info| format!("{:?}", info.settings)),
        ];
        let named = parts.map(|(what, of)| (what, of(self), of(other)));
        let listed = [
            ("files of the corpus", files(self), files(other)),
            ("feature sets", sets(self), sets(other)),
            ("limits of tokens", limit(self), limit(other)),
        ];
        let mut all = named.into_iter().chain(listed);
        all.find(|(_, one, other)| one != other)
    }
}

/// An index as a file.
///
/// # Errors
/// [`atlas::Error::Unwritable`].
pub fn encode_info(info: &ScanInfo) -> Result<Vec<u8>, Error> {
    Ok(encode_index(INDEX, info)?)
}

/// The index in a file. `path` is its name for errors.
///
/// # Errors
/// [`atlas::Error::Damaged`], [`atlas::Error::Version`].
pub fn decode_info(path: &str, bytes: &[u8]) -> Result<ScanInfo, Error> {
    let damaged = |why: String| {
        Error::Atlas(atlas::Error::Damaged {
            path: path.to_owned(),
            why,
        })
    };
    let info: ScanInfo = decode_index(path, bytes, VERSION)?;
    if info.shard.of == 0 || info.shard.index >= info.shard.of {
        return Err(damaged(format!("{} is no shard", info.shard)));
    }
    for tally in &info.tallies {
        if tally.file.path != tally_name(&tally.set) || !is_name(&tally.set) {
            return Err(damaged(format!(
                "{:?} is not the name of a tally of {:?}",
                tally.file.path, tally.set
            )));
        }
    }
    let tallies = info.tallies.iter().map(|tally| &tally.set);
    if info.complete && !tallies.eq(info.sets.iter().map(|set| &set.id)) {
        return Err(damaged(
            "its tallies are not those of its feature sets".to_owned(),
        ));
    }
    Ok(info)
}
