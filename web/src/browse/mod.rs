//! All features of a set from its statistics: sorting, filters, searches, the visible part of a long list, and the map. Pure:
//! nothing here knows the page's components.
//!
//! Everything works with indices of rows: a set may have 131,072, and no list of them is copied.

pub mod effect;
pub mod filter;
pub mod list;
pub mod map;
pub mod outcome;
pub mod places;
pub mod query;
pub mod sort;
pub mod text;
pub mod tokens;
pub mod window;

pub use filter::{Filter, Group};
pub use list::{Found, Listed, list};
pub use outcome::{Outcome, Sources};
pub use places::{Rows, always_on};
pub use query::{Query, Search, SearchKind};
pub use sort::{Column, Sort};

/// Share of tokens from which on a feature counts as almost always on: 10 %. Lists fold those features into one line. A
/// feature that fires on every tenth token of a corpus has a specificity of at most ln 10 and says little about any one of
/// them; of a TopK SAE, which keeps the k largest of thousands, only a handful of latents are so dense.
pub const ALWAYS_ON: f64 = 0.1;
