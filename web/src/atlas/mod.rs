//! Parts of an atlas: the files that the page fetches one by one, and what their bytes are.

mod contents;
mod keys;
mod parts;

pub use contents::{Content, read};
pub use keys::key_of;
pub use parts::{PartId, Request, address};
