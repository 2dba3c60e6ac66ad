//! The layout and the picture for JavaScript.

mod layout;
mod painter;
mod picture;
