//! Files of another format, one after the other, into an atlas.

use std::collections::BTreeMap;

use atlas::files::{SHARD_SIZE, VERSION};
use atlas::record::{Activations, Example};
use atlas::{
    AtlasInfo, Content, CorpusInfo, FeatureRecord, Imported, ModelKey, Quantity, SetInfo, SetKind,
    Settings,
};

use crate::error::Error;
use crate::json::At;
use crate::text::Texts;
use crate::{Format, openai_viewer, sae_dashboard};

/// Latents that a set may have. The index of one sets the length of the atlas's tables.
pub const MOST_LATENTS: u64 = 1 << 18;

/// Tokens that an example may have.
const MOST_POSITIONS: usize = 1 << 15;

/// Files of one format that become an atlas.
#[derive(Debug)]
pub struct Importer {
    format: Format,
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

impl Importer {
    /// Nothing so far. `vocabulary` holds the bytes of each token where the tokenizer is known; without it SAEDashboard's
    /// tokens get ids of their own.
    pub fn new(format: Format, vocabulary: Option<Vec<Vec<u8>>>) -> Self {
        Self {
            format,
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

    /// Adds a file. `set` is a name for its feature set, where the file does not state one. After an error the importer is of
    /// no further use.
    ///
    /// # Errors
    /// Those of this crate that name a file.
    pub fn add(&mut self, file: &str, set: &str, bytes: &[u8]) -> Result<(), Error> {
        match self.format {
            Format::SaeDashboard => sae_dashboard::read(self, file, set, bytes),
            Format::OpenaiViewer => openai_viewer::read(self, file, set, bytes),
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

    /// The atlas.
    ///
    /// # Errors
    /// [`Error::Nothing`].
    pub fn finish(mut self) -> Result<Content, Error> {
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
                format: self.format.name().to_owned(),
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

/// The index of a latent.
pub(crate) fn latent(at: &At<'_>, number: u64) -> Result<u32, Error> {
    if number < MOST_LATENTS {
        Ok(number as u32)
    } else {
        Err(at.error(format!(
            "is {number}; features up to {} are read",
            MOST_LATENTS - 1
        )))
    }
}

/// An example from the activation at each of its tokens. `peak` is where the file says that it is strongest.
pub(crate) fn example(
    at: &At<'_>,
    tokens: Vec<u32>,
    values: &[f64],
    name: &str,
    peak: Option<u64>,
) -> Result<Example, Error> {
    let values_at = at.field(name);
    values_at.same_length(values.len(), "tokens", tokens.len())?;
    if values.is_empty() || values.len() > MOST_POSITIONS {
        return Err(values_at.error(format!(
            "has {} entries; an example has 1 to {MOST_POSITIONS}",
            values.len()
        )));
    }
    let (mut positions, mut activations) = (Vec::new(), Vec::new());
    let mut largest = (0u16, 0.0f32);
    for (position, value) in (0u16..).zip(values) {
        let value = values_at.entry(usize::from(position)).number(*value)?;
        if value > 0.0 {
            positions.push(position);
            activations.push(value);
        }
        if value > largest.1 {
            largest = (position, value);
        }
    }
    // Of several positions with the largest activation the one that the file names.
    let named = peak.and_then(|peak| {
        let value = values.get(usize::try_from(peak).ok()?)?;
        (*value as f32 == largest.1).then_some(peak as u16)
    });
    Ok(Example {
        document: 0,
        start: 0,
        tokens,
        peak: named.unwrap_or(largest.0),
        positions,
        activations: Activations(activations),
    })
}

/// The largest activation of examples.
pub(crate) fn largest(examples: &[Example]) -> Option<f32> {
    let values = examples.iter().flat_map(|example| &example.activations.0);
    values.copied().reduce(f32::max)
}
