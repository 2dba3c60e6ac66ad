//! How strong each feature is at a token of a run: as it fired, and as it fades since.

use std::collections::BTreeMap;

use super::controls::Controls;
use super::facts::Facts;
use super::feature::Feature;
use super::run::Run;

/// Part of its strength that a feature keeps from token to token while it is silent.
const KEPT: f32 = 0.75;

/// Tokens after which nothing is left: 0.75^16 = 0.01.
const MEMORY: usize = 16;

/// A feature at a token.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Concept {
    /// The feature.
    pub feature: Feature,
    /// Its activation there.
    pub activation: f32,
    /// Its largest activation in the text so far.
    pub peak: f32,
    /// Its largest activation on the corpus, where the atlas knows it.
    pub max: Option<f32>,
    /// From 0 to 1: its activation as a part of the largest (on the corpus, else in the text), times 0.75 for every token since.
    pub strength: f32,
    /// Tokens since it was as strong as that.
    pub silent: usize,
}

/// All features of a run up to a token.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Moment {
    /// Largest activation of each, and the number of tokens on which it is active.
    pub seen: BTreeMap<Feature, (f32, u32)>,
    /// Tokens that count.
    pub tokens: u32,
    strong: Vec<Concept>,
}

impl Moment {
    /// The features at a token.
    pub fn at(run: &Run, cursor: usize, facts: &Facts) -> Self {
        let frames = run.until(cursor);
        let mut seen: BTreeMap<Feature, (f32, u32)> = BTreeMap::new();
        let mut tokens = 0;
        for frame in frames {
            tokens += u32::from(frame.counts);
            for (feature, activation) in frame.features() {
                let (peak, count) = seen.entry(feature).or_default();
                *peak = peak.max(activation);
                *count += 1;
            }
        }
        let mut strong: BTreeMap<Feature, Concept> = BTreeMap::new();
        for (silent, frame) in frames.iter().rev().take(MEMORY).enumerate() {
            let kept = KEPT.powi(silent as i32);
            for (feature, activation) in frame.features() {
                let peak = seen.get(&feature).map_or(activation, |(peak, _)| *peak);
                let max = facts.max(feature);
                let most = max.unwrap_or(peak);
                // A text may go beyond the corpus.
                let strength = (activation / most).clamp(0.0, 1.0) * kept;
                let known = strong.entry(feature).or_insert(Concept {
                    feature,
                    activation: if silent == 0 { activation } else { 0.0 },
                    peak,
                    max,
                    strength: 0.0,
                    silent,
                });
                if strength > known.strength {
                    known.strength = strength;
                    known.silent = silent;
                }
            }
        }
        Self {
            seen,
            tokens,
            strong: strong.into_values().collect(),
        }
    }

    /// True for a feature that the controls let be shown. Where the atlas does not know how often it fires, this text says it.
    pub(super) fn is_wanted(
        &self,
        feature: Feature,
        run: &Run,
        facts: &Facts,
        controls: &Controls,
    ) -> bool {
        let here = || {
            let fired = self.seen.get(&feature).map_or(0, |(_, count)| *count);
            f64::from(fired) / f64::from(self.tokens.max(1))
        };
        let set = run.sets.get(usize::from(feature.set));
        let hidden = set.is_none_or(|set| controls.hidden.contains(&set.sae));
        // Everything is let through at 1, whatever is known.
        !hidden
            && (controls.density >= 1.0
                || facts.density(feature).unwrap_or_else(here) <= controls.density)
    }

    /// The strongest that the controls let be shown, and the pinned ones.
    pub fn concepts(
        &self,
        run: &Run,
        facts: &Facts,
        controls: &Controls,
        pins: &[Feature],
    ) -> Vec<Concept> {
        let (mut pinned, mut concepts): (Vec<Concept>, Vec<Concept>) = self
            .strong
            .iter()
            .partition(|concept| pins.contains(&concept.feature));
        for feature in pins {
            if pinned.iter().all(|concept| concept.feature != *feature) {
                let peak = self.seen.get(feature).map_or(0.0, |(peak, _)| *peak);
                pinned.push(Concept {
                    feature: *feature,
                    peak,
                    max: facts.max(*feature),
                    silent: MEMORY,
                    ..Concept::default()
                });
            }
        }
        concepts.retain(|concept| {
            concept.strength >= controls.threshold
                && concept.strength > 0.0
                && self.is_wanted(concept.feature, run, facts, controls)
        });
        let strongest = |one: &Concept, other: &Concept| {
            other
                .strength
                .total_cmp(&one.strength)
                .then(one.feature.cmp(&other.feature))
        };
        concepts.sort_unstable_by(strongest);
        concepts.truncate(controls.nodes);
        concepts.extend(pinned);
        concepts.sort_unstable_by(strongest);
        concepts
    }
}
