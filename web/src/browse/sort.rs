//! Orders of a list of features.

use std::cmp::Ordering;

use super::places::Rows;

/// A column of the table by which it can be sorted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Column {
    /// Number of the latent.
    #[default]
    Number,
    /// Label.
    Label,
    /// Share of tokens on which it fires.
    Density,
    /// Largest activation.
    Max,
    /// Mean activation.
    Mean,
    /// Skewness.
    Skew,
    /// Kurtosis.
    Kurtosis,
    /// Its main source, and within a source its share there.
    Source,
}

impl Column {
    /// All of them, in the order of the table.
    pub const ALL: [Self; 8] = [
        Self::Number,
        Self::Label,
        Self::Density,
        Self::Max,
        Self::Mean,
        Self::Skew,
        Self::Kurtosis,
        Self::Source,
    ];

    /// Its name in the address.
    pub fn name(self) -> &'static str {
        match self {
            Self::Number => "number",
            Self::Label => "label",
            Self::Density => "density",
            Self::Max => "max",
            Self::Mean => "mean",
            Self::Skew => "skew",
            Self::Kurtosis => "kurtosis",
            Self::Source => "source",
        }
    }

    /// The column of a name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|column| column.name() == name)
    }

    /// True where a person who presses the header wants the largest first.
    pub fn begins_with_the_largest(self) -> bool {
        !matches!(self, Self::Number | Self::Label | Self::Source)
    }
}

/// An order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sort {
    /// The column.
    pub column: Column,
    /// True if the largest come first.
    pub descending: bool,
}

impl Sort {
    /// The order that a press on a header asks for: the column's own one, and the reverse where that is the order already.
    pub fn pressed(now: Option<Self>, column: Column) -> Self {
        let descending = match now {
            Some(now) if now.column == column => !now.descending,
            _ => column.begins_with_the_largest(),
        };
        Self { column, descending }
    }

    /// Its form in the address: the column, behind a `-` where the largest come first.
    pub fn to_text(self) -> String {
        let mark = if self.descending { "-" } else { "" };
        format!("{mark}{}", self.column.name())
    }

    /// Reads it.
    pub fn from_text(text: &str) -> Option<Self> {
        let (descending, name) = match text.strip_prefix('-') {
            Some(name) => (true, name),
            None => (false, text),
        };
        let column = Column::of_name(name)?;
        Some(Self { column, descending })
    }
}

/// The indices of all rows in an order. What has no value comes last in either direction; equals keep the order of their
/// latents. `label` gives the label that is shown for a row's latent.
pub fn order<'a>(rows: Rows<'a>, sort: Sort, label: impl Fn(u32) -> Option<&'a str>) -> Vec<u32> {
    let all = rows.all();
    let number = |of: fn(Rows<'_>, u32) -> Option<f64>| {
        // Keys beside their indices: the sort then reads memory in a line.
        let keys = (0..all.len() as u32).map(|index| (of(rows, index), index));
        let mut keys: Vec<_> = keys.collect();
        keys.sort_unstable_by(|a, b| {
            directed(&a.0, &b.0, sort.descending, f64::total_cmp).then(a.1.cmp(&b.1))
        });
        keys.into_iter().map(|(_, index)| index).collect()
    };
    match sort.column {
        Column::Number => {
            let indices = 0..all.len() as u32;
            if sort.descending {
                indices.rev().collect()
            } else {
                indices.collect()
            }
        }
        Column::Label => {
            let key = |index: u32| {
                let row = rows.at(index)?;
                label(row.latent)
                    .or(Some(row.label.as_str()))
                    .filter(|label| !label.is_empty())
            };
            let mut keys: Vec<_> = (0..all.len() as u32)
                .map(|index| (key(index), index))
                .collect();
            let compare = |a: &&str, b: &&str| in_letters(a, b);
            keys.sort_by(|a, b| directed(&a.0, &b.0, sort.descending, compare));
            keys.into_iter().map(|(_, index)| index).collect()
        }
        Column::Density => number(|rows, index| {
            let row = rows.at(index).filter(|_| rows.have_densities());
            row.map(|row| rows.density(row))
        }),
        Column::Max => number(|rows, index| rows.at(index).map(|row| row.max.into())),
        Column::Mean => number(|rows, index| rows.at(index).map(|row| row.mean.into())),
        Column::Skew => number(|rows, index| rows.at(index)?.skew.map(f64::from)),
        Column::Kurtosis => number(|rows, index| rows.at(index)?.kurtosis.map(f64::from)),
        Column::Source => {
            // By source, and in each of them the purest first, in either direction.
            let key = |index: u32| {
                rows.at(index)
                    .and_then(|row| row.source.map(|source| (source, row.source_share)))
            };
            let mut keys: Vec<_> = (0..all.len() as u32)
                .map(|index| (key(index), index))
                .collect();
            let compare = |a: &(u16, f32), b: &(u16, f32)| a.0.cmp(&b.0);
            keys.sort_by(|a, b| {
                let purest = || match (a.0, b.0) {
                    (Some(a), Some(b)) => b.1.total_cmp(&a.1),
                    _ => Ordering::Equal,
                };
                directed(&a.0, &b.0, sort.descending, compare).then_with(purest)
            });
            keys.into_iter().map(|(_, index)| index).collect()
        }
    }
}

