//! Filters of a list of features.

use std::collections::BTreeSet;

use super::places::{Rows, always_on};
use crate::format::{exact, read};
use ::atlas::record::FeatureRow;

/// A group of features that a list leaves out, shows among the others, or shows alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Group {
    /// As the list has it without a choice.
    #[default]
    Default,
    /// Left out.
    Without,
    /// Among the others.
    With,
    /// Alone.
    Only,
}

impl Group {
    /// All choices but that of none.
    pub const CHOICES: [Self; 3] = [Self::Without, Self::With, Self::Only];

    /// Its name in the address.
    pub fn name(self) -> &'static str {
        match self {
            Self::Default => "",
            Self::Without => "without",
            Self::With => "with",
            Self::Only => "only",
        }
    }

    /// The choice of a name.
    pub fn of_name(name: &str) -> Self {
        let known = Self::CHOICES.into_iter().find(|group| group.name() == name);
        known.unwrap_or_default()
    }

    /// The choice in force, where no choice means this one.
    pub fn or(self, default: Self) -> Self {
        if self == Self::Default { default } else { self }
    }

    /// True if a feature that is in the group, or is not, belongs in the list.
    fn allows(self, inside: bool) -> bool {
        match self {
            Self::Without => !inside,
            Self::Only => inside,
            Self::Default | Self::With => true,
        }
    }
}

/// Bounds of a number, both included; a side that is `None` is open.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Bounds {
    /// Least.
    pub low: Option<f64>,
    /// Most.
    pub high: Option<f64>,
}

impl Bounds {
    /// True if a number is within them.
    pub fn hold(self, value: f64) -> bool {
        self.low.is_none_or(|low| value >= low) && self.high.is_none_or(|high| value <= high)
    }

    /// True if they leave nothing out.
    pub fn are_open(self) -> bool {
        self.low.is_none() && self.high.is_none()
    }

    /// Their form in the address: `low..high`, with nothing for an open side.
    pub fn to_text(self) -> String {
        let side = |bound: Option<f64>| bound.map(exact).unwrap_or_default();
        format!("{}..{}", side(self.low), side(self.high))
    }

    /// Reads them; what is no number leaves its side open.
    pub fn from_text(text: &str) -> Self {
        let (low, high) = text.split_once("..").unwrap_or((text, ""));
        let side = |bound: &str| (!bound.is_empty()).then(|| read(bound)).flatten();
        Self {
            low: side(low),
            high: side(high),
        }
    }
}

/// The features that a list holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filter {
    /// Share of tokens on which they fire.
    pub density: Bounds,
    /// Largest activation.
    pub max: Bounds,
    /// Words that the label holds, in any order; empty for all.
    pub label: String,
    /// Name of the main source.
    pub source: Option<String>,
    /// Those that never fire; without a choice among the others.
    pub dead: Group,
    /// Those that are almost always on, see [`super::ALWAYS_ON`]; without a choice left out.
    pub always: Group,
    /// True if only favourites are listed.
    pub favourites: bool,
}

/// One's own words about the features of a set, as a filter needs them.
pub trait Own {
    /// The label of one's own.
    fn label(&self, latent: u32) -> Option<&str>;
    /// True for a favourite.
    fn is_favourite(&self, latent: u32) -> bool;
}

/// Nothing of one's own.
pub struct Nothing;

impl Own for Nothing {
    fn label(&self, _: u32) -> Option<&str> {
        None
    }

    fn is_favourite(&self, _: u32) -> bool {
        false
    }
}

impl Filter {
    /// True if it leaves nothing out that a list without a filter holds.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The choice in force for those that never fire.
    pub fn dead(&self) -> Group {
        self.dead.or(Group::With)
    }

    /// The choice in force for those that are almost always on.
    pub fn always(&self) -> Group {
        self.always.or(Group::Without)
    }

    /// The filter ready for a set: `sources` are the names of its sources.
    pub fn prepared<'a>(
        &'a self,
        rows: Rows<'a>,
        sources: &[String],
        own: &'a dyn Own,
    ) -> Prepared<'a> {
        let source = self.source.as_ref().map(|name| {
            let at = sources.iter().position(|source| source == name);
            at.and_then(|at| u16::try_from(at).ok())
        });
        let words = self
            .label
            .split_whitespace()
            .map(str::to_ascii_lowercase)
            .collect();
        Prepared {
            filter: self,
            rows,
            source,
            words,
            own,
        }
    }
}

/// A filter with what it looks up once and not at each row.
pub struct Prepared<'a> {
    filter: &'a Filter,
    rows: Rows<'a>,
    /// The index of the wanted source; `Some(None)` where the set has none of that name.
    source: Option<Option<u16>>,
    words: BTreeSet<String>,
    own: &'a dyn Own,
}

