//! Edges between concepts, by what they mean.

use std::collections::BTreeMap;

use ::atlas::association::{Counts, corrected, pairs};

use super::controls::{Controls, Mode};
use super::facts::Facts;
use super::feature::Feature;
use super::links::Link;
use super::moment::{Concept, Moment};
use super::run::Run;

/// Chance, corrected for the number of tests, below which a pair counts as more than chance.
const LEVEL: f64 = 0.05;

/// Most edges that are shown.
const MOST: usize = 2_000;

/// An edge between two concepts, by their indices.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tie {
    /// One end, the smaller index.
    pub from: usize,
    /// The other end.
    pub to: usize,
    /// PMI in nats, cosine, or the share of the later feature's activation.
    pub value: f32,
    /// From 0 to 1: normalised PMI, cosine, or the size of the share.
    pub weight: f32,
    /// Tokens on which both fire.
    pub both: Option<u64>,
    /// The chance that as many come together, corrected for the number of tests; nothing where no test applies.
    pub chance: Option<f64>,
}

impl Tie {
    /// False where chance may have made it.
    pub fn is_significant(&self) -> bool {
        self.chance.is_none_or(|chance| chance < LEVEL)
    }
}

/// The edges between the concepts of a moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ties {
    /// Those that are shown, the strongest first.
    pub shown: Vec<Tie>,
    /// Number of pairs that may be chance, which are not shown unless they are asked for.
    pub insignificant: usize,
    /// Number of pairs of features of one set, and of two sets.
    pub pairs: (u64, u64),
    /// Concepts of which the atlas's record is still to come.
    pub waiting: usize,
    /// Concepts that the atlas does not have.
    pub unknown: usize,
}

impl Ties {
    /// The edges between some concepts.
    pub fn between(
        concepts: &[Concept],
        run: &Run,
        cursor: usize,
        facts: &Facts,
        controls: &Controls,
        moment: &Moment,
    ) -> Self {
        let index: BTreeMap<Feature, usize> = concepts
            .iter()
            .map(|concept| concept.feature)
            .zip(0..)
            .collect();
        let mut per_set: BTreeMap<u8, u64> = BTreeMap::new();
        for feature in index.keys() {
            *per_set.entry(feature.set).or_default() += 1;
        }
        let within = per_set.values().map(|count| pairs(*count)).sum();
        let mut ties = Self {
            pairs: (within, pairs(concepts.len() as u64) - within),
            ..Self::default()
        };
        let mut found: BTreeMap<(usize, usize), Tie> = BTreeMap::new();
        match controls.mode {
            Mode::Text => in_text(&index, run, cursor, moment, &mut found),
            // They are measured, and not computed from what is there.
            Mode::Effect => {}
            Mode::Corpus | Mode::Decoder => {
                ties.read_atlas(&index, facts, controls.mode, &mut found)
            }
        }
        let all: Vec<Tie> = found.into_values().collect();
        ties.insignificant = all.iter().filter(|tie| !tie.is_significant()).count();
        let shown = all
            .into_iter()
            .filter(|tie| controls.all_ties || tie.is_significant());
        ties.shown = shown.collect();
        ties.sort();
        ties
    }

    /// The effects that were measured between some concepts, as far as they are large.
    pub fn measured(concepts: &[Concept], links: &[Link]) -> Self {
        let index = |feature: Feature| concepts.iter().position(|one| one.feature == feature);
        let large = links.iter().filter(|link| link.is_large());
        let ties = large.filter_map(|link| {
            let (from, to) = (index(link.from)?, index(link.to)?);
            Some(Tie {
                from: from.min(to),
                to: from.max(to),
                value: link.share(),
                weight: link.share().abs().min(1.0),
                both: None,
                chance: None,
            })
        });
        let mut ties = Self {
            shown: ties.collect(),
            ..Self::default()
        };
        ties.sort();
        ties
    }

