//! The outcome of a search: the rows that it found, or why there are none yet.

use super::effect::{Effect, pushing};
use super::list::Found;
use super::places::Rows;
use super::query::{Search, SearchKind};
use super::text::{Characteristic, characteristic};
use super::tokens::{firing_on, text_of, tokens_of};
use crate::data::Trace;

/// What a search needs beside the table.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sources<'a> {
    /// The bytes of each token.
    pub vocabulary: Option<&'a [Vec<u8>]>,
    /// The features that fire on each token.
    pub index: Option<&'a [Vec<(u32, u64)>]>,
    /// The trace of the text, with the id of the SAE that is meant.
    pub trace: Option<(&'a Trace, &'a str)>,
}

/// The outcome.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Something that it needs is not there.
    Waiting,
    /// Nothing is searched for.
    Empty,
    /// No token of the vocabulary is meant.
    NoToken,
    /// Rows were found, maybe none.
    Found {
        /// The rows.
        found: Found,
        /// The tokens that are meant, with their texts.
        tokens: Vec<(u32, String)>,
        /// For a text, the token on which each found feature is strongest, in the order of the rows.
        places: Vec<Characteristic>,
    },
}

impl Outcome {
    /// The rows, if there are any to speak of.
    pub fn found(&self) -> Option<&Found> {
        match self {
            Self::Found { found, .. } => Some(found),
            _ => None,
        }
    }
}

/// Searches.
pub fn search(search: &Search, rows: Rows<'_>, sources: Sources<'_>) -> Outcome {
    if search.text().is_empty() {
        return Outcome::Empty;
    }
    if search.kind() == SearchKind::Text {
        let Some((trace, sae)) = sources.trace else {
            return if search.text().trim().is_empty() {
                Outcome::Empty
            } else {
                Outcome::Waiting
            };
        };
        let places = trace.sae(sae).map_or_else(Vec::new, |sae| {
            characteristic(sae, trace.first_own(), trace.tokens.len(), rows)
        });
        let hits = places.iter().map(|one| (one.index, one.measure)).collect();
        return Outcome::Found {
            found: Found { hits },
            tokens: Vec::new(),
            places,
        };
    }
    let Some(vocabulary) = sources.vocabulary else {
        return Outcome::Waiting;
    };
    let tokens = tokens_of(search.text(), vocabulary);
    if tokens.is_empty() {
        return Outcome::NoToken;
    }
    let hits = match (search.kind(), sources.index) {
        (SearchKind::Up, _) => pushing(rows, &tokens, Effect::Up),
        (SearchKind::Down, _) => pushing(rows, &tokens, Effect::Down),
        (_, Some(index)) => firing_on(index, &tokens, rows),
        (_, None) => return Outcome::Waiting,
    };
    let named = |id: u32| {
        (
            id,
            vocabulary
                .get(id as usize)
                .map(|bytes| text_of(bytes))
                .unwrap_or_default(),
        )
    };
    Outcome::Found {
        found: Found { hits },
        tokens: tokens.into_iter().map(named).collect(),
        places: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::atlas::record::FeatureRow;

    #[test]
    fn a_search_waits_for_what_it_needs() {
        let rows = [FeatureRow {
            up: vec![1],
            ..FeatureRow::default()
        }];
        let rows = Rows::new(&rows, 10);
        let vocabulary = [b"a".to_vec(), b" king".to_vec()];
        let index = [vec![], vec![(0, 3)]];
        let all = Sources {
            vocabulary: Some(&vocabulary),
            index: Some(&index),
            trace: None,
        };
        let on = |text: &str, sources| search(&Search::On(text.to_owned()), rows, sources);
        assert_eq!(on("king", Sources::default()), Outcome::Waiting);
        assert_eq!(on("king", Sources { index: None, ..all }), Outcome::Waiting);
        assert_eq!(on("", all), Outcome::Empty);
        assert_eq!(on("queen", all), Outcome::NoToken);
        assert_eq!(on("king", all).found().unwrap().hits, [(0, 3.0)]);
        let up = search(
            &Search::Up("king".to_owned()),
            rows,
            Sources { index: None, ..all },
        );
        let Outcome::Found { found, tokens, .. } = up else {
            panic!("{up:?}")
        };
        assert_eq!(
            (found.hits, tokens),
            (vec![(0, 1.0)], vec![(1, " king".to_owned())])
        );
        assert_eq!(
            search(&Search::Down("king".to_owned()), rows, all)
                .found()
                .unwrap()
                .hits,
            []
        );
        assert_eq!(
            search(&Search::Text(" ".to_owned()), rows, all),
            Outcome::Empty
        );
        assert_eq!(
            search(&Search::Text("a".to_owned()), rows, all),
            Outcome::Waiting
        );
    }
}
