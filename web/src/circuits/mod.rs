//! Concepts while a text is written: which features are strong at a token, which belong together, and how it looked at each token.
//!
//! What is shown is computed from a run (each token's active features), an atlas, and the controls, for any token of the run.

pub mod controls;
pub mod export;
pub mod facts;
pub mod feature;
mod graph;
pub mod links;
pub mod moment;
pub mod recorded;
pub mod run;
pub mod ties;
pub mod timeline;

pub use controls::{Controls, Mode};
pub use facts::{Facts, Known, SetFacts};
pub use feature::Feature;
pub use graph::Graph;
pub use links::{Link, Links};
pub use moment::{Concept, Moment};
pub use run::{Frame, Run, RunSet};
pub use ties::{Tie, Ties};

#[cfg(test)]
mod tests;
