//! Concepts while a text is written: which features are strong at a token, which belong together, and how it looked at each token.
//!
//! What is shown is computed from a run (each token's active features), an atlas, and the controls, for any token of the run.

pub mod export;
pub mod facts;
pub mod links;
pub mod moment;
pub mod recorded;
pub mod run;
pub mod ties;
pub mod timeline;

pub use facts::{Facts, Known, SetFacts};
pub use links::{Link, Links};
pub use moment::{Concept, Moment};
pub use run::{Feature, Frame, Run, RunSet};
pub use ties::{Mode, Tie, Ties};

/// What a person can set.
#[derive(Clone, Debug, PartialEq)]
pub struct Controls {
    /// Most nodes.
    pub nodes: usize,
    /// Least strength of a node, from 0 to 1.
    pub threshold: f32,
    /// Largest share of the corpus's tokens on which a feature fires.
    pub density: f64,
    /// Ids of SAEs whose features are not shown.
    pub hidden: Vec<String>,
    /// What an edge means.
    pub mode: Mode,
    /// True if edges that chance may have made are shown as well.
    pub all_ties: bool,
}

impl Default for Controls {
    fn default() -> Self {
        Self {
            nodes: 120,
            threshold: 0.1,
            density: 0.05,
            hidden: Vec::new(),
            mode: Mode::Corpus,
            all_ties: false,
        }
    }
}

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

#[cfg(test)]
mod tests;
