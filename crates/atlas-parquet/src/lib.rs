//! Tables of an atlas in Parquet, for SQL, pandas and anything else that reads it: `features.parquet` has a row per feature,
//! `examples.parquet` one per example, `coactivations.parquet` one per pair of features that fire together. docs/atlas.md
//! describes the columns. What an imported atlas does not know is null.

mod coactivations;
mod columns;
mod examples;
mod features;
mod tables;

pub use tables::{COACTIVATIONS, EXAMPLES, Error, FEATURES, Tables};
