//! The atlas in the page: its files, fetched one by one, and what they say as it is shown.

mod chart;
mod contents;
mod effect;
mod example;
mod keys;
mod parts;
mod stated;

pub use chart::{Bars, Column, bars};
pub use contents::{Content, read};
pub use effect::{Effect, Shift, effect};
pub use example::{Prompt, along, cut, peak, prompt_of, text_of};
pub use keys::key_of;
pub use parts::{PartId, Request, address};
pub use stated::{counted_tokens, stated};
