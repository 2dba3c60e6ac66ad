//! The part of an address that says which features are listed and how.

use super::filter::{Bounds, Filter, Group};
use super::map::lasso;
use super::sort::Sort;

/// A search among the features of a set.
#[derive(Clone, Debug, PartialEq)]
pub enum Search {
    /// Those that fire on a token.
    On(String),
    /// Those that raise a token's logit most.
    Up(String),
    /// Those that lower it most.
    Down(String),
    /// Those that fire on a text, the most characteristic first.
    Text(String),
}

/// Kind of a search.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SearchKind {
    /// By token.
    #[default]
    On,
    /// By raised token.
    Up,
    /// By lowered token.
    Down,
    /// By text.
    Text,
}

impl SearchKind {
    /// All of them, in the order of their buttons.
    pub const ALL: [Self; 4] = [Self::On, Self::Up, Self::Down, Self::Text];

    /// Its name in the address.
    pub fn name(self) -> &'static str {
        match self {
            Self::On => "on",
            Self::Up => "up",
            Self::Down => "down",
            Self::Text => "text",
        }
    }

    /// A search of this kind.
    pub fn of(self, text: String) -> Search {
        match self {
            Self::On => Search::On(text),
            Self::Up => Search::Up(text),
            Self::Down => Search::Down(text),
            Self::Text => Search::Text(text),
        }
    }
}

impl Search {
    /// Its kind.
    pub fn kind(&self) -> SearchKind {
        match self {
            Self::On(_) => SearchKind::On,
            Self::Up(_) => SearchKind::Up,
            Self::Down(_) => SearchKind::Down,
            Self::Text(_) => SearchKind::Text,
        }
    }

    /// The token or text, as typed.
    pub fn text(&self) -> &str {
        match self {
            Self::On(text) | Self::Up(text) | Self::Down(text) | Self::Text(text) => text,
        }
    }
}

/// Which features are listed, in which order, and whether the map is shown.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Query {
    /// The order; none is that of the search, or of the numbers.
    pub sort: Option<Sort>,
    /// The filter.
    pub filter: Filter,
    /// The search.
    pub search: Option<Search>,
    /// True if the map is shown.
    pub map: bool,
    /// Corners of the area of the map whose features are listed, in thousandths of its unit; none for all.
    pub area: Vec<[i16; 2]>,
}

impl Query {
    /// Names and values for the address; what goes without saying has none.
    pub fn parts(&self) -> Vec<(&'static str, String)> {
        let mut parts = Vec::new();
        parts.extend(self.sort.map(|sort| ("sort", sort.to_text())));
        if let Some(search) = &self.search {
            parts.push((search.kind().name(), search.text().to_owned()));
        }
        let Filter {
            density,
            max,
            label,
            source,
            dead,
            always,
            favourites,
        } = &self.filter;
        for (name, bounds) in [("density", density), ("largest", max)] {
            if !bounds.are_open() {
                parts.push((name, bounds.to_text()));
            }
        }
        if !label.is_empty() {
            parts.push(("label", label.clone()));
        }
        parts.extend(source.clone().map(|source| ("source", source)));
        for (name, group) in [("dead", dead), ("always", always)] {
            if *group != Group::Default {
                parts.push((name, group.name().to_owned()));
            }
        }
        for (name, on) in [("favourites", *favourites), ("map", self.map)] {
            if on {
                parts.push((name, "yes".to_owned()));
            }
        }
        if !self.area.is_empty() {
            parts.push(("area", lasso::to_text(&self.area)));
        }
        parts
    }

    /// Reads one name and value of an address, if it is about the list.
    pub fn read(&mut self, name: &str, value: &str) {
        match name {
            "sort" => self.sort = Sort::from_text(value),
            "density" => self.filter.density = Bounds::from_text(value),
            "largest" => self.filter.max = Bounds::from_text(value),
            "label" => self.filter.label = value.to_owned(),
            "source" => self.filter.source = Some(value.to_owned()),
            "dead" => self.filter.dead = Group::of_name(value),
            "always" => self.filter.always = Group::of_name(value),
            "favourites" => self.filter.favourites = value == "yes",
            "map" => self.map = value == "yes",
            "area" => self.area = lasso::from_text(value),
            _ => {
                let kind = SearchKind::ALL.into_iter().find(|kind| kind.name() == name);
                if let Some(kind) = kind {
                    self.search = Some(kind.of(value.to_owned()));
                }
            }
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::browse::sort::Column;
    use proptest::prelude::*;

    fn bounds() -> impl Strategy<Value = Bounds> {
        let side =
            || prop::option::of(any::<f64>().prop_filter("finite", |value| value.is_finite()));
        (side(), side()).prop_map(|(low, high)| Bounds { low, high })
    }

    fn group() -> impl Strategy<Value = Group> {
        prop::sample::select(vec![
            Group::Default,
            Group::Without,
            Group::With,
            Group::Only,
        ])
    }

    fn filters() -> impl Strategy<Value = Filter> {
        (
            bounds(),
            bounds(),
            any::<String>(),
            any::<Option<String>>(),
            group(),
            group(),
            any::<bool>(),
        )
            .prop_map(
                |(density, max, label, source, dead, always, favourites)| Filter {
                    density,
                    max,
                    label,
                    source,
                    dead,
                    always,
                    favourites,
                },
            )
    }

    /// Any query that an address can say.
    pub(crate) fn queries() -> impl Strategy<Value = Query> {
        let sort = prop::option::of((0..Column::ALL.len(), any::<bool>()).prop_map(
            |(column, descending)| Sort {
                column: Column::ALL[column],
                descending,
            },
        ));
        let search = prop::option::of(
            (0usize..4, any::<String>()).prop_map(|(kind, text)| SearchKind::ALL[kind].of(text)),
        );
        let area = prop_oneof![
            Just(Vec::new()),
            prop::collection::vec(any::<[i16; 2]>(), 3..8)
        ];
        (sort, filters(), search, any::<bool>(), area).prop_map(
            |(sort, filter, search, map, area)| Query {
                sort,
                filter,
                search,
                map,
                area,
            },
        )
    }

    proptest! {
        #[test]
        fn an_address_gives_its_query_back(query in queries()) {
            let mut read = Query::default();
            for (name, value) in query.parts() {
                read.read(name, &value);
            }
            prop_assert_eq!(read, query);
        }
    }

    #[test]
    fn what_goes_without_saying_is_not_said() {
        assert_eq!(Query::default().parts(), []);
        let mut query = Query::default();
        for (name, value) in [
            ("sort", "-nothing"),
            ("dead", "?"),
            ("area", "1,2,3"),
            ("map", "no"),
            ("density", "x"),
        ] {
            query.read(name, value);
        }
        assert_eq!(query, Query::default());
    }
}
