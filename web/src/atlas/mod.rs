//! Parts of an atlas: the files that the page fetches one by one, and what their bytes are.

mod contents;
mod parts;

pub use contents::{Content, read};
pub use parts::{PartId, Request, address};
