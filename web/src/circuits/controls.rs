//! What a person can set of the graph. It stands in the address.

use crate::format::{exact, exact_single};

/// What an edge means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Two features of a set fire on the same tokens of the atlas's corpus more often than chance.
    #[default]
    Corpus,
    /// Their decoder directions are near.
    Decoder,
    /// They fire on the same tokens of this very text.
    Text,
    /// The later one's activation at the token in view changes when the earlier one is set to 0.
    Effect,
}

impl Mode {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Corpus, Self::Decoder, Self::Text, Self::Effect];

    /// Name for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Corpus => "co-activation on the corpus",
            Self::Decoder => "decoder cosine",
            Self::Text => "co-activation in this text",
            Self::Effect => "measured effect",
        }
    }

    /// Name for data and tests.
    pub fn key(self) -> &'static str {
        match self {
            Self::Corpus => "corpus",
            Self::Decoder => "decoder",
            Self::Text => "text",
            Self::Effect => "effect",
        }
    }

    /// The number that an edge has.
    pub fn value(self) -> &'static str {
        match self {
            Self::Corpus | Self::Text => "PMI",
            Self::Decoder => "cosine",
            Self::Effect => "share",
        }
    }

    /// True if edges are tested against chance.
    pub fn is_tested(self) -> bool {
        matches!(self, Self::Corpus | Self::Text)
    }

    /// True if edges are the atlas's.
    pub fn is_of_atlas(self) -> bool {
        matches!(self, Self::Corpus | Self::Decoder)
    }
}

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

/// Most nodes that an address may ask for.
const MOST_NODES: usize = 2_000;

impl Controls {
    /// Names and values for the address, of what is not as at first.
    pub fn parts(&self) -> Vec<(&'static str, String)> {
        let first = Self::default();
        let mut parts = Vec::new();
        if self.nodes != first.nodes {
            parts.push(("graph-nodes", self.nodes.to_string()));
        }
        if self.threshold != first.threshold {
            parts.push(("graph-threshold", exact_single(self.threshold)));
        }
        if self.density != first.density {
            parts.push(("graph-density", exact(self.density)));
        }
        if self.mode != first.mode {
            parts.push(("graph-edges", self.mode.key().to_owned()));
        }
        if self.all_ties {
            parts.push(("graph-chance", "shown".to_owned()));
        }
        let hidden = self.hidden.iter();
        parts.extend(hidden.map(|sae| ("graph-without", sae.clone())));
        parts
    }

    /// Reads a part of an address; one that makes no sense is passed over.
    pub fn read(&mut self, name: &str, value: &str) {
        let within =
            |most: f64| crate::format::read(value).filter(|read| (0.0..=most).contains(read));
        match name {
            "graph-nodes" => {
                let nodes = value.parse().ok();
                self.nodes = nodes
                    .filter(|nodes| (1..=MOST_NODES).contains(nodes))
                    .unwrap_or(self.nodes);
            }
            "graph-threshold" => {
                self.threshold = within(1.0).map_or(self.threshold, |read| read as f32);
            }
            "graph-density" => self.density = within(1.0).unwrap_or(self.density),
            "graph-edges" => {
                let mode = Mode::ALL.into_iter().find(|mode| mode.key() == value);
                self.mode = mode.unwrap_or_default();
            }
            "graph-chance" => self.all_ties = value == "shown",
            "graph-without" if !self.hidden.iter().any(|sae| sae == value) => {
                self.hidden.push(value.to_owned());
            }
            _ => {}
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Any that an address can have.
    pub fn controls() -> impl Strategy<Value = Controls> {
        let hidden = prop::collection::btree_set(".*", 0..3);
        let numbers = (1..=MOST_NODES, 0.0f32..=1.0, 0.0f64..=1.0);
        (numbers, hidden, 0..Mode::ALL.len(), any::<bool>()).prop_map(
            |((nodes, threshold, density), hidden, mode, all_ties)| Controls {
                nodes,
                threshold,
                density,
                hidden: hidden.into_iter().collect(),
                mode: Mode::ALL[mode],
                all_ties,
            },
        )
    }

    #[test]
    fn what_makes_no_sense_leaves_the_control_as_it_is() {
        let mut controls = Controls::default();
        for (name, value) in [
            ("graph-nodes", "0"),
            ("graph-nodes", "1e9"),
            ("graph-threshold", "2"),
            ("graph-threshold", "NaN"),
            ("graph-density", "-1"),
            ("graph-edges", "love"),
            ("graph-chance", "yes"),
            ("other", "1"),
        ] {
            controls.read(name, value);
            assert_eq!(controls, Controls::default(), "{name}={value}");
        }
    }
}
