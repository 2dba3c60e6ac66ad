//! Statistics of a feature set while they are collected. Every part of them is a sum, a largest value or a choice by an order that
//! depends on the corpus alone, so tallies of parts merge to exactly the tally of the whole.

mod bins;
mod coactive;
mod counts;
mod kept;
mod latent;
mod records;
mod sums;
mod window;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use self::coactive::Pairs;
use self::kept::mix;
use self::latent::{InWindow, LatentTally};
pub use self::window::{Values, Window};
use crate::error::Error;
use crate::info::{DocumentInfo, ModelKey, SetKind, Settings};
use crate::record::DocumentCount;

/// Documents that may be known by name beyond those that examples are from.
const SPARE_DOCUMENTS: usize = 4096;

/// The feature set of a tally.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TallySet {
    /// Id, as in the page's address.
    pub id: String,
    /// Its kind.
    pub kind: SetKind,
    /// Hook point.
    pub hook: String,
    /// Number of latents.
    pub n_latents: u32,
    /// SHA-256 of its tensors, see [`crate::SetInfo::sha256`].
    pub sha256: String,
}

/// Statistics of one feature set over a part of a corpus.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tally {
    model: ModelKey,
    set: TallySet,
    corpus: String,
    settings: Settings,
    /// Sources with the number of tokens that count, by name.
    sources: Vec<(String, u64)>,
    /// Names of documents, with the index of their source. Those that no example is from are dropped now and then.
    names: BTreeMap<u64, (String, u16)>,
    documents: u64,
    windows: u64,
    /// How often each token of the vocabulary occurs where positions count.
    occurs: Vec<u64>,
    latents: Vec<LatentTally>,
    pairs: Pairs,
    /// The document that the last window was from, and how often each latent fires in it.
    current: Option<(u64, BTreeMap<u32, u64>)>,
    /// Number of names after the last tidying.
    tidied: usize,
}

/// Room that is used again for every window.
#[derive(Default)]
struct Scratch {
    /// Latent, position, activation of every firing, by latent and position.
    firings: Vec<(u32, u16, f32)>,
    positions: Vec<u16>,
    activations: Vec<f32>,
    active: Vec<u32>,
}

impl Tally {
    /// Nothing so far. `corpus` is the corpus's name.
    pub fn new(model: ModelKey, set: TallySet, corpus: String, settings: Settings) -> Self {
        Self {
            sources: Vec::new(),
            names: BTreeMap::new(),
            documents: 0,
            windows: 0,
            occurs: vec![0; model.vocabulary as usize],
            latents: vec![LatentTally::default(); set.n_latents as usize],
            pairs: Pairs::new(set.n_latents),
            current: None,
            tidied: 0,
            model,
            set,
            corpus,
            settings,
        }
    }

    /// Names a document, before its windows are added.
    pub fn document(&mut self, number: u64, name: &str, source: &str) {
        let source = self.source(source);
        self.documents += 1;
        self.names.insert(number, (name.to_owned(), source as u16));
        if self.names.len() > 2 * self.tidied + SPARE_DOCUMENTS {
            self.tidy_names(number);
        }
    }

    /// Index of a source by name. Sources stay sorted, so that their order does not depend on the corpus's.
    fn source(&mut self, name: &str) -> usize {
        match self
            .sources
            .binary_search_by(|(other, _)| other.as_str().cmp(name))
        {
            Ok(at) => at,
            Err(at) => {
                self.sources.insert(at, (name.to_owned(), 0));
                for latent in &mut self.latents {
                    latent.sources.insert(at, 0);
                }
                for (_, source) in self.names.values_mut() {
                    if usize::from(*source) >= at {
                        *source += 1;
                    }
                }
                at
            }
        }
    }

    /// Drops names of documents that no example is from, but for `current`.
    fn tidy_names(&mut self, current: u64) {
        let wanted = self.example_documents();
        self.names
            .retain(|number, _| *number == current || wanted.contains(number));
        self.tidied = self.names.len();
    }

    /// Documents that records name.
    fn example_documents(&self) -> BTreeSet<u64> {
        let examples = self.latents.iter().flat_map(LatentTally::examples);
        let counts = self.latents.iter().flat_map(|latent| &latent.documents);
        examples
            .map(|example| example.document)
            .chain(counts.map(|count| count.document))
            .collect()
    }

