//! Requests to the engine and to the site, each with one subject.

pub mod atlas;
pub mod live;
pub mod site;
pub mod taps;
pub mod text;
