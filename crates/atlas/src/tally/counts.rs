//! Counts by key, in an order that does not depend on how they came.

use rustc_hash::FxHashMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Counts by token.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TokenCounts(FxHashMap<u32, u64>);

impl TokenCounts {
    /// Counts a token once.
    pub fn add(&mut self, token: u32) {
        *self.0.entry(token).or_insert(0) += 1;
    }

    /// Adds other counts.
    pub fn merge(&mut self, other: Self) {
        for (token, count) in other.0 {
            *self.0.entry(token).or_insert(0) += count;
        }
    }

    /// Number of different tokens.
    pub fn distinct(&self) -> usize {
        self.0.len()
    }

    /// Tokens and counts, by token.
    pub fn by_token(&self) -> Vec<(u32, u64)> {
        let mut counts: Vec<(u32, u64)> = self
            .0
            .iter()
            .map(|(token, count)| (*token, *count))
            .collect();
        counts.sort_unstable();
        counts
    }

    /// The `most` largest counts, the largest first; ties by token.
    pub fn largest(&self, most: usize) -> Vec<(u32, u64)> {
        let mut counts = self.by_token();
        counts.sort_by_key(|(token, count)| (std::cmp::Reverse(*count), *token));
        counts.truncate(most);
        counts
    }
}

impl Serialize for TokenCounts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.by_token().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for TokenCounts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let counts = Vec::<(u32, u64)>::deserialize(deserializer)?;
        Ok(Self(counts.into_iter().collect()))
    }
}
