//! From a text or tokens to checked sequences, with one decision about the BOS.

mod bos;
mod input;
mod prompt;
mod vocabulary;

pub use bos::BosDecision;
pub(crate) use bos::{Training, decide};
pub use input::{Bos, Input};
pub(crate) use prompt::Prompt;
pub(crate) use vocabulary::Vocabulary;
