//! Requests to the engine that follow from the state, each with one subject.

pub mod taps;
