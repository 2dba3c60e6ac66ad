//! Display of prompts, features and numbers, alike in the page and in the files that the program writes: marks for what
//! cannot be seen, bytes and the characters that they are parts of, directions of writing, and the layout of it all; short
//! names of hook points; formats of numbers; the definitions of words; rankings of features. No device, no network, no model.

pub mod definitions;
pub mod format;
#[cfg(feature = "html")]
pub mod html;
pub mod ranking;

mod characters;
mod directions;
mod groups;
mod hooks;
mod layout;
mod marks;
mod title;

pub use characters::{SplitCharacter, describe_bytes};
pub use directions::{Direction, Side};
pub use groups::{Group, groups};
pub use hooks::{hook_label, layer_of};
pub use layout::{Layout, Line, Unit};
pub use marks::{Byte, Part, Piece, named, pieces, quoted};
pub use title::TokenFacts;
