//! Graphs in space: a force layout, a camera that orbits, and what is drawn.
//!
//! The browser loads this crate as a module of its own when somebody opens a graph: once in a worker, which computes the layout, and
//! once in the page, which draws. Everything but the drawing is plain Rust without a browser.

mod error;
mod layout;
mod view;
#[cfg(target_arch = "wasm32")]
mod wasm;

pub use error::Error;
pub use layout::{Edge, Layout};
pub use view::{Camera, Line, Node, Scene, Spot};
