//! The feature that a page is of, as all its parts need it.

use crate::atlas::prompt_of;
use crate::shared::Shared;
use crate::state::atlas::AtlasFeature;
use crate::state::route::Route;
use crate::state::tray::FeatureId;
use crate::state::url::Place;

/// A record in its shard. Two are equal if they are the same one of the same shard.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    shard: Shared<Vec<::atlas::FeatureRecord>>,
    at: usize,
}

impl Record {
    /// The record at an index of its shard.
    pub fn new((shard, at): (Shared<Vec<::atlas::FeatureRecord>>, usize)) -> Self {
        Self { shard, at }
    }

    /// The record.
    pub fn get(&self) -> Option<&::atlas::FeatureRecord> {
        self.shard.get(self.at)
    }
}

/// Texts of the vocabulary's tokens, where they are known.
pub type Vocabulary = Option<Shared<Vec<Vec<u8>>>>;

/// What every part of the page needs to know about the feature and where the page is.
#[derive(Clone, PartialEq)]
pub struct Context {
    /// The record.
    pub record: Record,
    /// The index of the atlas.
    pub info: Shared<::atlas::AtlasInfo>,
    /// Index of the feature's set.
    pub set: usize,
    /// Texts of tokens.
    pub vocabulary: Vocabulary,
    /// Where the page is, without what changes while one reads.
    pub place: Place,
    /// The feature as the prompt's view names it.
    pub loaded: Option<FeatureId>,
}

impl Context {
    /// The set.
    pub fn set(&self) -> Option<&::atlas::SetInfo> {
        self.info.sets.get(self.set)
    }

    /// The source of a document of the corpus, where the index names it, and its name.
    pub fn document(&self, number: u64) -> (Option<&str>, String) {
        let documents = &self.info.documents;
        let found = documents.binary_search_by_key(&number, |document| document.number);
        let Some(document) = found.ok().and_then(|at| documents.get(at)) else {
            return (None, format!("document {number}"));
        };
        let sources = &self.info.corpus.sources;
        let source = sources.get(usize::from(document.source));
        (source.map(String::as_str), document.name.clone())
    }

    /// The address of a context in the view of prompts, with the feature and its strongest token selected.
    pub fn in_prompt(
        &self,
        example: &::atlas::record::Example,
        token: Option<usize>,
    ) -> Option<String> {
        let prompt = prompt_of(self.vocabulary.as_ref()?, example)?;
        let moved = usize::from(example.peak) - prompt.peak.min(usize::from(example.peak));
        let token = token.map_or(prompt.peak, |token| token.saturating_sub(moved));
        let mut place = self.place.clone().on(Route::Prompt);
        place.prompt = Some(prompt.text);
        place.token = Some(token + usize::from(self.info.settings.bos));
        place.view = crate::state::lists::View::Token;
        place.switch_positions_off();
        if let Some(FeatureId { sae, latent }) = self.loaded.clone() {
            place.sae = Some(sae);
            place.feature = Some(latent);
        }
        Some(place.to_hash())
    }

    /// The address of the page of another feature of the same set.
    pub fn other(&self, latent: u32) -> String {
        let set = self.set().map(|set| set.id.clone()).unwrap_or_default();
        self.at(AtlasFeature { set, latent })
    }

    /// The address of the page of a feature.
    pub fn at(&self, feature: AtlasFeature) -> String {
        self.place.clone().at(feature).to_hash()
    }
}
