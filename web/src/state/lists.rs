//! Lists of features: of a token or of the whole prompt, and their order.

/// List of features that is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum View {
    /// Those of the selected token.
    #[default]
    Token,
    /// Those of the whole prompt.
    Prompt,
}

/// Order of the features of a whole prompt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ranking {
    /// By largest activation.
    #[default]
    Max,
    /// By mean activation over the tokens.
    Mean,
    /// By number of tokens on which they are active.
    Count,
    /// By how specific they are.
    Specific,
}

impl View {
    /// Its name in the address.
    pub fn name(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Prompt => "prompt",
        }
    }
}

impl Ranking {
    /// All of them, in the order of their buttons.
    pub const ALL: [Self; 4] = [Self::Max, Self::Mean, Self::Count, Self::Specific];

    /// Its name in the address.
    pub fn name(self) -> &'static str {
        match self {
            Self::Max => "max",
            Self::Mean => "mean",
            Self::Count => "count",
            Self::Specific => "specific",
        }
    }
}
