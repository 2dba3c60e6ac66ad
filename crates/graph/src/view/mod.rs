//! What is drawn of a graph, and from where.

mod camera;
mod scene;
mod svg;

pub use camera::{Camera, Spot};
pub use scene::{Line, Node, Scene};
