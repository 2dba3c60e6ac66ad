//! Features of an atlas by their labels, one's own and those of the statistics, and by the tokens that they fire on.

use ::atlas::record::FeatureRow;

use super::matching::{Match, match_text};
use super::{Hit, MOST, Source, Target};
use crate::browse::filter::{Own, contains};
use crate::browse::tokens::{text_of, tokens_of};
use crate::browse::{Rows, always_on};
use crate::display::hook_label;
use crate::format::{NONE, share_of};
use crate::notes::SetNotes;

/// Tokens that a query offers to look for.
const TOKENS: usize = 3;

/// A set of features with labels.
#[derive(Clone, Copy)]
pub struct Labelled<'a> {
    /// Id of the set.
    pub id: &'a str,
    /// Its hook point.
    pub hook: &'a str,
    /// Its table.
    pub rows: &'a [FeatureRow],
    /// Tokens that the statistics are over.
    pub tokens: u64,
    /// One's own notes about it.
    pub own: Option<&'a SetNotes>,
}

/// The labels of the features of some sets.
pub struct Labels<'a>(pub Vec<Labelled<'a>>);

impl Labelled<'_> {
    fn hits(&self, query: &str) -> Vec<(Match, Hit)> {
        let words: Vec<_> = query
            .split_whitespace()
            .map(str::to_ascii_lowercase)
            .collect();
        let mut found: Vec<(Match, bool, &FeatureRow, &str)> = Vec::new();
        for row in self.rows {
            let own = self.own.and_then(|own| own.label(row.latent));
            let labels = [
                own.map(|label| (label, true)),
                Some((row.label.as_str(), false)),
            ];
            // A set may have 131,072 labels: the quick test first.
            let best = labels
                .into_iter()
                .flatten()
                .filter(|(label, _)| words.iter().all(|word| contains(label, word)))
                .filter_map(|(label, own)| Some((match_text(query, label)?, own, label)))
                .max_by_key(|one| (one.0, one.1));
            if let Some((quality, own, label)) = best {
                found.push((quality, own, row, label));
            }
        }
        let rows = Rows::new(self.rows, self.tokens);
        // What is almost always on says the least.
        found.sort_by_key(|(quality, own, row, _)| {
            std::cmp::Reverse((*quality, *own, !always_on(rows.density(row))))
        });
        found.truncate(MOST);
        let hit = |(quality, own, row, label): (Match, bool, &FeatureRow, &str)| {
            let density = match rows.have_densities() {
                true => share_of(rows.density(row)),
                false => NONE.to_owned(),
            };
            let mine = if own { "your label · " } else { "" };
            let hit = Hit {
                target: Target::AtlasFeature {
                    set: self.id.to_owned(),
                    latent: row.latent,
                },
                name: label.to_owned(),
                about: format!(
                    "{mine}feature {} · {} · density {density}",
                    row.latent,
                    hook_label(self.hook)
                ),
            };
            (quality, hit)
        };
        found.into_iter().map(hit).collect()
    }
}

impl Source for Labels<'_> {
    fn find(&self, query: &str) -> (Vec<(Match, Hit)>, Option<String>) {
        (
            self.0.iter().flat_map(|set| set.hits(query)).collect(),
            None,
        )
    }

    fn has(&self, target: &Target) -> bool {
        let Target::AtlasFeature { set, latent } = target else {
            return false;
        };
        let sets = self.0.iter();
        sets.filter(|one| one.id == set)
            .any(|one| Rows::new(one.rows, one.tokens).of_latent(*latent).is_some())
    }
}

/// Tokens of the vocabulary, to list the features of a set that fire on them.
pub struct FiringOn<'a> {
    /// Id of the set and its hook point; nothing without an atlas.
    pub set: Option<(&'a str, &'a str)>,
    /// The bytes of each token.
    pub vocabulary: Option<&'a [Vec<u8>]>,
}

impl Source for FiringOn<'_> {
    fn find(&self, query: &str) -> (Vec<(Match, Hit)>, Option<String>) {
        let (Some((set, hook)), Some(vocabulary)) = (self.set, self.vocabulary) else {
            return (Vec::new(), None);
        };
        let hits = tokens_of(query, vocabulary)
            .into_iter()
            .take(TOKENS)
            .filter_map(|id| {
                let token = text_of(vocabulary.get(id as usize)?);
                let whole = token.trim().eq_ignore_ascii_case(query.trim());
                let hit = Hit {
                    name: format!("Features that fire on `{token}`"),
                    about: hook_label(hook),
                    target: Target::Token {
                        set: set.to_owned(),
                        token,
                    },
                };
                // Behind what has the query for a name.
                Some((
                    if whole {
                        Match::Beginning
                    } else {
                        Match::Inside
                    },
                    hit,
                ))
            });
        (hits.collect(), None)
    }

    fn has(&self, target: &Target) -> bool {
        let set = self.set.map(|(set, _)| set);
        matches!(target, Target::Token { set: one, .. } if Some(one.as_str()) == set)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notes::{Notes, OwnNote, SetKey};

    #[test]
    fn labels_are_found_one_s_own_first() {
        let row = |latent, label: &str, fired| FeatureRow {
            latent,
            label: label.to_owned(),
            fired,
            ..FeatureRow::default()
        };
        let rows = [
            row(0, "kings of Israel", 3),
            row(1, "the king", 900),
            row(2, "", 1),
            row(3, "kings", 900),
            row(4, "kings", 1),
        ];
        let mut notes = Notes::default();
        let key = SetKey {
            sha256: "aa".to_owned(),
            ..SetKey::default()
        };
        notes.put(
            &key,
            2,
            OwnNote {
                label: "Kings".to_owned(),
                ..OwnNote::default()
            },
        );
        let set = Labelled {
            id: "layer-3",
            hook: "blocks.3.hook_resid_post",
            rows: &rows,
            tokens: 1000,
            own: notes.of_set("aa"),
        };
        let labels = Labels(vec![set]);
        let latents = |query: &str| -> Vec<_> {
            labels
                .hits_of(query)
                .into_iter()
                .map(|hit| match hit.target {
                    Target::AtlasFeature { latent, .. } => latent,
                    _ => u32::MAX,
                })
                .collect()
        };
        assert_eq!(latents("kings"), [2, 4, 3, 0]);
        assert_eq!(latents("israel king"), [0]);
        assert_eq!(latents("queen"), [] as [u32; 0]);
        let has = |latent| {
            labels.has(&Target::AtlasFeature {
                set: "layer-3".to_owned(),
                latent,
            })
        };
        assert!(has(4) && !has(5));
    }

    impl Labels<'_> {
        fn hits_of(&self, query: &str) -> Vec<Hit> {
            let found = super::super::find(query, &[self], &[]);
            found.hits
        }
    }

    #[test]
    fn tokens_lead_to_what_fires_on_them() {
        let vocabulary = [b" king".to_vec(), b"king".to_vec(), b" kingdom".to_vec()];
        let source = FiringOn {
            set: Some(("layer-3", "blocks.3.hook_resid_post")),
            vocabulary: Some(&vocabulary),
        };
        let names: Vec<_> = source
            .find("king")
            .0
            .into_iter()
            .map(|(_, hit)| hit.name)
            .collect();
        assert_eq!(
            names,
            [
                "Features that fire on ` king`",
                "Features that fire on `king`"
            ]
        );
        assert!(source.has(&Target::Token {
            set: "layer-3".to_owned(),
            token: "x".to_owned()
        }));
        let none = FiringOn {
            set: None,
            ..source
        };
        assert_eq!(none.find("king").0.len(), 0);
    }
}