/// Two values in a direction, with what is missing, or not a number, after all others.
fn directed<T>(
    a: &Option<T>,
    b: &Option<T>,
    descending: bool,
    compare: impl Fn(&T, &T) -> Ordering,
) -> Ordering {
    match (a, b) {
        (Some(a), Some(b)) if descending => compare(b, a),
        (Some(a), Some(b)) => compare(a, b),
        (a, b) => a.is_none().cmp(&b.is_none()),
    }
}

/// Without regard to the case of ASCII letters, and by it where there is no other difference.
fn in_letters(a: &str, b: &str) -> Ordering {
    let (first, second) = (a.bytes(), b.bytes());
    let compared = first
        .map(|byte| byte.to_ascii_lowercase())
        .cmp(second.map(|byte| byte.to_ascii_lowercase()));
    compared.then_with(|| a.cmp(b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::atlas::record::FeatureRow;
    use proptest::prelude::*;

    fn rows() -> Vec<FeatureRow> {
        let row = |latent, label: &str, fired, skew, source| FeatureRow {
            latent,
            label: label.to_owned(),
            fired,
            skew,
            source,
            source_share: fired as f32 / 10.0,
            ..FeatureRow::default()
        };
        vec![
            row(0, "king", 3, Some(1.0), Some(1)),
            row(1, "", 0, None, None),
            row(2, "Abbot", 9, Some(-2.0), Some(0)),
            row(3, "abbey", 9, Some(5.0), Some(1)),
        ]
    }

    fn sorted(column: Column, descending: bool) -> Vec<u32> {
        order(Rows::new(&rows(), 10), Sort { column, descending }, |_| {
            None
        })
    }

    #[test]
    fn what_has_no_value_comes_last_in_either_direction() {
        assert_eq!(sorted(Column::Skew, true), [3, 0, 2, 1]);
        assert_eq!(sorted(Column::Skew, false), [2, 0, 3, 1]);
        assert_eq!(sorted(Column::Label, false), [3, 2, 0, 1]);
        assert_eq!(sorted(Column::Label, true), [0, 2, 3, 1]);
        assert_eq!(sorted(Column::Source, false), [2, 3, 0, 1]);
        assert_eq!(sorted(Column::Source, true), [3, 0, 2, 1]);
    }

    #[test]
    fn equals_keep_the_order_of_their_numbers() {
        assert_eq!(sorted(Column::Density, true), [2, 3, 0, 1]);
        assert_eq!(sorted(Column::Density, false), [1, 0, 2, 3]);
        assert_eq!(sorted(Column::Number, true), [3, 2, 1, 0]);
    }

    #[test]
    fn own_labels_are_sorted_as_they_are_shown() {
        let rows = rows();
        let own = |latent| (latent == 1).then_some("aardvark");
        let sort = Sort {
            column: Column::Label,
            descending: false,
        };
        assert_eq!(order(Rows::new(&rows, 10), sort, own), [1, 3, 2, 0]);
    }

    #[test]
    fn a_second_press_reverses() {
        let first = Sort::pressed(None, Column::Density);
        assert!(first.descending);
        assert!(!Sort::pressed(Some(first), Column::Density).descending);
        assert!(!Sort::pressed(Some(first), Column::Label).descending);
        for column in Column::ALL {
            for descending in [true, false] {
                let sort = Sort { column, descending };
                assert_eq!(Sort::from_text(&sort.to_text()), Some(sort));
            }
        }
        assert_eq!(Sort::from_text("-colour"), None);
    }

    proptest! {
        #[test]
        fn any_numbers_are_put_in_order(values in prop::collection::vec(any::<f32>(), 0..50), descending: bool) {
            let rows: Vec<_> = values.iter().enumerate().map(|(latent, &max)| FeatureRow { latent: latent as u32, max, ..FeatureRow::default() }).collect();
            let order = order(Rows::new(&rows, 1), Sort { column: Column::Max, descending }, |_| None);
            let mut seen = order.clone();
            seen.sort_unstable();
            prop_assert!(seen.into_iter().eq(0..rows.len() as u32));
            for pair in order.windows(2) {
                let (a, b) = (rows[pair[0] as usize].max, rows[pair[1] as usize].max);
                let (first, second) = if descending { (b, a) } else { (a, b) };
                prop_assert!(a.is_nan() || b.is_nan() || first <= second);
            }
        }
    }
}
