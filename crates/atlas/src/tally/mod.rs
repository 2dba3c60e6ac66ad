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
use std::cell::RefCell;
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
    /// Latent, position, activation of every firing of an SAE, by latent and position.
    firings: Vec<(u32, u16, f32)>,
    positions: Vec<u16>,
    activations: Vec<f32>,
    active: Vec<u32>,
    /// Positions that count, where all values are given.
    counted: Vec<u16>,
    /// The values at these positions, `[latents, counted]`.
    columns: Vec<f32>,
}

/// Latents that are transposed at a time: as many as share a line of the cache.
const TILE: usize = 16;

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
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

    /// Drops names of documents that no record names, but for `current` and the one that has not ended.
    fn tidy_names(&mut self, current: u64) {
        let wanted = self.example_documents();
        // The document of the last window has not ended: how often latents fire in it is noted later.
        let before = self.current.as_ref().map(|(document, _)| *document);
        self.names.retain(|number, _| {
            *number == current || Some(*number) == before || wanted.contains(number)
        });
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
        let mut scratch = SCRATCH.take();
        self.collect(window, values, &mut scratch)?;
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
        match values {
            Values::Sparse { .. } => {
                self.add_pairs(&mut scratch);
                self.add_sparse(window, source, &mut scratch);
            }
            Values::Dense(_) => self.add_dense(window, source, &mut scratch),
        }
        SCRATCH.set(scratch);
        Ok(())
    }

    /// Every firing of the window, sorted by latent and position; of dense values the columns instead.
    fn collect(
        &self,
        window: &Window<'_>,
        values: &Values<'_>,
        scratch: &mut Scratch,
    ) -> Result<(), Error> {
        let n_latents = self.set.n_latents as usize;
        let not_a_number = |latent: u32, value: f32, position: usize| Error::NotANumber {
            set: self.set.id.clone(),
            latent,
            value,
            document: window.document,
            position: window.start + position as u32,
        };
        scratch.firings.clear();
        scratch.counted.clear();
        let counted = (0u16..)
            .zip(window.counted)
            .filter(|(_, counted)| **counted);
        scratch
            .counted
            .extend(counted.map(|(position, _)| position));
        let positions = scratch
            .counted
            .iter()
            .map(|position| usize::from(*position));
        match values {
            Values::Sparse {
                slots,
                latents,
                activations,
            } => {
                for position in positions {
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
                            let firing = (latent, position as u16, *activation);
                            scratch.firings.push(firing);
                        }
                    }
                }
                let place = |(latent, position, _): &(u32, u16, f32)| (*latent, *position);
                scratch.firings.sort_unstable_by_key(place);
            }
            Values::Dense(values) => {
                let rows = scratch.counted.len();
                scratch.columns.clear();
                scratch.columns.resize(n_latents * rows, 0.0);
                for first in (0..n_latents).step_by(TILE) {
                    let latents = first..n_latents.min(first + TILE);
                    for (row, position) in positions.clone().enumerate() {
                        let start = position * n_latents;
                        let values = &values[start + latents.start..start + latents.end];
                        for (latent, value) in latents.clone().zip(values) {
                            if !value.is_finite() {
                                return Err(not_a_number(latent as u32, *value, position));
                            }
                            scratch.columns[latent * rows + row] = *value;
                        }
                    }
                }
            }
        }
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

    fn add_sparse(&mut self, window: &Window<'_>, source: usize, scratch: &mut Scratch) {
        let Scratch {
            firings,
            positions,
            activations,
            ..
        } = scratch;
        for firings in firings.chunk_by(|one, other| one.0 == other.0) {
            positions.clear();
            activations.clear();
            positions.extend(firings.iter().map(|(_, position, _)| *position));
            activations.extend(firings.iter().map(|(_, _, activation)| *activation));
            let number = firings[0].0;
            self.add_latent(number, (window, source), (positions, activations), false);
            self.latents[number as usize].add_values(activations.iter().copied());
        }
    }

    fn add_dense(&mut self, window: &Window<'_>, source: usize, scratch: &mut Scratch) {
        let Scratch {
            positions,
            activations,
            counted,
            columns,
            ..
        } = scratch;
        if counted.is_empty() {
            return;
        }
        for (number, column) in (0u32..).zip(columns.chunks_exact(counted.len())) {
            positions.clear();
            activations.clear();
            for (position, value) in counted.iter().zip(column) {
                if *value > 0.0 {
                    positions.push(*position);
                    activations.push(*value);
                }
            }
            if !positions.is_empty() {
                self.add_latent(number, (window, source), (positions, activations), true);
            }
            self.latents[number as usize].add_values(column.iter().copied());
        }
    }

    /// Adds a latent's firings in a window; there is at least one.
    fn add_latent(
        &mut self,
        number: u32,
        (window, source): (&Window<'_>, usize),
        (positions, activations): (&[u16], &[f32]),
        dense: bool,
    ) {
        let found = InWindow {
            window,
            source,
            positions,
            activations,
            dense,
            seed: mix(self.settings.seed ^ mix(u64::from(number))),
        };
        self.latents[number as usize].add(&found, &self.settings);
        if let Some((_, fired)) = &mut self.current {
            *fired.entry(number).or_insert(0) += positions.len() as u64;
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

    /// Keeps at most so many examples of each kind: the very ones of a scan that had wanted no more. A number above that of the
    /// scan changes nothing.
    pub fn keep_fewer(&mut self, top: u32, per_interval: u32, random: u32) {
        self.settings.top = self.settings.top.min(top);
        self.settings.per_interval = self.settings.per_interval.min(per_interval);
        self.settings.random = self.settings.random.min(random);
        for latent in &mut self.latents {
            latent.keep_fewer(&self.settings);
        }
        self.tidy();
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
