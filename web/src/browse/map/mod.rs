//! The map of a set's features: the part of the plane that is in view, the point below the pointer, areas, and colours.

pub mod camera;
pub mod colour;
pub mod grid;
pub mod lasso;

pub use camera::Camera;
pub use grid::Grid;
