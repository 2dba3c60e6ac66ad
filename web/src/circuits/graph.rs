//! All that is drawn at one token.

use super::controls::Controls;
use super::facts::Facts;
use super::feature::Feature;
use super::links::Link;
use super::moment::{Concept, Moment};
use super::run::Run;
use super::ties::{Tie, Ties};

/// All that is drawn at one token.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Graph {
    /// The concepts, the strongest first.
    pub concepts: Vec<Concept>,
    /// The edges between them.
    pub ties: Ties,
}

impl Graph {
    /// The graph at a token. Pinned features are always there.
    pub fn at(
        run: &Run,
        cursor: usize,
        facts: &Facts,
        controls: &Controls,
        pins: &[Feature],
    ) -> Self {
        let moment = Moment::at(run, cursor, facts);
        let concepts = moment.concepts(run, facts, controls, pins);
        let ties = Ties::between(&concepts, run, cursor, facts, controls, &moment);
        Self { concepts, ties }
    }

    /// The same with the effects that were measured at the token for edges.
    pub fn linked(mut self, links: &[Link]) -> Self {
        self.ties = Ties::measured(&self.concepts, links);
        self
    }

    /// Edges of the node at an index, the strongest first, each with the index of the other end.
    pub fn partners(&self, node: usize) -> Vec<(usize, &Tie)> {
        let ties = self.ties.shown.iter();
        let other = |tie: &Tie| match (tie.from == node, tie.to == node) {
            (true, _) => Some(tie.to),
            (_, true) => Some(tie.from),
            _ => None,
        };
        let mut partners: Vec<(usize, &Tie)> =
            ties.filter_map(|tie| Some((other(tie)?, tie))).collect();
        partners.sort_unstable_by(|one, next| {
            next.1
                .value
                .total_cmp(&one.1.value)
                .then(one.0.cmp(&next.0))
        });
        partners
    }

    /// The index of a feature's node.
    pub fn index_of(&self, feature: Feature) -> Option<usize> {
        self.concepts
            .iter()
            .position(|concept| concept.feature == feature)
    }
}
