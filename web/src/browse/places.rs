//! The rows of a set, looked up by latent.

use ::atlas::record::FeatureRow;

use super::ALWAYS_ON;

/// The table of a set with the number of tokens that its statistics are over.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a> {
    /// One row per feature, by increasing latent.
    rows: &'a [FeatureRow],
    /// Tokens that the statistics are over; 0 where it is not known how often features fire among how many.
    tokens: u64,
}

/// True for a density, as a share of tokens, from which on lists fold a feature; see [`ALWAYS_ON`].
pub fn always_on(density: f64) -> bool {
    density >= ALWAYS_ON
}

impl<'a> Rows<'a> {
    /// Rows by increasing latent, with the number of tokens that they are over, see [`crate::atlas::counted_tokens`].
    pub fn new(rows: &'a [FeatureRow], tokens: u64) -> Self {
        Self { rows, tokens }
    }

    /// True if densities, and what follows from them, are known.
    pub fn have_densities(&self) -> bool {
        self.tokens > 0
    }

    /// True for a feature that is known to fire nowhere.
    pub fn is_dead(&self, row: &FeatureRow) -> bool {
        self.have_densities() && row.fired == 0
    }

    /// All of them.
    pub fn all(&self) -> &'a [FeatureRow] {
        self.rows
    }

    /// Tokens that the statistics are over.
    pub fn tokens(&self) -> u64 {
        self.tokens
    }

    /// The row at an index.
    pub fn at(&self, index: u32) -> Option<&'a FeatureRow> {
        self.rows.get(index as usize)
    }

    /// The index of a latent's row.
    pub fn index_of(&self, latent: u32) -> Option<u32> {
        // A whole set has the latent's row at the latent's index.
        if self.at(latent).is_some_and(|row| row.latent == latent) {
            return Some(latent);
        }
        let found = self.rows.binary_search_by_key(&latent, |row| row.latent);
        u32::try_from(found.ok()?).ok()
    }

    /// The row of a latent.
    pub fn of_latent(&self, latent: u32) -> Option<&'a FeatureRow> {
        self.at(self.index_of(latent)?)
    }

    /// Share of the tokens on which a feature fires; 0 where nothing was read.
    pub fn density(&self, row: &FeatureRow) -> f64 {
        density(row, self.tokens)
    }

    /// The specificity of a feature: ln((1 + N) / n), nats, with N the tokens that the statistics are over and n the number of
    /// those on which it fires, at least 1. 0.7 for one that fires on half of them, 6.9 for one in a thousand. 1 for each where
    /// densities are not known: what is ranked by it is then ranked by the rest.
    pub fn specificity(&self, row: &FeatureRow) -> f64 {
        if self.have_densities() {
            specificity(row.fired, self.tokens)
        } else {
            1.0
        }
    }
}

/// Share of tokens on which a feature fires; 0 where nothing was read.
pub fn density(row: &FeatureRow, tokens: u64) -> f64 {
    if tokens == 0 {
        return 0.0;
    }
    row.fired as f64 / tokens as f64
}

/// ln((1 + N) / n), nats, see [`Rows::specificity`].
pub fn specificity(fired: u64, tokens: u64) -> f64 {
    ((1.0 + tokens as f64) / fired.max(1) as f64).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(latent: u32, fired: u64) -> FeatureRow {
        FeatureRow {
            latent,
            fired,
            ..FeatureRow::default()
        }
    }

    #[test]
    fn rows_are_found_by_latent_in_whole_sets_and_in_parts() {
        let whole = [row(0, 5), row(1, 7)];
        let rows = Rows::new(&whole, 10);
        assert_eq!(rows.of_latent(1).map(|row| row.fired), Some(7));
        assert_eq!(rows.of_latent(2), None);
        let part = [row(3, 5), row(9, 7)];
        let rows = Rows::new(&part, 10);
        assert_eq!(
            (rows.index_of(9), rows.index_of(3), rows.index_of(0)),
            (Some(1), Some(0), None)
        );
    }

    #[test]
    fn densities_and_specificities_are_those_of_their_definitions() {
        let rows = [row(0, 0), row(1, 1), row(2, 50), row(3, 100)];
        let rows = Rows::new(&rows, 100);
        let densities: Vec<_> = rows.all().iter().map(|row| rows.density(row)).collect();
        assert_eq!(densities, [0.0, 0.01, 0.5, 1.0]);
        let specific: Vec<_> = rows.all().iter().map(|row| rows.specificity(row)).collect();
        // Natural logarithms of 101, 101, 2.02 and 1.01.
        let expected = [
            4.615_120_516_841,
            4.615_120_516_841,
            0.703_097_511_4,
            0.009_950_330_853,
        ];
        for (got, want) in specific.iter().zip(expected) {
            assert!((got - want).abs() < 1e-9, "{got} {want}");
        }
        assert_eq!(Rows::new(&[], 0).density(&row(0, 3)), 0.0);
        assert!(always_on(0.1) && !always_on(0.0999));
    }

    #[test]
    fn what_is_not_known_is_not_taken_for_a_zero() {
        let all = [row(0, 0), row(1, 5)];
        let (known, unknown) = (Rows::new(&all, 100), Rows::new(&all, 0));
        assert!(known.is_dead(&all[0]) && !known.is_dead(&all[1]));
        assert!(!unknown.is_dead(&all[0]) && !unknown.have_densities());
        assert_eq!(unknown.specificity(&all[1]), 1.0);
    }
}
