//! One's own words about features: favourites, labels and notes, kept in this browser and exchanged as JSON. Features are known
//! by the SHA-256 of their set's tensors and their number, so that a set under another name keeps its notes, and another set
//! under its name does not get them.

mod file;
mod model;
#[cfg(target_arch = "wasm32")]
pub mod store;

pub use file::{MOST_BYTES, read, write, write_set};
pub use model::{Import, Notes, OwnNote, SetKey, SetNotes, Writing, combine};
