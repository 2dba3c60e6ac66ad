//! The table of all features of a set: what lists, searches and rankings need of each.

use crate::record::{FeatureRecord, FeatureRow};

/// Tokens that a row names as raised or lowered most.
const EFFECTS: usize = 3;

/// The table, from the records.
pub fn rows(records: &[FeatureRecord]) -> Vec<FeatureRow> {
    records.iter().map(row).collect()
}

fn row(record: &FeatureRecord) -> FeatureRow {
    let moments = &record.moments;
    let effects = |values: fn(&crate::record::LogitEffect) -> &Vec<crate::record::TokenValue>| {
        record
            .logits
            .iter()
            .flat_map(values)
            .take(EFFECTS)
            .map(|value| value.token)
            .collect()
    };
    FeatureRow {
        latent: record.latent,
        label: record.label.clone(),
        fired: moments.fired,
        max: moments.max,
        mean: moments.mean as f32,
        mean_square: moments.mean_square as f32,
        skew: moments.skew.map(|value| value as f32),
        kurtosis: moments.kurtosis.map(|value| value as f32),
        source: record.main_source,
        source_share: source_share(record),
        token: record.tokens.first().map(|count| count.token),
        up: effects(|logits| &logits.up),
        down: effects(|logits| &logits.down),
    }
}

/// The part of a feature's firings that is in its main source.
fn source_share(record: &FeatureRecord) -> f32 {
    let main = record
        .main_source
        .and_then(|source| record.sources.get(usize::from(source)));
    let all: u64 = record.sources.iter().sum();
    match main {
        Some(main) if all > 0 => (*main as f64 / all as f64) as f32,
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_of_a_source_is_the_part_of_the_firings_there() {
        let record = FeatureRecord {
            sources: vec![10, 30],
            main_source: Some(1),
            ..FeatureRecord::default()
        };
        let dead = FeatureRecord {
            sources: vec![0, 0],
            ..FeatureRecord::default()
        };
        let shares: Vec<_> = rows(&[record, dead])
            .iter()
            .map(|row| (row.source, row.source_share))
            .collect();
        assert_eq!(shares, [(Some(1), 0.75), (None, 0.0)]);
    }
}
