//! Lists of the largest of many values.

/// The `count` largest values with their indices, the largest first; of equals the one that comes first. No value may be NaN.
pub(super) fn largest(values: impl Iterator<Item = (u32, f32)>, count: usize) -> Vec<(u32, f32)> {
    let mut kept: Vec<(u32, f32)> = Vec::with_capacity(count + 1);
    let mut least = f32::NEG_INFINITY;
    for (index, value) in values {
        if kept.len() == count && value <= least {
            continue;
        }
        let at = kept.partition_point(|(_, other)| *other >= value);
        kept.insert(at, (index, value));
        kept.truncate(count);
        if let Some((_, last)) = kept.last() {
            least = *last;
        }
    }
    kept
}

/// Adds to a list, largest first, and keeps its `count` largest; of equals those that were there before come first.
pub(super) fn merge_largest<T>(
    list: &mut Vec<T>,
    more: impl Iterator<Item = T>,
    count: usize,
    value: impl Fn(&T) -> f32,
) {
    list.extend(more);
    list.sort_by(|a, b| value(b).total_cmp(&value(a)));
    list.truncate(count);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_come_first_and_of_equals_the_earlier() {
        let values = [2.0, -1.0, 5.0, 2.0, 5.0, 0.5];
        let found = largest((0..).zip(values), 4);
        assert_eq!(found, [(2, 5.0), (4, 5.0), (0, 2.0), (3, 2.0)]);
        assert_eq!(largest((0..).zip([1.0]), 4), [(0, 1.0)]);
        assert_eq!(largest((0..).zip(values), 0), []);
    }

    #[test]
    fn lists_merge_as_if_they_were_one() {
        let mut list = vec![(0, 3.0), (1, 1.0)];
        merge_largest(
            &mut list,
            [(2, 3.0), (3, 2.0)].into_iter(),
            3,
            |(_, value)| *value,
        );
        assert_eq!(list, [(0, 3.0), (2, 3.0), (3, 2.0)]);
    }
}
