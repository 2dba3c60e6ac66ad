//! Finding features, SAEs, commands and example prompts by what a person types. Pure: nothing here knows the page's components.
//!
//! What is searched is a list of [`Source`]s. A new kind of thing that can be found (labels of features, tokens) is a new
//! source and a new [`Target`].

mod commands;
mod examples;
mod features;
mod labels;
mod matching;
mod saes;
#[cfg(test)]
mod tests;

pub use commands::{Command, Commands};
pub use examples::Examples;
pub use features::Features;
pub use labels::{FiringOn, Labelled, Labels};
pub use matching::Match;
pub use saes::{CatalogueSaes, LoadedSaes};

/// Most hits that are shown at once.
pub const MOST: usize = 20;

/// Most choices that are remembered.
const REMEMBERED: usize = 5;

/// Something that was found.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    /// A feature of a loaded SAE.
    Feature {
        /// Id of the SAE.
        sae: String,
        /// Index of the latent.
        latent: u32,
    },
    /// A feature of an atlas, found by its label.
    AtlasFeature {
        /// Id of the set.
        set: String,
        /// Index of the latent.
        latent: u32,
    },
    /// A token, to list the features of a set of an atlas that fire on it.
    Token {
        /// Id of the set.
        set: String,
        /// Text of the token.
        token: String,
    },
    /// A loaded SAE, by its id.
    Sae(String),
    /// SAEs of the catalogue, by the id of their entry.
    CatalogueSae(String),
    /// Something that the page can do.
    Command(Command),
    /// The text of an example prompt.
    Example(String),
}

impl Target {
    /// Its kind, in a word or two.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Feature { .. } => "feature",
            Self::AtlasFeature { .. } => "label",
            Self::Token { .. } => "token",
            Self::Sae(_) => "SAE",
            Self::CatalogueSae(_) => "library",
            Self::Command(_) => "command",
            Self::Example(_) => "example",
        }
    }
}

/// A line of the list.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    /// Effect of choosing it.
    pub target: Target,
    /// Its name.
    pub name: String,
    /// Description beside the name; may be empty.
    pub about: String,
}

/// Everything that a query finds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    /// Hits, best first.
    pub hits: Vec<Hit>,
    /// Reason why something that was asked for by its number is not among them; a sentence.
    pub problem: Option<String>,
}

/// One kind of things that can be found.
pub trait Source {
    /// Hits for a query that is not empty, each with how well it matches, and the reason why something that was asked for by
    /// its number is not there.
    fn find(&self, query: &str) -> (Vec<(Match, Hit)>, Option<String>);

    /// Hits for an empty query.
    fn suggest(&self) -> Vec<Hit> {
        Vec::new()
    }

    /// True if this source still has something that it gave earlier.
    fn has(&self, target: &Target) -> bool;
}

/// Looks for a query in all sources. Of hits that match equally well those of an earlier source come first. For an empty
/// query the hits are the recent choices that are still there, last one first, and each source's suggestions.
pub fn find(query: &str, sources: &[&dyn Source], recent: &[Hit]) -> Found {
    let query = query.trim();
    if query.is_empty() {
        return suggestions(sources, recent);
    }
    let mut matches = Vec::new();
    let mut problem = None;
    for source in sources {
        let (found, why_not) = source.find(query);
        matches.extend(found);
        problem = problem.or(why_not);
    }
    // The sort keeps the order of equals.
    matches.sort_by_key(|one| std::cmp::Reverse(one.0));
    let hits = matches.into_iter().take(MOST).map(|(_, hit)| hit).collect();
    Found { hits, problem }
}

fn suggestions(sources: &[&dyn Source], recent: &[Hit]) -> Found {
    let here = |hit: &&Hit| sources.iter().any(|source| source.has(&hit.target));
    let mut hits: Vec<_> = recent.iter().filter(here).cloned().collect();
    for hit in sources.iter().flat_map(|source| source.suggest()) {
        if !hits.iter().any(|one| one.target == hit.target) {
            hits.push(hit);
        }
    }
    hits.truncate(MOST);
    Found {
        hits,
        problem: None,
    }
}

/// Puts a choice before the earlier ones; of the same target only the last choice is kept.
pub fn remember(recent: &[Hit], chosen: &Hit) -> Vec<Hit> {
    let others = recent.iter().filter(|hit| hit.target != chosen.target);
    std::iter::once(chosen)
        .chain(others)
        .take(REMEMBERED)
        .cloned()
        .collect()
}