impl Prepared<'_> {
    /// True if a row passes all but the choice about those that are almost always on.
    pub fn passes(&self, row: &FeatureRow) -> bool {
        let filter = self.filter;
        filter.dead().allows(self.rows.is_dead(row))
            && self
                .source
                .is_none_or(|source| source.is_some() && source == row.source)
            && (filter.density.are_open()
                || self.rows.have_densities() && filter.density.hold(self.rows.density(row)))
            && (filter.max.are_open() || filter.max.hold(row.max.into()))
            && (!filter.favourites || self.own.is_favourite(row.latent))
            && self.has_words(row)
    }

    /// True if a row passes the choice about those that are almost always on.
    pub fn unfolds(&self, row: &FeatureRow) -> bool {
        // A density that is asked for, or a mark of one's own, is an answer to whether it should be seen.
        let asked = self.filter.always == Group::Default
            && (self.filter.favourites || self.filter.density.low.is_some_and(always_on));
        asked
            || self
                .filter
                .always()
                .allows(always_on(self.rows.density(row)))
    }

    fn has_words(&self, row: &FeatureRow) -> bool {
        self.words.iter().all(|word| {
            contains(&row.label, word)
                || self
                    .own
                    .label(row.latent)
                    .is_some_and(|own| contains(own, word))
        })
    }
}

/// True if a text holds a lower-case word, without regard to the case of ASCII letters in the text.
pub fn contains(text: &str, word: &str) -> bool {
    let (text, word) = (text.as_bytes(), word.as_bytes());
    word.is_empty()
        || text
            .windows(word.len())
            .any(|part| part.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    struct Mine(BTreeMap<u32, &'static str>);

    impl Own for Mine {
        fn label(&self, latent: u32) -> Option<&str> {
            self.0
                .get(&latent)
                .copied()
                .filter(|label| !label.is_empty())
        }

        fn is_favourite(&self, latent: u32) -> bool {
            self.0.contains_key(&latent)
        }
    }

    fn rows() -> Vec<FeatureRow> {
        let row = |latent, label: &str, fired, max, source| FeatureRow {
            latent,
            label: label.to_owned(),
            fired,
            max,
            source,
            ..FeatureRow::default()
        };
        vec![
            row(0, "The King of Israel", 5, 2.0, Some(1)),
            row(1, "", 0, 0.0, None),
            row(2, "king", 50, 7.0, Some(0)),
            row(3, "verbs", 400, 3.0, Some(0)),
        ]
    }

    fn passing(filter: &Filter) -> Vec<u32> {
        let rows = rows();
        let sources = ["fiction".to_owned(), "bible".to_owned()];
        let own = Mine(BTreeMap::from([(3, "Doing words"), (0, "")]));
        let prepared = filter.prepared(Rows::new(&rows, 1000), &sources, &own);
        rows.iter()
            .filter(|row| prepared.passes(row) && prepared.unfolds(row))
            .map(|row| row.latent)
            .collect()
    }

    #[test]
    fn each_filter_leaves_out_what_it_says() {
        let all = Filter::default();
        assert!(all.is_empty());
        assert_eq!(passing(&all), [0, 1, 2]);
        let bounds = |low, high| Bounds { low, high };
        let one = Filter {
            density: bounds(Some(0.005), Some(0.05)),
            ..all.clone()
        };
        assert_eq!(passing(&one), [0, 2]);
        let one = Filter {
            max: bounds(Some(3.0), None),
            ..all.clone()
        };
        assert_eq!(passing(&one), [2]);
        let one = Filter {
            label: " KING is".to_owned(),
            ..all.clone()
        };
        assert_eq!(passing(&one), [0]);
        let one = Filter {
            source: Some("bible".to_owned()),
            ..all.clone()
        };
        assert_eq!(passing(&one), [0]);
        let one = Filter {
            source: Some("nowhere".to_owned()),
            ..all.clone()
        };
        assert_eq!(passing(&one), [] as [u32; 0]);
        assert_eq!(
            passing(&Filter {
                dead: Group::Only,
                ..all.clone()
            }),
            [1]
        );
        assert_eq!(
            passing(&Filter {
                dead: Group::Without,
                ..all.clone()
            }),
            [0, 2]
        );
        assert_eq!(
            passing(&Filter {
                always: Group::With,
                ..all.clone()
            }),
            [0, 1, 2, 3]
        );
        assert_eq!(
            passing(&Filter {
                always: Group::Only,
                ..all.clone()
            }),
            [3]
        );
    }

    #[test]
    fn what_is_asked_for_is_not_folded() {
        let favourites = Filter {
            favourites: true,
            ..Filter::default()
        };
        assert_eq!(passing(&favourites), [0, 3]);
        let dense = Filter {
            density: Bounds {
                low: Some(0.2),
                high: None,
            },
            ..Filter::default()
        };
        assert_eq!(passing(&dense), [3]);
        let words = Filter {
            label: "doing".to_owned(),
            always: Group::With,
            ..Filter::default()
        };
        assert_eq!(passing(&words), [3]);
        let without = Filter {
            favourites: true,
            always: Group::Without,
            ..Filter::default()
        };
        assert_eq!(passing(&without), [0]);
    }

    #[test]
    fn bounds_are_read_as_they_are_written() {
        for bounds in [
            (None, None),
            (Some(1e-6), None),
            (None, Some(0.25)),
            (Some(0.0), Some(1.5e9)),
        ] {
            let bounds = Bounds {
                low: bounds.0,
                high: bounds.1,
            };
            assert_eq!(Bounds::from_text(&bounds.to_text()), bounds);
        }
        assert!(Bounds::from_text("x..NaN").are_open());
        assert!(
            !Bounds {
                low: Some(0.0),
                high: None
            }
            .hold(f64::NAN)
        );
    }
}