    fn sort(&mut self) {
        self.shown.sort_unstable_by(|one, other| {
            other
                .weight
                .total_cmp(&one.weight)
                .then((one.from, one.to).cmp(&(other.from, other.to)))
        });
        self.shown.truncate(MOST);
    }

    fn read_atlas(
        &mut self,
        index: &BTreeMap<Feature, usize>,
        facts: &Facts,
        mode: Mode,
        found: &mut BTreeMap<(usize, usize), Tie>,
    ) {
        for (feature, at) in index {
            let Some(set) = facts.set(feature.set) else {
                self.unknown += 1;
                continue;
            };
            let Some(known) = set.known(feature.latent) else {
                self.waiting += 1;
                continue;
            };
            let mut add = |other: Option<Feature>, tie: Tie| {
                let other = other
                    .and_then(|other| index.get(&other))
                    .filter(|other| *other != at);
                if let Some(other) = other {
                    let (from, to) = (*at.min(other), *at.max(other));
                    found.entry((from, to)).or_insert(Tie { from, to, ..tie });
                }
            };
            let beside = |latent: u32| {
                Some(Feature {
                    set: feature.set,
                    latent,
                })
            };
            if mode == Mode::Corpus {
                let tests = pairs(set.rows.len() as u64);
                for partner in &known.partners {
                    let counts = set.counts(feature.latent, partner);
                    if let Some(tie) = counts.and_then(|counts| of_counts(counts, tests)) {
                        add(beside(partner.latent), tie);
                    }
                }
                continue;
            }
            for near in &known.similar {
                add(beside(near.latent), of_cosine(near.cosine));
            }
            for near in &known.across {
                let set = u8::try_from(near.set).ok();
                let other = set.map(|set| Feature {
                    set,
                    latent: near.latent,
                });
                add(other, of_cosine(near.cosine));
            }
            for near in &known.elsewhere {
                add(
                    facts.feature(&near.set, near.latent),
                    of_cosine(near.cosine),
                );
            }
        }
    }
}

/// An edge by counts; nothing where they contradict each other, or the two do not fire together.
fn of_counts(counts: Counts, tests: u64) -> Option<Tie> {
    Some(Tie {
        from: 0,
        to: 0,
        value: counts.pmi()? as f32,
        // Two that fire on every token are as independent as they are together.
        weight: counts.normalised_pmi().unwrap_or(0.0).clamp(0.0, 1.0) as f32,
        both: Some(counts.both),
        chance: Some(corrected(counts.chance()?, tests)),
    })
}

fn of_cosine(cosine: f32) -> Tie {
    Tie {
        from: 0,
        to: 0,
        value: cosine,
        weight: cosine.clamp(0.0, 1.0),
        both: None,
        chance: None,
    }
}

/// Pairs that fire together in the text so far; tested as many times as there are pairs of features in it.
fn in_text(
    index: &BTreeMap<Feature, usize>,
    run: &Run,
    cursor: usize,
    moment: &Moment,
    found: &mut BTreeMap<(usize, usize), Tie>,
) {
    let mut together: BTreeMap<(usize, usize), u64> = BTreeMap::new();
    let mut fired = vec![0u64; index.len()];
    for frame in run.until(cursor) {
        let mut here: Vec<usize> = frame
            .features()
            .filter_map(|(feature, _)| index.get(&feature).copied())
            .collect();
        here.sort_unstable();
        for (at, one) in here.iter().enumerate() {
            fired[*one] += 1;
            for other in &here[at + 1..] {
                *together.entry((*one, *other)).or_default() += 1;
            }
        }
    }
    let tests = pairs(moment.seen.len() as u64);
    for ((from, to), both) in together {
        let counts = Counts {
            tokens: moment.tokens.into(),
            one: fired[from],
            other: fired[to],
            both,
        };
        if let Some(tie) = of_counts(counts, tests).filter(|tie| tie.value > 0.0) {
            found.insert((from, to), Tie { from, to, ..tie });
        }
    }
}
