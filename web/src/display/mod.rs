//! Display of a prompt's tokens: marks for what cannot be seen, bytes and the characters that they are parts of,
//! directions of writing, and the layout of it all; and short names of hook points.

mod characters;
mod directions;
mod groups;
mod hooks;
mod layout;
mod marks;

pub use characters::{SplitCharacter, describe_bytes};
pub use directions::{Direction, Side};
pub use groups::{Group, groups};
pub use hooks::{hook_label, layer_of};
pub use layout::{Layout, Line, Unit};
pub use marks::{Byte, Part, Piece, named, pieces, quoted};
