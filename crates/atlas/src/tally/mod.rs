//! Statistics of a feature set while they are collected. Every part of them is a sum, a largest value or a choice by an order that
//! depends on the corpus alone, so tallies of parts merge to exactly the tally of the whole.

mod bins;
mod checks;
mod coactive;
mod counts;
mod kept;
mod latent;
mod records;
mod scratch;
mod sums;
mod window;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use self::coactive::Pairs;
use self::kept::mix;
use self::latent::{InWindow, LatentTally};
use self::scratch::{SCRATCH, Scratch};
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
        if self.names.len() > 2 * self.tidied + SPARE_DOCUMENTS {
            self.tidy();
        }
        self.names.insert(number, (name.to_owned(), source as u16));
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
        scratch.collect(&self.set, window, values)?;
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

    fn add_pairs(&mut self, scratch: &mut Scratch) {
        let Scratch {
            firings,
            by_position,
            active,
            ..
        } = scratch;
        by_position.clear();
        let pairs = firings.iter();
        by_position.extend(pairs.map(|(latent, position, _)| (*position, *latent)));
        by_position.sort_unstable();
        for firings in by_position.chunk_by(|one, other| one.0 == other.0) {
            active.clear();
            active.extend(firings.iter().map(|(_, latent)| *latent));
            // A latent in two slots of one token would be a pair with itself.
            active.dedup();
            self.pairs.add(active);
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

    /// Ends the last document, and drops names that no record needs. The tally of a whole corpus is then that of any division of
    /// it, to the byte.
    pub fn end(&mut self) {
        self.end_document();
        self.tidy();
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

    /// Drops names of documents that no record names, but for that of the document that has not ended: how often latents fire in
    /// it is noted later.
    fn tidy(&mut self) {
        let mut wanted = self.example_documents();
        wanted.extend(self.current.iter().map(|(document, _)| *document));
        self.names.retain(|number, _| wanted.contains(number));
        self.tidied = self.names.len();
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
        let wanted = self.ended().example_documents();
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
