//! Runs: described as data, compiled once for a shape, executed without waiting. With the coders of `features`, the only
//! place that records kernels.

pub(crate) mod clean;
pub(crate) mod compile;
pub(crate) mod decoder;
pub(crate) mod executor;
pub(crate) mod head;
pub(crate) mod input;
pub(crate) mod output;
pub(crate) mod rows_head;
mod scratch;
pub(crate) mod spec;
mod stage;
mod taps;
