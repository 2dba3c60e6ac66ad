//! What a picture of the map shows and how.

use crate::browse::map::Camera;

/// The look of a picture.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// The part of the map that is shown.
    pub camera: Camera,
    /// Device pixels per CSS pixel.
    pub dots: f64,
    /// The point that is marked.
    pub marked: Option<u32>,
    /// Its colour.
    pub ink: [u8; 4],
}