    /// Adds a window. Windows of one document come one after the other, each once.
    ///
    /// # Errors
    /// [`Error::Shape`]; [`Error::NotANumber`]. After an error nothing of the window is counted.
    pub fn add(&mut self, window: &Window<'_>, values: &Values<'_>) -> Result<(), Error> {
        window.check(values, self.set.n_latents)?;
        let Some(&(_, source)) = self.names.get(&window.document) else {
            return Err(Error::Shape {
                what: "number of a document that was not named",
                got: window.document as usize,
                expected: 0,
            });
        };
        let source = usize::from(source);
        let mut scratch = Scratch::default();
        self.collect(window, values, &mut scratch.firings)?;
        if let Some(token) = window
            .tokens
            .iter()
            .find(|token| **token as usize >= self.occurs.len())
        {
            return Err(Error::Shape {
                what: "token, outside of the vocabulary",
                got: *token as usize,
                expected: self.occurs.len(),
            });
        }

        if self
            .current
            .as_ref()
            .is_none_or(|(document, _)| *document != window.document)
        {
            self.end_document();
            self.current = Some((window.document, BTreeMap::new()));
        }
        self.windows += 1;
        for (token, _) in window
            .tokens
            .iter()
            .zip(window.counted)
            .filter(|(_, counted)| **counted)
        {
            self.occurs[*token as usize] += 1;
            self.sources[source].1 += 1;
        }
        if let Values::Sparse { .. } = values {
            self.add_pairs(&mut scratch);
        }
        self.add_firings(window, source, values, &mut scratch);
        Ok(())
    }

    /// Every firing of the window, sorted by latent and position.
    fn collect(
        &self,
        window: &Window<'_>,
        values: &Values<'_>,
        firings: &mut Vec<(u32, u16, f32)>,
    ) -> Result<(), Error> {
        let n_latents = self.set.n_latents as usize;
        let not_a_number = |latent: u32, value: f32, position: usize| Error::NotANumber {
            set: self.set.id.clone(),
            latent,
            value,
            document: window.document,
            position: window.start + position as u32,
        };
        let counted = window
            .counted
            .iter()
            .enumerate()
            .filter(|(_, counted)| **counted);
        for (position, _) in counted {
            match values {
                Values::Sparse {
                    slots,
                    latents,
                    activations,
                } => {
                    let of_token = position * slots..(position + 1) * slots;
                    let pairs = latents[of_token.clone()].iter().zip(&activations[of_token]);
                    for (latent, activation) in pairs {
                        let Ok(latent) = u32::try_from(*latent) else {
                            continue;
                        };
                        if latent as usize >= n_latents {
                            return Err(Error::Shape {
                                what: "latent, outside of the set",
                                got: latent as usize,
                                expected: n_latents,
                            });
                        }
                        if !activation.is_finite() {
                            return Err(not_a_number(latent, *activation, position));
                        }
                        if *activation > 0.0 {
                            firings.push((latent, position as u16, *activation));
                        }
                    }
                }
                Values::Dense(values) => {
                    let row = &values[position * n_latents..(position + 1) * n_latents];
                    for (latent, value) in row.iter().enumerate() {
                        if !value.is_finite() {
                            return Err(not_a_number(latent as u32, *value, position));
                        }
                        if *value > 0.0 {
                            firings.push((latent as u32, position as u16, *value));
                        }
                    }
                }
            }
        }
        firings.sort_unstable_by_key(|(latent, position, _)| (*latent, *position));
        Ok(())
    }

    fn add_pairs(&mut self, scratch: &mut Scratch) {
        let mut by_position: Vec<(u16, u32)> = scratch
            .firings
            .iter()
            .map(|(latent, position, _)| (*position, *latent))
            .collect();
        by_position.sort_unstable();
        for firings in by_position.chunk_by(|one, other| one.0 == other.0) {
            scratch.active.clear();
            scratch
                .active
                .extend(firings.iter().map(|(_, latent)| *latent));
            // A latent in two slots of one token would be a pair with itself.
            scratch.active.dedup();
            self.pairs.add(&scratch.active);
        }
    }

    fn add_firings(
        &mut self,
        window: &Window<'_>,
        source: usize,
        values: &Values<'_>,
        scratch: &mut Scratch,
    ) {
        let dense = matches!(values, Values::Dense(_));
        for firings in scratch.firings.chunk_by(|one, other| one.0 == other.0) {
            let number = firings[0].0;
            scratch.positions.clear();
            scratch.activations.clear();
            scratch
                .positions
                .extend(firings.iter().map(|(_, position, _)| *position));
            scratch
                .activations
                .extend(firings.iter().map(|(_, _, activation)| *activation));
            let latent = &mut self.latents[number as usize];
            let found = InWindow {
                window,
                source,
                positions: &scratch.positions,
                activations: &scratch.activations,
                dense,
                seed: mix(self.settings.seed ^ mix(u64::from(number))),
            };
            latent.add(&found, &self.settings);
            if !dense {
                latent.add_values(scratch.activations.iter().copied());
            }
            if let Some((_, fired)) = &mut self.current {
                *fired.entry(number).or_insert(0) += firings.len() as u64;
            }
        }
        if let Values::Dense(values) = values {
            let n_latents = self.latents.len();
            for (number, latent) in self.latents.iter_mut().enumerate() {
                let column = values.iter().skip(number).step_by(n_latents.max(1));
                let counted = column.zip(window.counted).filter(|(_, counted)| **counted);
                latent.add_values(counted.map(|(value, _)| *value));
            }
        }
    }

