//! What a person can set.

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
