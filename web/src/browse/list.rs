//! A list of features: what was found, filtered and in order.

use super::filter::{Filter, Own};
use super::places::Rows;

/// Rows that a search found, with the value by which they are ranked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    /// Index of a row and its value, the best first.
    pub hits: Vec<(u32, f64)>,
}

/// A list.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Listed {
    /// Indices of the rows, in order.
    pub rows: Vec<u32>,
    /// Rows that are left out only because they are almost always on.
    pub folded: usize,
}

/// The rows of an order that pass a filter. Of a search those that it found: in their own order where `order` is `None`.
/// `inside` says which rows an area of the map holds.
pub fn list(
    rows: Rows<'_>,
    order: Option<&[u32]>,
    found: Option<&Found>,
    filter: &Filter,
    sources: &[String],
    own: &dyn Own,
    inside: Option<&[bool]>,
) -> Listed {
    let prepared = filter.prepared(rows, sources, own);
    let mut listed = Listed::default();
    let hit = found.map(|found| {
        let mut hit = vec![false; rows.all().len()];
        for (index, _) in &found.hits {
            if let Some(hit) = hit.get_mut(*index as usize) {
                *hit = true;
            }
        }
        hit
    });
    let holds = |marks: Option<&[bool]>, index: u32| {
        marks.is_none_or(|marks| marks.get(index as usize) == Some(&true))
    };
    let mut take = |index: u32| {
        let Some(row) = rows.at(index) else { return };
        if holds(inside, index) && prepared.passes(row) {
            if prepared.unfolds(row) {
                listed.rows.push(index);
            } else {
                listed.folded += 1;
            }
        }
    };
    match (order, found) {
        (Some(order), _) => order
            .iter()
            .copied()
            .filter(|index| holds(hit.as_deref(), *index))
            .for_each(&mut take),
        (None, Some(found)) => found.hits.iter().for_each(|(index, _)| take(*index)),
        (None, None) => (0..rows.all().len() as u32).for_each(&mut take),
    }
    listed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::browse::filter::{Group, Nothing};
    use crate::browse::sort::{Column, Sort, order};
    use ::atlas::record::FeatureRow;

    #[test]
    fn a_search_keeps_its_order_until_another_is_chosen() {
        let fired = [1u64, 2, 3, 500];
        let rows: Vec<_> = (0u32..)
            .zip(fired)
            .map(|(latent, fired)| FeatureRow {
                latent,
                fired,
                ..FeatureRow::default()
            })
            .collect();
        let rows = Rows::new(&rows, 1000);
        let filter = Filter::default();
        let whole = list(rows, None, None, &filter, &[], &Nothing, None);
        assert_eq!((whole.rows, whole.folded), (vec![0, 1, 2], 1));
        let found = Found {
            hits: vec![(2, 9.0), (0, 4.0), (3, 1.0), (99, 0.0)],
        };
        let ranked = list(rows, None, Some(&found), &filter, &[], &Nothing, None);
        assert_eq!((ranked.rows, ranked.folded), (vec![2, 0], 1));
        let by_density = order(
            rows,
            Sort {
                column: Column::Density,
                descending: false,
            },
            |_| None,
        );
        let sorted = list(
            rows,
            Some(&by_density),
            Some(&found),
            &filter,
            &[],
            &Nothing,
            None,
        );
        assert_eq!(sorted.rows, [0, 2]);
        let all = Filter {
            always: Group::With,
            ..Filter::default()
        };
        let inside = [false, true, false, true];
        let area = list(
            rows,
            Some(&by_density),
            None,
            &all,
            &[],
            &Nothing,
            Some(&inside),
        );
        assert_eq!((area.rows, area.folded), (vec![1, 3], 0));
    }
}
