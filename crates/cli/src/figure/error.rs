//! Errors of `figure`.

/// An error, as one paragraph for a person.
#[derive(Debug, thiserror::Error)]
pub enum FigureError {
    /// A feature set that no option names.
    #[error("--set {given} is none of the feature sets that are named: {}", .named.join(", "))]
    NoSet {
        /// As it was given.
        given: String,
        /// Ids of those that are.
        named: Vec<String>,
    },
    /// A feature that its set does not have.
    #[error("--feature {feature}: {set} has {n_latents} features, counted from 0")]
    NoFeature {
        /// As it was given.
        feature: u32,
        /// The set's id.
        set: String,
        /// Its number of features.
        n_latents: usize,
    },
    /// A token that the prompt does not have.
    #[error("--token {token}: the prompt has {count}, counted from 0{}", if *.bos { ", the BOS included" } else { "" })]
    NoToken {
        /// As it was given.
        token: usize,
        /// The number of tokens with its noun.
        count: String,
        /// True if the first is a BOS that was put before the prompt.
        bos: bool,
    },
    /// A site's address that is none.
    #[error(
        "--site {given} is no address of a site: {why}, as in https://example.org/sae-explorer/"
    )]
    Site {
        /// As it was given.
        given: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A model or a feature set that a link cannot name.
    #[error("--site: a link cannot name {given}, because {why}; leave --site out")]
    Unlinkable {
        /// As it was given.
        given: String,
        /// The reason.
        why: &'static str,
    },
    /// The standard output is to hold two things.
    #[error("--out - and --json both write to the standard output; give --out a file")]
    TwoOutputs,
    /// A file that is there already.
    #[error(
        "--out {path} is there already; nothing was written: give another name, or --overwrite to replace it"
    )]
    Exists {
        /// The file.
        path: String,
    },
    /// A number that is not one.
    #[error("{what} is not a number; nothing was written")]
    NotANumber {
        /// The quantity.
        what: &'static str,
    },
}

impl FigureError {
    /// The error's kind in kebab-case.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoSet { .. } => "unknown-sae",
            Self::NoFeature { .. }
            | Self::NoToken { .. }
            | Self::Site { .. }
            | Self::Unlinkable { .. }
            | Self::TwoOutputs => "bad-option",
            Self::Exists { .. } => "output",
            Self::NotANumber { .. } => "not-a-number",
        }
    }
}
