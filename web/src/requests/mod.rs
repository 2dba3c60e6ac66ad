//! Requests to the engine and to the site, each with one subject.

pub mod atlas;
pub mod counterparts;
pub mod library;
pub mod live;
pub mod numbers;
pub mod own_file;
pub mod site;
pub mod taps;
pub mod text;
