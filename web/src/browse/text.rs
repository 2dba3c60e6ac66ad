//! Search by text: the features that fire on a sentence, the most characteristic first.

use std::collections::BTreeMap;

use super::places::Rows;
use crate::data::SaeTrace;
use crate::ranking::at_token;

/// A feature that fires on a text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Characteristic {
    /// Index of its row.
    pub index: u32,
    /// Its measure: a · ln((1 + N) / n), where a is its largest activation on the text, N the tokens that the statistics are
    /// over, and n the number of those on which it fires, at least 1.
    pub measure: f64,
    /// Index of the token on which its activation is largest.
    pub token: usize,
    /// Its activation there.
    pub activation: f32,
}

/// The features that fire on a text's tokens from `first` to before `end`, by decreasing measure, of equals by number. A feature
/// that the table does not have is left out.
pub fn characteristic(
    trace: &SaeTrace,
    first: usize,
    end: usize,
    rows: Rows<'_>,
) -> Vec<Characteristic> {
    let mut strongest = BTreeMap::<u32, (f32, usize)>::new();
    for token in first..end {
        for active in at_token(trace, token).filter(|active| active.activation > 0.0) {
            let best = strongest
                .entry(active.latent)
                .or_insert((active.activation, token));
            if active.activation > best.0 {
                *best = (active.activation, token);
            }
        }
    }
    let mut found: Vec<_> = strongest
        .into_iter()
        .filter_map(|(latent, (activation, token))| {
            let index = rows.index_of(latent)?;
            let measure = f64::from(activation) * rows.specificity(rows.at(index)?);
            Some(Characteristic {
                index,
                measure,
                token,
                activation,
            })
        })
        .collect();
    found.sort_by(|a, b| b.measure.total_cmp(&a.measure));
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::atlas::record::FeatureRow;

    #[test]
    fn what_is_rare_goes_before_what_is_strong_everywhere() {
        let row = |latent, fired| FeatureRow {
            latent,
            fired,
            ..FeatureRow::default()
        };
        let rows = [row(0, 900), row(1, 1), row(2, 100)];
        let trace = SaeTrace {
            k: 2,
            n_latents: 4,
            // The BOS, and two tokens of the text.
            latents: vec![1, -1, 0, 1, 2, 3],
            activations: vec![99.0, 0.0, 5.0, 1.0, 2.0, 7.0],
            ..SaeTrace::default()
        };
        let found = characteristic(&trace, 1, 3, Rows::new(&rows, 999));
        let order: Vec<_> = found
            .iter()
            .map(|one| (one.index, one.token, one.activation))
            .collect();
        assert_eq!(order, [(1, 1, 1.0), (2, 2, 2.0), (0, 1, 5.0)]);
        // 1 · ln(1000 / 1), 2 · ln(1000 / 100), 5 · ln(1000 / 900).
        for (one, want) in
            found
                .iter()
                .zip([6.907_755_278_982, 4.605_170_185_988, 0.526_802_578_289])
        {
            assert!((one.measure - want).abs() < 1e-9, "{one:?}");
        }
        assert_eq!(characteristic(&trace, 3, 9, Rows::new(&rows, 999)), []);
    }
}
