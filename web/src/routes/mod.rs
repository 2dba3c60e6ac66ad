//! The routes of the page, one folder each. Which one is shown is a part of the address (`state/route.rs`).

pub mod circuits;
pub mod features;
pub mod figure;
pub mod lab;
pub mod library;
pub mod prompt;
pub mod start;
pub mod steer;
