//! What an atlas knows of the features of a run.

use std::collections::BTreeMap;

use ::atlas::FeatureRecord;
use ::atlas::association::Counts;
use ::atlas::record::{Elsewhere, FeatureRow, Neighbour, Partner};

use super::feature::Feature;
use crate::shared::Shared;

/// What the record of a feature says of its relations to others.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Known {
    /// Features of the set that fire on the same tokens.
    pub partners: Vec<Partner>,
    /// Features of the set with near decoder directions.
    pub similar: Vec<Neighbour>,
    /// The nearest features of other sets.
    pub elsewhere: Vec<Elsewhere>,
    /// Near features of other sets of the run.
    pub across: Vec<Across>,
}

/// A near feature of another set of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Across {
    /// Index of the set in the run.
    pub set: usize,
    /// The latent.
    pub latent: u32,
    /// Cosine of the two decoder directions.
    pub cosine: f32,
}

/// Relations of the features of a recorded run to each other.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Relations {
    /// SHA-256 of the table of the atlas's set that they are from.
    pub table: String,
    /// By the latent.
    pub known: BTreeMap<u32, Known>,
}

impl From<FeatureRecord> for Known {
    fn from(record: FeatureRecord) -> Self {
        Self {
            partners: record.coactive,
            similar: record.similar,
            elsewhere: record.elsewhere,
            across: Vec::new(),
        }
    }
}

/// What is known of one set of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct SetFacts {
    /// Id of the set in the atlas.
    pub id: String,
    /// Index of the set in the atlas.
    pub index: usize,
    /// One row per feature.
    pub rows: Shared<Vec<FeatureRow>>,
    /// Tokens that the statistics are over; 0 where it is not known how often features fire among how many.
    pub tokens: u64,
    /// True if the rows have the largest activations.
    pub knows_max: bool,
    /// By how many tokens a count of a pair may be too large.
    pub error: u64,
    /// Features per shard.
    pub shard_size: u32,
    /// Relations that came with the run, if they are of this atlas.
    pub recorded: Option<Shared<Relations>>,
    /// The relations that were fetched, by the number of the shard.
    pub shards: BTreeMap<usize, Shared<Vec<Known>>>,
}

impl SetFacts {
    fn row(&self, latent: u32) -> Option<&FeatureRow> {
        self.rows.get(latent as usize)
    }

    /// The shard of a latent.
    pub fn shard_of(&self, latent: u32) -> usize {
        (latent / self.shard_size.max(1)) as usize
    }

    /// Relations of a latent, once its shard is there.
    pub fn known(&self, latent: u32) -> Option<&Known> {
        let recorded = self
            .recorded
            .as_ref()
            .and_then(|recorded| recorded.known.get(&latent));
        if recorded.is_some() {
            return recorded;
        }
        let shard = self.shards.get(&self.shard_of(latent))?;
        shard.get((latent % self.shard_size.max(1)) as usize)
    }

    /// Counts of a pair over the corpus. The number of tokens on which both fire is the least that it may be.
    pub fn counts(&self, one: u32, partner: &Partner) -> Option<Counts> {
        let fired = |latent: u32| self.row(latent).map(|row| row.fired);
        (self.tokens > 0).then_some(())?;
        Some(Counts {
            tokens: self.tokens,
            one: fired(one)?,
            other: fired(partner.latent)?,
            both: partner.count.saturating_sub(self.error),
        })
    }
}

/// What is known of the sets of a run, each by its index; nothing where the atlas has no such set.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// Per set.
    pub sets: Vec<Option<SetFacts>>,
}

impl Facts {
    /// A set.
    pub fn set(&self, set: u8) -> Option<&SetFacts> {
        self.sets.get(usize::from(set))?.as_ref()
    }

    fn row(&self, feature: Feature) -> Option<&FeatureRow> {
        self.set(feature.set)?.row(feature.latent)
    }

    /// The largest activation of a feature on the corpus.
    pub fn max(&self, feature: Feature) -> Option<f32> {
        let set = self.set(feature.set).filter(|set| set.knows_max)?;
        set.row(feature.latent)
            .map(|row| row.max)
            .filter(|max| *max > 0.0)
    }

    /// Share of the corpus's tokens on which it fires.
    pub fn density(&self, feature: Feature) -> Option<f64> {
        let set = self.set(feature.set).filter(|set| set.tokens > 0)?;
        Some(set.row(feature.latent)?.fired as f64 / set.tokens as f64)
    }

    /// Its label; empty where there is none.
    pub fn label(&self, feature: Feature) -> &str {
        self.row(feature).map_or("", |row| row.label.as_str())
    }

    /// The feature of a set of the atlas.
    pub fn feature(&self, set: &str, latent: u32) -> Option<Feature> {
        let has = |known: &Option<SetFacts>| known.as_ref().is_some_and(|known| known.id == set);
        let set = u8::try_from(self.sets.iter().position(has)?).ok()?;
        Some(Feature { set, latent })
    }
}
