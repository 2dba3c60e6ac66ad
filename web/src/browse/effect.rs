//! Search by logit effect: the features that raise or lower a token most, by the tokens that the table names of each.

use super::places::Rows;

/// Direction of an effect on a logit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Raised.
    Up,
    /// Lowered.
    Down,
}

/// The features whose list of tokens that they raise (or lower) most has one of some tokens, with its place there from 1, the
/// first place first; of equals the lower number. The table names few tokens per feature, so one whose effect on a token is
/// large but not among its largest is not found.
pub fn pushing(rows: Rows<'_>, tokens: &[u32], effect: Effect) -> Vec<(u32, f64)> {
    let mut found = Vec::new();
    for (index, row) in (0u32..).zip(rows.all()) {
        let named = match effect {
            Effect::Up => &row.up,
            Effect::Down => &row.down,
        };
        if let Some(place) = named.iter().position(|token| tokens.contains(token)) {
            found.push((index, (place + 1) as f64));
        }
    }
    found.sort_by(|a, b| a.1.total_cmp(&b.1));
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::atlas::record::FeatureRow;

    #[test]
    fn the_first_place_comes_first() {
        let row = |latent, up: &[u32], down: &[u32]| FeatureRow {
            latent,
            up: up.to_vec(),
            down: down.to_vec(),
            ..FeatureRow::default()
        };
        let rows = [
            row(0, &[4, 5, 6], &[]),
            row(1, &[], &[5]),
            row(2, &[5, 4], &[6, 7]),
            row(3, &[9, 8, 5], &[]),
        ];
        let rows = Rows::new(&rows, 1);
        assert_eq!(
            pushing(rows, &[5], Effect::Up),
            [(2, 1.0), (0, 2.0), (3, 3.0)]
        );
        assert_eq!(pushing(rows, &[5, 7], Effect::Down), [(1, 1.0), (2, 2.0)]);
        assert_eq!(pushing(rows, &[], Effect::Up), []);
    }
}
