//! The timeline: tokens of a run by its strongest features.

use std::collections::BTreeMap;

use super::controls::Controls;
use super::facts::Facts;
use super::feature::Feature;
use super::moment::Moment;
use super::run::Run;

/// Most rows.
pub const ROWS: usize = 14;

/// A feature's activations along a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The feature.
    pub feature: Feature,
    /// Indices of tokens on which it is active, with its activation as a part of its largest, from 0 to 1.
    pub cells: Vec<(usize, f32)>,
}

/// The features that are strongest over a whole run, in the order in which they first appear.
pub fn rows(run: &Run, facts: &Facts, controls: &Controls, pins: &[Feature]) -> Vec<Row> {
    let last = run.frames.len().saturating_sub(1);
    let moment = Moment::at(run, last, facts);
    let mut rows: BTreeMap<Feature, Vec<(usize, f32)>> = BTreeMap::new();
    for (at, frame) in run.frames.iter().enumerate() {
        for (feature, activation) in frame.features() {
            let peak = moment
                .seen
                .get(&feature)
                .map_or(activation, |(peak, _)| *peak);
            let most = facts.max(feature).unwrap_or(peak);
            rows.entry(feature)
                .or_default()
                .push((at, (activation / most).clamp(0.0, 1.0)));
        }
    }
    let all = rows
        .into_iter()
        .map(|(feature, cells)| Row { feature, cells });
    let pinned = |row: &Row| pins.contains(&row.feature);
    let mut all: Vec<Row> = all
        .filter(|row| pinned(row) || moment.is_wanted(row.feature, run, facts, controls))
        .collect();
    // A feature that fires everywhere says little of a text, however strong it is.
    let worth = |row: &Row| {
        let density = facts
            .density(row.feature)
            .unwrap_or(row.cells.len() as f64 / run.frames.len().max(1) as f64);
        let squares: f32 = row
            .cells
            .iter()
            .map(|(_, strength)| strength * strength)
            .sum();
        f64::from(squares).sqrt() * -density.max(1e-9).ln()
    };
    all.sort_unstable_by(|one, other| {
        let order = pinned(other).cmp(&pinned(one));
        order
            .then(worth(other).total_cmp(&worth(one)))
            .then(one.feature.cmp(&other.feature))
    });
    all.truncate(ROWS);
    all.sort_unstable_by_key(|row| (row.cells.first().map(|(at, _)| *at), row.feature));
    all
}
