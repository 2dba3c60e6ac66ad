//! What files of another format have said so far, and the atlas that it makes.

use std::collections::BTreeMap;

use atlas::files::{SHARD_SIZE, VERSION};
use atlas::{
    AtlasInfo, Content, CorpusInfo, FeatureRecord, Imported, ModelKey, Quantity, SetInfo, SetKind,
    Settings,
};

use crate::error::Error;
use crate::json::At;
use crate::text::Texts;

/// What the files have said so far.
#[derive(Debug)]
pub(crate) struct Collected {
    pub(crate) texts: Texts,
    /// By layer, as far as files say it, and name.
    pub(crate) sets: BTreeMap<(Option<i64>, String), BTreeMap<u32, FeatureRecord>>,
    pub(crate) unknown: Vec<Quantity>,
    pub(crate) model: Option<String>,
    pub(crate) dataset: Option<String>,
    /// Windows and tokens per window of the corpus.
    pub(crate) windows: Option<u64>,
    pub(crate) context: Option<u64>,
}

impl Collected {
    /// Nothing so far; see [`Importer::new`](crate::Importer::new).
    pub(crate) fn new(vocabulary: Option<Vec<Vec<u8>>>) -> Self {
        Self {
            texts: Texts::new(vocabulary),
            sets: BTreeMap::new(),
            unknown: vec![
                Quantity::Hashes,
                Quantity::Settings,
                Quantity::CorpusDocuments,
                Quantity::Windows,
                Quantity::Tokens,
                Quantity::Sources,
                Quantity::IntervalWindows,
                Quantity::ExampleStart,
            ],
            model: None,
            dataset: None,
            windows: None,
            context: None,
        }
    }

    /// Notes that a quantity is not known of some feature.
    pub(crate) fn lacks(&mut self, quantity: Quantity) {
        if !self.unknown.contains(&quantity) {
            self.unknown.push(quantity);
        }
    }

    /// Adds a record.
    pub(crate) fn insert(
        &mut self,
        at: &At<'_>,
        layer: Option<i64>,
        set: &str,
        record: FeatureRecord,
    ) -> Result<(), Error> {
        let records = self.sets.entry((layer, set.to_owned())).or_default();
        let latent = record.latent;
        match records.insert(latent, record) {
            None => Ok(()),
            Some(_) => Err(at.error(format!(
                "is {latent}, of which another file or entry tells already"
            ))),
        }
    }

    /// The atlas. `format` is the name of the files' format.
    ///
    /// # Errors
    /// [`Error::Nothing`].
    pub(crate) fn finish(mut self, format: &str) -> Result<Content, Error> {
        if self.sets.values().all(BTreeMap::is_empty) {
            return Err(Error::Nothing);
        }
        let tokens = self.windows.zip(self.context);
        let tokens = tokens.and_then(|(windows, context)| windows.checked_mul(context));
        if tokens.is_none() {
            self.lacks(Quantity::CorpusTokens);
        }
        if self.windows.is_none() {
            self.lacks(Quantity::CorpusWindows);
        }
        let tokens = tokens.unwrap_or(0);
        let (mut sets, mut all, mut missing) = (Vec::new(), Vec::new(), BTreeMap::new());
        let several = |name: &str| self.sets.keys().filter(|(_, other)| other == name).count() > 1;
        for ((layer, name), records) in &self.sets {
            let id = match layer {
                // As Neuronpedia names them.
                Some(layer) if several(name) => format!("{layer}-{name}"),
                _ => name.clone(),
            };
            let id = free_id(&id, &sets);
            let (records, gaps) = filled(records);
            if !gaps.is_empty() {
                missing.insert(id.clone(), gaps);
            }
            sets.push(SetInfo {
                id,
                kind: SetKind::Sae,
                hook: String::new(),
                n_latents: records.len() as u32,
                sha256: String::new(),
                tokens,
                source_tokens: vec![tokens],
                shard_size: SHARD_SIZE,
                shards: Vec::new(),
                table: None,
                map: None,
                token_index: None,
                coactivation_error: 0,
            });
            all.push(records);
        }
        let vocabulary = self.texts.into_vocabulary();
        let name = self.dataset.unwrap_or_else(|| "unknown corpus".to_owned());
        let info = AtlasInfo {
            version: VERSION,
            model: ModelKey {
                name: self.model.unwrap_or_else(|| "unknown model".to_owned()),
                sha256: String::new(),
                tokenizer_sha256: ModelKey::tokenizer_hash(&vocabulary),
                vocabulary: vocabulary.len() as u32,
            },
            corpus: CorpusInfo {
                sources: vec![name.clone()],
                name,
                source_tokens: vec![tokens],
                documents: 0,
                windows: self.windows.unwrap_or(0),
                tokens,
            },
            settings: Settings {
                context: self
                    .context
                    .and_then(|context| context.try_into().ok())
                    .unwrap_or(0),
                bos: false,
                top: 0,
                per_interval: 0,
                random: 0,
                after: 0,
                seed: 0,
            },
            sets,
            documents: Vec::new(),
            vocabulary: None,
            tables: Vec::new(),
            imported: Some(Imported {
                format: format.to_owned(),
                unknown: self.unknown,
                missing,
            }),
        };
        Ok(Content {
            info,
            records: all,
            vocabulary: Some(vocabulary),
        })
    }
}

/// Records of all latents from 0 on, with empty ones for those that are missing, and the ranges of these.
fn filled(records: &BTreeMap<u32, FeatureRecord>) -> (Vec<FeatureRecord>, Vec<[u32; 2]>) {
    let (mut all, mut gaps) = (Vec::new(), Vec::new());
    for (latent, record) in records {
        let next = all.len() as u32;
        if next < *latent {
            gaps.push([next, *latent]);
            all.extend((next..*latent).map(|latent| FeatureRecord {
                latent,
                ..FeatureRecord::default()
            }));
        }
        all.push(record.clone());
    }
    (all, gaps)
}

/// An id that can be a folder's name, and that no other set has.
fn free_id(name: &str, taken: &[SetInfo]) -> String {
    let allowed = |c: char| {
        if c.is_ascii_alphanumeric() || "-_.".contains(c) {
            c
        } else {
            '-'
        }
    };
    let mut id: String = name.chars().take(100).map(allowed).collect();
    if id.chars().all(|c| c == '.') {
        id = "features".to_owned();
    }
    let is_taken = |id: &str| taken.iter().any(|set| set.id == id);
    let numbered = (1u64..).map(|n| {
        if n == 1 {
            id.clone()
        } else {
            format!("{id}-{n}")
        }
    });
    let mut free = numbered.filter(|id| !is_taken(id));
    free.next().unwrap_or_else(|| id.clone())
}