    /// Notes how often each latent fires in the document that has ended.
    fn end_document(&mut self) {
        let Some((document, fired)) = self.current.take() else {
            return;
        };
        for (latent, fired) in fired {
            self.latents[latent as usize].add_document(DocumentCount { document, fired });
        }
    }

    /// This tally with its last document ended: where a scan was cut off, it counts as it is.
    fn ended(&self) -> Cow<'_, Self> {
        if self.current.is_none() {
            return Cow::Borrowed(self);
        }
        let mut tally = self.clone();
        tally.end_document();
        Cow::Owned(tally)
    }

    /// The tally of two parts of a corpus together. No document is in both.
    ///
    /// # Errors
    /// [`Error::Differs`] for parts of other models, tokenizers, feature sets, corpora or settings.
    pub fn merge(mut self, mut other: Self) -> Result<Self, Error> {
        self.check_belongs(&other)?;
        self.end_document();
        other.end_document();
        for (name, _) in other.sources.clone() {
            self.source(&name);
        }
        for (name, _) in self.sources.clone() {
            other.source(&name);
        }
        for ((_, one), (_, other)) in self.sources.iter_mut().zip(&other.sources) {
            *one += other;
        }
        self.documents += other.documents;
        self.windows += other.windows;
        for (one, other) in self.occurs.iter_mut().zip(&other.occurs) {
            *one += other;
        }
        for (one, other) in self.latents.iter_mut().zip(other.latents) {
            one.merge(other, &self.settings);
        }
        self.pairs.merge(other.pairs)?;
        self.names.extend(other.names);
        self.tidy();
        Ok(self)
    }

    /// Drops what no record will name. To be called before a tally is saved.
    pub fn tidy(&mut self) {
        let wanted = self.example_documents();
        let current = self.current.as_ref().map(|(document, _)| *document);
        self.names
            .retain(|number, _| Some(*number) == current || wanted.contains(number));
        self.tidied = self.names.len();
    }

    fn check_belongs(&self, other: &Self) -> Result<(), Error> {
        let differs = |what, one: &dyn std::fmt::Debug, other: &dyn std::fmt::Debug| {
            let (one, other) = (format!("{one:?}"), format!("{other:?}"));
            if one == other {
                Ok(())
            } else {
                Err(Error::Differs { what, one, other })
            }
        };
        differs(
            "tokenizers",
            &self.model.tokenizer_sha256,
            &other.model.tokenizer_sha256,
        )?;
        differs(
            "vocabularies",
            &self.model.vocabulary,
            &other.model.vocabulary,
        )?;
        differs("models", &self.model.sha256, &other.model.sha256)?;
        differs("feature sets", &self.set, &other.set)?;
        differs("corpora", &self.corpus, &other.corpus)?;
        differs("settings", &self.settings, &other.settings)
    }

    /// Compares the lengths inside with each other, for a tally that was read from a file.
    ///
    /// # Errors
    /// [`Error::Shape`].
    pub fn check(&self) -> Result<(), Error> {
        let latents = self.set.n_latents as usize;
        let sources = self.sources.len();
        let lengths = [
            ("latents of a tally", self.latents.len(), latents),
            (
                "token counts of a tally",
                self.occurs.len(),
                self.model.vocabulary as usize,
            ),
        ];
        let of_latents = self
            .latents
            .iter()
            .map(|latent| ("sources of a latent", latent.sources.len(), sources));
        for (what, got, expected) in lengths.into_iter().chain(of_latents) {
            if got != expected {
                return Err(Error::Shape {
                    what,
                    got,
                    expected,
                });
            }
        }
        let current = self.current.iter().flat_map(|(_, fired)| fired.keys());
        let named = self.names.values().map(|(_, source)| usize::from(*source));
        let sound = self.pairs.is_sound()
            && self.latents.iter().all(|latent| latent.bins.is_sound())
            && current
                .into_iter()
                .all(|latent| (*latent as usize) < latents)
            && named.into_iter().all(|source| source < sources);
        if !sound {
            return Err(Error::Shape {
                what: "numbers inside a tally do not fit its latents",
                got: 0,
                expected: latents,
            });
        }
        Ok(())
    }

    /// The model.
    pub fn model(&self) -> &ModelKey {
        &self.model
    }

    /// The feature set.
    pub fn set(&self) -> &TallySet {
        &self.set
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The documents that records name, by number.
    pub fn documents(&self) -> Vec<DocumentInfo> {
        let wanted = self.example_documents();
        let names = self
            .names
            .iter()
            .filter(|(number, _)| wanted.contains(number));
        names
            .map(|(number, (name, source))| DocumentInfo {
                number: *number,
                name: name.clone(),
                source: *source,
            })
            .collect()
    }
}
