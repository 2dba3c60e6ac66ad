//! One file per question to the engine, with its options and its result.

pub(crate) mod activations;
mod cautions;
mod compared;
pub(crate) mod directions;
pub(crate) mod edit_table;
pub(crate) mod edited;
pub(crate) mod effects;
pub(crate) mod evaluate;
pub(crate) mod evaluate_windows;
pub(crate) mod feature;
pub(crate) mod generate;
pub(crate) mod matches;
pub(crate) mod metrics;
mod pool;
pub(crate) mod question;
mod sample;
pub(crate) mod sample_loss;
pub(crate) mod scan;
pub(crate) mod scan_batch;
pub(crate) mod set_trace;
pub(crate) mod statistics;
mod steering;
pub(crate) mod stream_patching;
mod suffixes;
pub(crate) mod taps;
pub(crate) mod trace;
pub(crate) mod watched;
